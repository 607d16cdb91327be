import type { RandomSource } from "../../environment/environment.ts";
import { uuidFromBytes } from "../../protocol/uuid.ts";

/**
 * A new topic id: a random (version 4) UUID as 22 characters of base64url.
 *
 * As in Kafka's `Uuid.randomUuid`, none begins with a dash, which command lines would take for an option. The reserved
 * ids (zero and one) have other version bits.
 */
export function newTopicId(random: RandomSource): string {
  while (true) {
    const bytes = random.bytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const id = uuidFromBytes(bytes);
    if (!id.startsWith("-")) return id;
  }
}
