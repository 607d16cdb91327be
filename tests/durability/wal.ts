/**
 * How far a write-ahead log of SQLite is valid: the format is documented at https://sqlite.org/fileformat2.html#walformat.
 *
 * @module
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** What a write-ahead log holds. */
export interface Wal {
  /** Changes whenever SQLite begins to write the file anew from its start. */
  readonly salt: string;
  /** Bytes up to the end of the last whole commit: what a recovery would take. 0 = nothing. */
  readonly committedBytes: number;
  /** Of a frame, its header included. 0 = unknown. */
  readonly frameBytes: number;
}

/** Where the index of a log, which its users share, says how many frames a checkpoint has begun to move. */
const BACKFILL_ATTEMPTED_AT = 128;

/**
 * Bytes of a log that are on the disk for sure, because a checkpoint has begun to move them: it syncs them first.
 *
 * @param index the `-shm` file: https://sqlite.org/walformat.html#the_wal_index_file_format
 */
export function syncedBytes({ frameBytes }: Wal, index: Uint8Array): number {
  const { buffer, byteOffset, length } = index;
  if (length < BACKFILL_ATTEMPTED_AT + 4 || frameBytes === 0) return 0;
  const frames = new DataView(buffer, byteOffset, length).getUint32(BACKFILL_ATTEMPTED_AT, true);
  return frames === 0 ? 0 : HEADER_BYTES + frames * frameBytes;
}

/** Reads a write-ahead log as a recovery does: frame by frame, as long as salts and checksums hold. */
export function readWal(bytes: Uint8Array): Wal {
  if (bytes.length < HEADER_BYTES) return { salt: "", committedBytes: 0, frameBytes: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const littleEndian = (view.getUint32(0) & 1) === 0;
  const pageBytes = view.getUint32(8);
  const salt = bytes.subarray(16, 24).toHex();
  const sum: [number, number] = [0, 0];
  addTo(sum, view, 0, 24, littleEndian);
  if (sum[0] !== view.getUint32(24) || sum[1] !== view.getUint32(28)) {
    return { salt, committedBytes: 0, frameBytes: 0 };
  }
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let committedBytes = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    if (bytes.subarray(at + 8, at + 16).toHex() !== salt) break;
    addTo(sum, view, at, 8, littleEndian);
    addTo(sum, view, at + FRAME_HEADER_BYTES, pageBytes, littleEndian);
    if (sum[0] !== view.getUint32(at + 16) || sum[1] !== view.getUint32(at + 20)) break;
    const isCommit = view.getUint32(at + 4) !== 0;
    if (isCommit) committedBytes = at + frameBytes;
  }
  return { salt, committedBytes, frameBytes };
}

function addTo(
  sum: [number, number],
  view: DataView,
  start: number,
  length: number,
  littleEndian: boolean,
): void {
  let [first, second] = sum;
  for (let at = start; at < start + length; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  sum[0] = first;
  sum[1] = second;
}
