/**
 * HEAD: the last link of a chain of commits, as stored.
 *
 * @module
 */
import { bytes, int64 } from "../../protocol/schema/fields.ts";
import { message } from "../../protocol/schema/message.ts";
import { decodeVersioned, encodeVersioned } from "../../protocol/schema/versioned.ts";
import { checksum } from "../checksum.ts";

const CHECKSUM_BYTES = 4;

/** The last link of a chain. */
export interface Head {
  /** How often the chain was taken over before. */
  readonly epoch: number;
  /** Number of the commit that wrote this HEAD, from 0. */
  readonly sequence: number;
  /** 16 bytes that no other commit has. */
  readonly token: Uint8Array;
  /** Whatever the owner of the chain wants to find again first. */
  readonly state: Uint8Array;
}

const headValue = message({
  name: "Head",
  versions: "0",
  fields: { epoch: int64(), sequence: int64(), token: bytes(), state: bytes() },
});

/** HEAD as bytes. */
export function encodeHead({ epoch, sequence, token, state }: Head): Uint8Array {
  const draft = { epoch: BigInt(epoch), sequence: BigInt(sequence), token, state };
  const value = encodeVersioned(headValue, 0, draft);
  const bytes = new Uint8Array(value.length + CHECKSUM_BYTES);
  bytes.set(value);
  new DataView(bytes.buffer).setUint32(value.length, checksum(value));
  return bytes;
}

/**
 * HEAD from bytes.
 *
 * @throws RangeError when they are damaged, or not a HEAD of a known version
 */
export function decodeHead(bytes: Uint8Array): Head {
  const value = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // A wrong sequence would have the next commits overwrite others.
  if (value.length === 0 || view.getUint32(value.length) !== checksum(value)) {
    throw new RangeError("HEAD of a chain of commits is damaged");
  }
  const { epoch, sequence, token, state } = decodeVersioned(headValue, value);
  return { epoch: Number(epoch), sequence: Number(sequence), token, state };
}
