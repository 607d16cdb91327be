/**
 * HEAD: the last link of a chain of commits, as stored.
 *
 * @module
 */
import { bytes, int64 } from "../../protocol/schema/fields.ts";
import { message } from "../../protocol/schema/message.ts";
import { decodeVersioned, encodeVersioned } from "../../protocol/schema/versioned.ts";
import { withChecksum, withoutChecksum } from "../checksum.ts";

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
  return withChecksum(encodeVersioned(headValue, 0, draft));
}

/**
 * HEAD from bytes.
 *
 * @throws RangeError when they are damaged, or not a HEAD of a known version
 */
export function decodeHead(bytes: Uint8Array): Head {
  // A wrong sequence would have the next commits overwrite others.
  const value = withoutChecksum(bytes, "HEAD of a chain of commits");
  const { epoch, sequence, token, state } = decodeVersioned(headValue, value);
  return { epoch: Number(epoch), sequence: Number(sequence), token, state };
}
