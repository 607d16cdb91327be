import { main } from "../../cli/main.ts";
import type { Terminal } from "../../cli/terminal.ts";

/** What a command has done. */
export interface Done {
  readonly code: number;
  /** Lines on standard output. */
  readonly printed: readonly string[];
  /** Lines on standard error. */
  readonly complaints: readonly string[];
}

/** Runs a command in this process. It is told to stop at once, if it asks when to. */
export async function runMain(
  args: readonly string[],
  terminal: Partial<Terminal> = {},
): Promise<Done> {
  const encoder = new TextEncoder();
  const written: Uint8Array[] = [];
  const complaints: string[] = [];
  const code = await main(args, {
    print: (line) => void written.push(encoder.encode(`${line}\n`)),
    write: (bytes) => void written.push(bytes.slice()),
    input: () => ReadableStream.from([]),
    complain: (line) => void complaints.push(line),
    onStop: (stop) => stop(),
    readFile: () => Promise.reject(new Error("there are no files")),
    sinceStartMs: () => 42,
    ...terminal,
  });
  const text = await new Blob(written as Uint8Array<ArrayBuffer>[]).text();
  return { code, printed: text.split("\n").slice(0, -1), complaints };
}
