import { createHash } from "node:crypto";
import { dirname } from "node:path";
import ts from "typescript";

/** Ends a record where records are written to a file or a pipe one after the other: the record separator of ASCII. */
export const RECORD_END = 0x1e;

const RECORD_BYTES_MAX = 2000;
const NEWLINE = 0x0a;

/** A part of the text, cut into records. */
export interface TextPart {
  /** In order; none is empty. */
  readonly records: readonly Uint8Array[];
  /** The same, each followed by {@linkcode RECORD_END}. */
  readonly joined: Uint8Array;
  /** SHA-256 of `joined`. */
  readonly sha256: string;
}

/**
 * Text that people wrote, 20 MB of it: the compiler of TypeScript, its declarations of the web's APIs, and its messages
 * in 13 languages, as its npm package has them.
 */
export async function realText(): Promise<Uint8Array> {
  const folder = dirname(ts.getDefaultLibFilePath({}));
  const files: string[] = [];
  for (const pattern of [folder, ...languageFolders(folder)]) {
    for (const { name, isFile } of Deno.readDirSync(pattern)) {
      if (isFile && /\.(js|json|ts)$/.test(name)) files.push(`${pattern}/${name}`);
    }
  }
  const texts = await Promise.all(files.sort().map((file) => Deno.readFile(file)));
  return new Uint8Array(await new Blob(texts).arrayBuffer());
}

function languageFolders(folder: string): string[] {
  return [...Deno.readDirSync(folder)]
    .flatMap(({ name, isDirectory }) => isDirectory ? [`${folder}/${name}`] : []);
}

/** Part `index` of the text, of about this size. Past its end it begins anew, at another place. */
export function textPart(text: Uint8Array, index: number, sizeBytes: number): TextPart {
  const records: Uint8Array[] = [];
  let joinedBytes = 0;
  let at = index * sizeBytes % (text.length - RECORD_BYTES_MAX);
  while (joinedBytes < sizeBytes) {
    const record = recordAt(text, at, records.length);
    records.push(record);
    joinedBytes += record.length + 1;
    at = (at + record.length) % (text.length - RECORD_BYTES_MAX);
  }
  const joined = new Uint8Array(joinedBytes);
  let end = 0;
  for (const record of records) {
    joined.set(record, end);
    joined[end += record.length] = RECORD_END;
    end++;
  }
  return { records, joined, sha256: createHash("sha256").update(joined).digest("hex") };
}

/** Some whole lines: of most sizes up to {@linkcode RECORD_BYTES_MAX}, and without what would end the record. */
function recordAt(text: Uint8Array, at: number, index: number): Uint8Array {
  const wantedBytes = 1 + index * 797 % RECORD_BYTES_MAX;
  const limit = Math.min(text.length, at + RECORD_BYTES_MAX);
  const newline = text.indexOf(NEWLINE, at + wantedBytes - 1);
  const end = newline < 0 || newline >= limit ? limit : newline + 1;
  return text.subarray(at, end);
}

/** Hashes records as {@linkcode TextPart.sha256} does. */
export class TextHash {
  readonly #hash = createHash("sha256");
  readonly #end = Uint8Array.of(RECORD_END);

  add(record: Uint8Array): void {
    this.#hash.update(record).update(this.#end);
  }

  digest(): string {
    return this.#hash.digest("hex");
  }
}
