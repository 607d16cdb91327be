/**
 * Uuids as Kafka writes them in text: 22 characters of unpadded, url-safe base64.
 *
 * @module
 */

/** "None": 16 zero bytes. */
export const ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/**
 * Text of the 16 bytes at `position`.
 *
 * @throws {RangeError} when there are fewer than 16
 */
export function uuidFromBytes(bytes: Uint8Array, position = 0): string {
  if (position + 16 > bytes.length) throw new RangeError("A uuid needs 16 bytes");
  // In one go: a text put together bit by bit is put together once more by the first Map that looks for it.
  const codes: number[] = [];
  for (let at = position; at < position + 15; at += 3) {
    const group = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    codes.push(
      CODES[group >> 18],
      CODES[(group >> 12) & 63],
      CODES[(group >> 6) & 63],
      CODES[group & 63],
    );
  }
  const last = bytes[position + 15];
  codes.push(CODES[last >> 2], CODES[(last & 3) << 4]);
  return String.fromCharCode.apply(null, codes);
}

/**
 * The 16 bytes of a uuid's text, written into `target` at `position`.
 *
 * @throws {RangeError} when the text is not 22 characters of base64url or says more than 128 bits
 */
export function uuidToBytes(
  text: string,
  target: Uint8Array = new Uint8Array(16),
  position = 0,
): Uint8Array {
  if (text.length !== 22) throw notUuid(text);
  let bits = 0;
  let held = 0;
  let at = position;
  for (let i = 0; i < 22; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) throw notUuid(text);
    bits = ((bits << 6) | value) & 0x3fff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      target[at++] = bits >> held;
    }
  }
  if ((bits & 15) !== 0) throw notUuid(text);
  return target;
}

function notUuid(text: string): RangeError {
  return new RangeError(`Not a uuid: "${text.slice(0, 40)}"`);
}
