/**
 * Bytes in several pieces.
 *
 * @module
 */

/** Bytes of all slices together. */
export function lengthOf(slices: readonly Uint8Array[]): number {
  let length = 0;
  for (let i = 0; i < slices.length; i++) length += slices[i].length;
  return length;
}

/** All slices in one piece; the only slice itself where there is one. */
export function joined(slices: readonly Uint8Array[]): Uint8Array {
  if (slices.length === 1) return slices[0];
  const whole = new Uint8Array(lengthOf(slices));
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}
