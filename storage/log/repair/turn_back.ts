/**
 * Mends a value of which a single bit has turned over: the checksum tells which.
 *
 * @module
 */

/**
 * The value as it was, if turning one bit makes it sound; null otherwise. It is no guess: a CRC-32 tells apart all values
 * that differ in one bit, so that no other single bit would do.
 *
 * @param isSound whether a value's checksums hold.
 */
export function turnBack(
  value: Uint8Array,
  isSound: (value: Uint8Array) => boolean,
): { readonly value: Uint8Array; readonly bit: number } | null {
  if (isSound(value)) return null; // what is wrong with it no checksum tells
  const tried = value.slice();
  for (let bit = 0; bit < tried.length * 8; bit++) {
    const mask = 1 << (bit & 7);
    tried[bit >> 3] ^= mask;
    if (isSound(tried)) return { value: tried, bit };
    tried[bit >> 3] ^= mask;
  }
  return null;
}
