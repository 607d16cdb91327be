/**
 * The first thing that is read of a log: which version its bytes have, and how it is cut into files and shards.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { Kv } from "../kv/kv.ts";
import { checksum } from "../checksum.ts";
import { ByteReader, ByteWriter } from "./binary.ts";
import { FORMAT_KEY } from "./keys.ts";

/** The version of everything below `storage/log/`. */
export const LOG_FORMAT_VERSION = 1;
const MAGIC = 0x0d;

/** How a log is cut. Fixed when it is created. */
export interface LogShape {
  readonly files: number;
  readonly shards: number;
}

/** The log in a folder is of a version, or of a kind, that this program does not know. */
export class LogFormatError extends Error {
  constructor(folder: string, found: string) {
    super(
      `Cannot open the log in "${folder}": it has ${found}, this program supports log format ${LOG_FORMAT_VERSION}`,
    );
    this.name = "LogFormatError";
  }
}

/**
 * Reads the shape of the log from its first store, or, in an empty store, writes `wanted`.
 *
 * @throws LogFormatError when the store holds something else, or another version.
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store refuses to be written.
 */
export async function readOrCreateFormat(
  kv: Kv,
  folder: string,
  wanted: LogShape,
): Promise<LogShape> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [entry] = await kv.get([FORMAT_KEY]);
    if (entry) return decodeFormat(entry.value, folder);
    const [other] = await kv.list({ start: new Uint8Array(0), end: LAST_KEY }, { limit: 1 });
    if (other) throw new LogFormatError(folder, "data without a format record");
    const outcome = await kv.commit({
      checks: [{ key: FORMAT_KEY, version: null }],
      sets: [{ key: FORMAT_KEY, value: encodeFormat(wanted) }],
    });
    if (outcome.kind === "ok") return wanted;
    if (outcome.kind === "refused") {
      throw new KafkaError(
        "KAFKA_STORAGE_ERROR",
        `Cannot create the log in "${folder}": ${outcome.error.message}`,
        {
          cause: outcome.error,
        },
      );
    }
  }
  throw new KafkaError("KAFKA_STORAGE_ERROR", `Cannot create the log in "${folder}": no answer`);
}

/** An answer that got lost is looked up by reading again. */
const ATTEMPTS = 10;
const LAST_KEY = new Uint8Array([0xff]);

function encodeFormat({ files, shards }: LogShape): Uint8Array {
  const writer = new ByteWriter(16);
  writer.uint8(MAGIC);
  writer.varint(LOG_FORMAT_VERSION);
  writer.varint(files);
  writer.varint(shards);
  writer.uint32(checksum(writer.written));
  return writer.toBytes();
}

/** @throws LogFormatError when the bytes are damaged, or of another version. */
export function decodeFormat(value: Uint8Array, folder: string): LogShape {
  try {
    const reader = new ByteReader(value);
    if (reader.uint8() !== MAGIC) throw new RangeError("no magic");
    const version = reader.varint();
    if (version !== LOG_FORMAT_VERSION) throw new LogFormatError(folder, `log format ${version}`);
    const shape = { files: reader.varint(), shards: reader.varint() };
    const end = reader.position;
    if (reader.uint32() !== checksum(value, 0, end)) throw new RangeError("damaged");
    return shape;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new LogFormatError(folder, "an unreadable format record (odradek check tells more)");
    }
    throw error;
  }
}
