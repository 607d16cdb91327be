/**
 * The first thing that is read of a log: which version its bytes have, and how it is cut into files and shards.
 *
 * The record itself stays as it is in all versions: magic byte, version, number of files, number of shards, checksum.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Kv, KvEntry } from "../kv/kv.ts";
import { checksum } from "../checksum.ts";
import { ByteReader, ByteWriter } from "./binary.ts";
import { LOG_FORMAT, type LogFormat, upgradePath } from "./format_upgrades.ts";
import { FORMAT_KEY } from "./keys.ts";

const MAGIC = 0x0d;
/** An answer that got lost is looked up by reading again. */
const ATTEMPTS = 10;
const LAST_KEY = new Uint8Array([0xff]);

/** How a log is cut. Fixed when it is created. */
export interface LogShape {
  readonly files: number;
  readonly shards: number;
}

/** What the record says. */
export interface FormatRecord extends LogShape {
  readonly version: number;
}

/** The log in a folder is of a version, or of a kind, that this program does not know. */
export class LogFormatError extends Error {
  constructor(folder: string, found: string, supported: number = LOG_FORMAT.version) {
    super(
      `Cannot open the log in "${folder}": it has ${found}, this program supports log format ${supported}`,
    );
    this.name = "LogFormatError";
  }
}

/**
 * Reads the record from the log's first store, or, in an empty store, writes one for the shape that is `wanted`. Its version
 * may be an earlier one: see {@linkcode upgradeLog}.
 *
 * @throws LogFormatError when the store holds something else, or a version that no upgrade begins with.
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store refuses to be written.
 */
export async function readOrCreateFormat(
  kv: Kv,
  folder: string,
  wanted: LogShape,
  format: LogFormat = LOG_FORMAT,
): Promise<FormatRecord> {
  const [entry] = await kv.get([FORMAT_KEY]);
  if (entry) return decodeFormat(entry.value, folder, format);
  const [other] = await kv.list({ start: new Uint8Array(0), end: LAST_KEY }, { limit: 1 });
  if (other) throw new LogFormatError(folder, "data without a format record", format.version);
  const record = { ...wanted, version: format.version };
  const written = await writeFormat(kv, record, null, `Cannot create the log in "${folder}"`);
  return decodeFormat(written, folder, format);
}

/**
 * Takes a log to the format of this program, step by step; the record says how far it has come.
 *
 * @param stores all that hold a part of the log, with that of the record first.
 * @throws KafkaError KAFKA_STORAGE_ERROR when a store refuses; what a step throws.
 */
export async function upgradeLog(
  stores: readonly Kv[],
  folder: string,
  { version, files, shards }: FormatRecord,
  { environment, format = LOG_FORMAT }: {
    readonly environment: Environment;
    readonly format?: LogFormat;
  },
): Promise<void> {
  for (const step of upgradePath(format, version) ?? []) {
    const next = step.from + 1;
    environment.log.write("info", `Log format ${step.from} becomes ${next}: ${step.what}`, {
      folder,
    });
    await step.run(stores, environment);
    const [entry] = await stores[0].get([FORMAT_KEY]);
    await writeFormat(
      stores[0],
      { version: next, files, shards },
      entry,
      `Cannot upgrade the log in "${folder}" to format ${next}`,
    );
  }
}

/** Puts a record in the place of the one that was read; the answer may get lost on the way. Returns what is there then. */
async function writeFormat(
  kv: Kv,
  record: FormatRecord,
  before: KvEntry | null,
  failure: string,
): Promise<Uint8Array> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const outcome = await kv.commit({
      checks: [{ key: FORMAT_KEY, version: before?.version ?? null }],
      sets: [{ key: FORMAT_KEY, value: encodeFormat(record) }],
    });
    if (outcome.kind === "refused") {
      const { error } = outcome;
      throw new KafkaError("KAFKA_STORAGE_ERROR", `${failure}: ${error.message}`, { cause: error });
    }
    const [entry] = await kv.get([FORMAT_KEY]);
    if (entry && entry.version !== before?.version) return entry.value;
  }
  throw new KafkaError("KAFKA_STORAGE_ERROR", `${failure}: no answer`);
}

function encodeFormat({ version, files, shards }: FormatRecord): Uint8Array {
  const writer = new ByteWriter(16);
  writer.uint8(MAGIC);
  writer.varint(version);
  writer.varint(files);
  writer.varint(shards);
  writer.uint32(checksum(writer.written));
  return writer.toBytes();
}

/** @throws LogFormatError when the bytes are damaged, or of a version that no upgrade begins with. */
export function decodeFormat(
  value: Uint8Array,
  folder: string,
  format: LogFormat = LOG_FORMAT,
): FormatRecord {
  try {
    const reader = new ByteReader(value);
    if (reader.uint8() !== MAGIC) throw new RangeError("no magic");
    const version = reader.varint();
    if (!upgradePath(format, version)) {
      throw new LogFormatError(folder, `log format ${version}`, format.version);
    }
    const record = { version, files: reader.varint(), shards: reader.varint() };
    const end = reader.position;
    if (reader.uint32() !== checksum(value, 0, end)) throw new RangeError("damaged");
    return record;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new LogFormatError(
        folder,
        "an unreadable format record (odradek check tells more)",
        format.version,
      );
    }
    throw error;
  }
}
