import {
  array,
  decodeMessage,
  encodeMessage,
  int32,
  joined,
  message,
  string,
  structs,
} from "../../schema/mod.ts";
import type { PreviousAssignment } from "../assignor.ts";

/**
 * What a member of the eager protocol says of its previous assignment: it has given all up by the time it joins. There is
 * no version in front; version 1 is told by its four bytes more. Source: `StickyAssignor`, KIP-341.
 */
const stickyUserData = message({
  name: "StickyAssignorUserData",
  versions: "0-1",
  fields: {
    previousAssignment: structs({
      fields: { topic: string(), partitions: array({ of: "int32" }) },
    }),
    generationId: int32({ versions: "1+", default: -1 }),
  },
});

/** What a member of the cooperative protocol says. Source: `CooperativeStickyAssignor`. */
const cooperativeStickyUserData = message({
  name: "CooperativeStickyAssignorUserData",
  versions: "0",
  fields: { generationId: int32() },
});

const NOTHING: PreviousAssignment = { partitions: [], generationId: -1 };

/** The user data of `sticky`. */
export function encodeStickyUserData(previous: PreviousAssignment): Uint8Array {
  return joined(encodeMessage(stickyUserData, 1, {
    previousAssignment: previous.partitions,
    generationId: previous.generationId,
  }));
}

/** Reads the user data of `sticky`, in either version; nothing when there is none or it cannot be read. */
export function decodeStickyUserData(bytes: Uint8Array | null): PreviousAssignment {
  if (bytes === null || bytes.length === 0) return NOTHING;
  for (const version of [1, 0]) {
    try {
      const { previousAssignment, generationId } = decodeMessage(stickyUserData, version, bytes);
      return { partitions: previousAssignment, generationId };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return NOTHING;
}

/** The user data of `cooperative-sticky`: the generation of what the member owns, -1 for none. */
export function encodeCooperativeUserData(generationId: number): Uint8Array {
  return joined(encodeMessage(cooperativeStickyUserData, 0, { generationId }));
}

/** Reads the user data of `cooperative-sticky`: the generation; -1 when there is none or it cannot be read. */
export function decodeCooperativeUserData(bytes: Uint8Array | null): number {
  if (bytes === null || bytes.length === 0) return -1;
  try {
    return decodeMessage(cooperativeStickyUserData, 0, bytes).generationId;
  } catch (error) {
    if (error instanceof RangeError) return -1;
    throw error;
  }
}
