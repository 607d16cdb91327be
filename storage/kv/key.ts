/**
 * Tuples as keys: bytes that sort as the tuples do, part by part.
 *
 * A part is a string (sorted by code point), a whole number from 0 to 2^53 - 1, or bytes. Each is written as a tag and a
 * body, so that tuples of different shapes never meet, and no key of a longer tuple equals a shorter one's:
 *
 * | part   | bytes                                                                     |
 * | ------ | ------------------------------------------------------------------------- |
 * | bytes  | `01`, the bytes with `00` written as `00 FF`, `00`                        |
 * | string | `02`, UTF-8 with `00` written as `00 FF`, `00`                            |
 * | number | `10` + n, big endian in the n bytes that it needs (0 needs none)          |
 *
 * The tag of a number holds its width, so wider (larger) numbers sort later and small ones stay short.
 *
 * @module
 */
import type { KvRange } from "./kv.ts";

/** One part of a tuple. */
export type KeyPart = string | number | Uint8Array;

const BYTES = 0x01;
const STRING = 0x02;
const NUMBER = 0x10;
const NUMBER_WIDTH_MAX = 7;
const END = 0x00;
const ESCAPED = 0xff;
const ASCII_MAX = 0x7f;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The key of a tuple.
 *
 * @throws RangeError for a number that is negative, fractional or unsafe, and for a string with half a surrogate pair
 */
export function key(...parts: readonly KeyPart[]): Uint8Array {
  const bytes: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") writeNumber(bytes, part);
    else if (typeof part === "string") writeString(bytes, part);
    else writeEscaped(bytes, BYTES, part);
  }
  return Uint8Array.from(bytes);
}

/**
 * The tuple of a key: the inverse of {@linkcode key}.
 *
 * @throws RangeError when the bytes are not a key of this form
 */
export function keyParts(bytes: Uint8Array): KeyPart[] {
  const parts: KeyPart[] = [];
  let position = 0;
  while (position < bytes.length) {
    const tag = bytes[position++];
    if (tag >= NUMBER && tag <= NUMBER + NUMBER_WIDTH_MAX) {
      const end = position + tag - NUMBER;
      parts.push(readNumber(bytes, position, end));
      position = end;
    } else if (tag === BYTES || tag === STRING) {
      const { body, next } = readEscaped(bytes, position);
      parts.push(tag === BYTES ? body : text(body));
      position = next;
    } else throw malformed(bytes);
  }
  return parts;
}

/** All keys whose tuples begin with these parts, the tuple of exactly these parts included. */
export function prefixRange(...parts: readonly KeyPart[]): KvRange {
  const start = key(...parts);
  // No part begins with FF; a longer string or bytes part does continue with 00 FF and so stays out.
  const end = new Uint8Array(start.length + 1);
  end.set(start);
  end[start.length] = ESCAPED;
  return { start, end };
}

/** Byte order: negative, 0 or positive as `a` sorts before, with or after `b`. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    if (a[index] !== b[index]) return a[index] - b[index];
  }
  return a.length - b.length;
}

function writeNumber(bytes: number[], value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot use ${value} in a key: whole numbers from 0 to 2^53 - 1 only`);
  }
  let width = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) width++;
  bytes.push(NUMBER + width);
  for (let place = width - 1; place >= 0; place--) {
    bytes.push(Math.floor(value / 256 ** place) % 256);
  }
}

function readNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end > bytes.length || bytes[start] === 0 && end > start) throw malformed(bytes);
  let value = 0;
  for (let position = start; position < end; position++) value = value * 256 + bytes[position];
  if (!Number.isSafeInteger(value)) throw malformed(bytes);
  return value;
}

/** Letters, digits and the like are their own UTF-8; whatever else goes the long way. */
function writeString(bytes: number[], part: string): void {
  const start = bytes.length;
  bytes.push(STRING);
  for (let index = 0; index < part.length; index++) {
    const unit = part.charCodeAt(index);
    if (unit === END || unit > ASCII_MAX) {
      bytes.length = start;
      return writeEscaped(bytes, STRING, utf8(part));
    }
    bytes.push(unit);
  }
  bytes.push(END);
}

function writeEscaped(bytes: number[], tag: number, body: Uint8Array): void {
  bytes.push(tag);
  for (const byte of body) {
    bytes.push(byte);
    if (byte === END) bytes.push(ESCAPED);
  }
  bytes.push(END);
}

function readEscaped(bytes: Uint8Array, start: number): { body: Uint8Array; next: number } {
  const end = bytes.indexOf(END, start);
  if (end >= 0 && bytes[end + 1] !== ESCAPED) {
    return { body: bytes.slice(start, end), next: end + 1 };
  }
  const body: number[] = [];
  for (let position = start; position < bytes.length; position++) {
    const byte = bytes[position];
    if (byte === END) {
      if (bytes[position + 1] !== ESCAPED) {
        return { body: Uint8Array.from(body), next: position + 1 };
      }
      position++;
    }
    body.push(byte);
  }
  throw malformed(bytes);
}

function utf8(part: string): Uint8Array {
  if (!part.isWellFormed()) throw new RangeError("Cannot use half a surrogate pair in a key");
  return encoder.encode(part);
}

function text(body: Uint8Array): string {
  let text = "";
  let index = 0;
  for (; index < body.length && body[index] <= ASCII_MAX; index++) {
    text += String.fromCharCode(body[index]);
  }
  if (index === body.length) return text;
  try {
    return decoder.decode(body);
  } catch (cause) {
    throw new RangeError("Not a key: a string is not UTF-8", { cause });
  }
}

function malformed(bytes: Uint8Array): RangeError {
  const shown = bytes.subarray(0, 32).toHex();
  return new RangeError(`Not a key: ${shown}${bytes.length > 32 ? "…" : ""}`);
}
