/**
 * Big-endian integers at a position in a byte array, without a DataView per call.
 *
 * No bounds are checked: the caller has made sure that the bytes are there.
 *
 * @module
 */

const TWO_TO_32 = 0x1_0000_0000;
/** Upper half of 2^53: every int64 whose upper half lies below is a safe integer. */
const SAFE_HIGH_LIMIT = 0x20_0000;
const MINUS_ONE = -1n;

/** Reads an int16. */
export function int16At(bytes: Uint8Array, position: number): number {
  return (bytes[position] << 24 >> 16) | bytes[position + 1];
}

/** Reads an int32. */
export function int32At(bytes: Uint8Array, position: number): number {
  return (bytes[position] << 24) | (bytes[position + 1] << 16) | (bytes[position + 2] << 8) |
    bytes[position + 3];
}

/** Reads a uint32. */
export function uint32At(bytes: Uint8Array, position: number): number {
  return int32At(bytes, position) >>> 0;
}

/** Whether the int64 here lies between -2^53 and 2^53 - 1, so that {@linkcode int64At} can read it. */
export function isSafeInt64At(bytes: Uint8Array, position: number): boolean {
  const high = int32At(bytes, position);
  return high < SAFE_HIGH_LIMIT && high >= -SAFE_HIGH_LIMIT;
}

/**
 * Reads an int64 as a number.
 *
 * @throws RangeError when the value is not a safe integer.
 */
export function int64At(bytes: Uint8Array, position: number): number {
  if (!isSafeInt64At(bytes, position)) {
    throw new RangeError(`int64 ${bigInt64At(bytes, position)} is not a safe integer`);
  }
  return int32At(bytes, position) * TWO_TO_32 + uint32At(bytes, position + 4);
}

/** Reads an int64 as a bigint; does not allocate for -1, which means "none" in so many fields. */
export function bigInt64At(bytes: Uint8Array, position: number): bigint {
  const high = int32At(bytes, position);
  const low = uint32At(bytes, position + 4);
  if (high === -1 && low === 0xffff_ffff) return MINUS_ONE;
  if (high < SAFE_HIGH_LIMIT && high >= -SAFE_HIGH_LIMIT) return BigInt(high * TWO_TO_32 + low);
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Writes an int16 (the low 16 bits of `value`). */
export function putInt16(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >> 8;
  bytes[position + 1] = value;
}

/** Writes an int32 or a uint32 (the low 32 bits of `value`). */
export function putInt32(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >> 24;
  bytes[position + 1] = value >> 16;
  bytes[position + 2] = value >> 8;
  bytes[position + 3] = value;
}

/** Writes a safe integer as an int64. */
export function putInt64(bytes: Uint8Array, position: number, value: number): void {
  putInt32(bytes, position, Math.floor(value / TWO_TO_32));
  putInt32(bytes, position + 4, value >>> 0);
}

/** Writes a bigint as an int64 (its low 64 bits). */
export function putBigInt64(bytes: Uint8Array, position: number, value: bigint): void {
  putInt32(bytes, position, Number(BigInt.asIntN(32, value >> 32n)));
  putInt32(bytes, position + 4, Number(BigInt.asIntN(32, value)));
}
