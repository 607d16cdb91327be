/**
 * CRC-32C (Castagnoli), the checksum of record batches.
 *
 * Sixteen bytes per step with sixteen tables ("slicing by 16"), in plain TypeScript. Measured on Deno 2.9.6 on two busy
 * cores: 2.2 GB/s for 900 bytes, 2.5 for 16 KB, 2.7 for 1 MB. The same code in WebAssembly, which has to copy its input
 * into its own memory, gave 2.2, 2.8 and 2.8: not worth a binary in the source.
 *
 * @module
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;
const SLICES = 16;

/** Table k holds, for each byte, the CRC of that byte and k zero bytes after it. All in one array: k begins at 256 k. */
const TABLES = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL);
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256];
    tables[i] = (previous >>> 8) ^ tables[previous & 0xff];
  }
  return tables;
}

/**
 * CRC-32C of `bytes` from `start` to before `end`, as an unsigned integer.
 *
 * @param seed the CRC of what went before, when the input comes in several pieces.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, end);
  const t = TABLES;
  let crc = ~seed;
  let at = start;
  for (const stop = end - SLICES; at <= stop; at += SLICES) {
    const a = words.getInt32(at, true) ^ crc;
    const b = words.getInt32(at + 4, true);
    const c = words.getInt32(at + 8, true);
    const d = words.getInt32(at + 12, true);
    // The terms that need the previous step's result come last: all others are looked up while it is still computed.
    crc = (t[2816 | (b & 0xff)] ^ t[2560 | ((b >>> 8) & 0xff)] ^
      t[2304 | ((b >>> 16) & 0xff)] ^ t[2048 | (b >>> 24)] ^
      t[1792 | (c & 0xff)] ^ t[1536 | ((c >>> 8) & 0xff)] ^
      t[1280 | ((c >>> 16) & 0xff)] ^ t[1024 | (c >>> 24)] ^
      t[768 | (d & 0xff)] ^ t[512 | ((d >>> 8) & 0xff)] ^
      t[256 | ((d >>> 16) & 0xff)] ^ t[d >>> 24]) ^
      ((t[3840 | (a & 0xff)] ^ t[3584 | ((a >>> 8) & 0xff)]) ^
        (t[3328 | ((a >>> 16) & 0xff)] ^ t[3072 | (a >>> 24)]));
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
