/**
 * Messages to bytes and back.
 *
 * @module
 */
import { KafkaError } from "../errors.ts";
import { compileDecoder, type Read } from "./decoder.ts";
import { compileEncoder, type Write } from "./encoder.ts";
import type { DecodeLimits } from "./limits.ts";
import { type Draft, type Infer, isFlexible, type Schema } from "./message.ts";
import { Reader } from "./reader.ts";
import { includes } from "./versions.ts";
import { Writer } from "./writer.ts";

/** Both directions of one version of a message, compiled on first use. */
class Codec {
  readonly #schema: Schema;
  readonly #version: { readonly number: number; readonly flexible: boolean };
  #read: Read | null = null;
  #write: Write | null = null;

  constructor(schema: Schema, version: number) {
    this.#schema = schema;
    this.#version = { number: version, flexible: isFlexible(schema, version) };
  }

  get read(): Read {
    return this.#read ??= compileDecoder(this.#schema.fields, this.#version);
  }

  get write(): Write {
    return this.#write ??= compileEncoder(this.#schema.fields, this.#version) as Write;
  }
}

/** Compiled codecs by version. A cache only: what is in it follows from the schema alone. */
const codecs = new WeakMap<Schema, Codec[]>();

function codecOf(schema: Schema, version: number): Codec {
  let versions = codecs.get(schema);
  if (versions === undefined) codecs.set(schema, versions = []);
  return versions[version] ??= newCodec(schema, version);
}

function newCodec(schema: Schema, version: number): Codec {
  if (!includes(schema.versions, version)) {
    throw new KafkaError("UNSUPPORTED_VERSION", `${schema.name} has no version ${version}`);
  }
  return new Codec(schema, version);
}

/**
 * Encodes a message as a list of slices to be sent one after another. Large byte strings are in the list as they were
 * given, not copied.
 *
 * @throws {KafkaError} UNSUPPORTED_VERSION when the version does not exist or cannot carry a value that was given
 * @throws {RangeError} when a value does not fit its type
 * @throws {TypeError} when a value that is required is missing
 */
export function encodeMessage<S extends Schema>(
  schema: S,
  version: number,
  draft: Draft<S>,
): readonly Uint8Array[] {
  const writer = new Writer();
  writeMessage(writer, schema, version, draft);
  return writer.finish();
}

/** {@linkcode encodeMessage} behind what the writer holds already. */
export function writeMessage<S extends Schema>(
  writer: Writer,
  schema: S,
  version: number,
  draft: Draft<S>,
): void {
  const { write } = codecOf(schema, version);
  try {
    write(writer, draft);
  } catch (error) {
    throw explained(error, `Cannot encode ${schema.name} v${version}`);
  }
}

/**
 * Decodes a message that takes up all of `bytes`. Byte strings are views into them.
 *
 * @throws {KafkaError} UNSUPPORTED_VERSION when the version does not exist
 * @throws {RangeError} when the bytes are not such a message, or one beyond the limits
 */
export function decodeMessage<S extends Schema>(
  schema: S,
  version: number,
  bytes: Uint8Array,
  limits?: DecodeLimits,
): Infer<S> {
  return readMessage(new Reader(bytes, 0, limits), schema, version);
}

/** {@linkcode decodeMessage} from the reader's position to its end. */
export function readMessage<S extends Schema>(
  reader: Reader,
  schema: S,
  version: number,
): Infer<S> {
  return readChecked(reader, schema, version, () => reader.finish());
}

/** {@linkcode decodeMessage} from the reader's position on; more may follow. */
export function readMessageStart<S extends Schema>(
  reader: Reader,
  schema: S,
  version: number,
): Infer<S> {
  return readChecked(reader, schema, version, () => {});
}

function readChecked<S extends Schema>(
  reader: Reader,
  schema: S,
  version: number,
  checkEnd: () => void,
): Infer<S> {
  const { read } = codecOf(schema, version);
  try {
    const decoded = read(reader) as Infer<S>;
    checkEnd();
    return decoded;
  } catch (error) {
    const place = `near byte ${reader.position}`;
    throw explained(error, `Cannot decode ${schema.name} v${version}, ${place}`);
  }
}

/** The same kind of error, saying which message it is about; any other error as it is. */
function explained(error: unknown, what: string): unknown {
  if (error instanceof KafkaError) {
    return new KafkaError(error.kind, `${what}: ${error.message}`, { cause: error });
  }
  if (error instanceof RangeError) {
    return new RangeError(`${what}: ${error.message}`, { cause: error });
  }
  if (error instanceof TypeError) {
    return new TypeError(`${what}: ${error.message}`, { cause: error });
  }
  return error;
}
