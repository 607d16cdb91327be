import type { Assignor, GroupAssignment, GroupMember, PreviousAssignment } from "./assignor.ts";
import { assignStickily } from "./sticky/assign.ts";
import { Claims } from "./sticky/claims.ts";
import { decodeCooperativeUserData, encodeCooperativeUserData } from "./sticky/user_data.ts";

/**
 * As `sticky`, but members keep what they own while they join, and go on reading it. A partition that changes owner is
 * given to nobody at first: its old owner gives it up and joins again, and then it is free (KIP-429).
 * Source: `org.apache.kafka.clients.consumer.CooperativeStickyAssignor`.
 */
export const cooperativeStickyAssignor: Assignor = {
  name: "cooperative-sticky",
  rebalanceProtocols: ["cooperative", "eager"],
  assign(members, topics) {
    const claims = new Claims(members, topics, previousOf);
    return withoutTransfers(assignStickily(members, topics, claims), claims);
  },
  userData: (previous) => encodeCooperativeUserData(previous?.generationId ?? -1),
};

/** What a member owns, with its generation from its subscription (version 2, KIP-792) or else from its user data. */
function previousOf(
  { ownedPartitions, generationId, userData }: GroupMember,
): PreviousAssignment {
  return {
    partitions: ownedPartitions,
    generationId: generationId >= 0 ? generationId : decodeCooperativeUserData(userData),
  };
}

/** Leaves out what somebody else may still be reading. */
function withoutTransfers(assignment: GroupAssignment, claims: Claims): GroupAssignment {
  const isFree = (memberId: string, topic: string, partition: number) =>
    !claims.isClaimed(topic, partition) ||
    claims.ownerOf(topic, partition)?.memberId === memberId;
  return new Map([...assignment].map(([memberId, share]) => [
    memberId,
    share
      .map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.filter((partition) => isFree(memberId, topic, partition)),
      }))
      .filter(({ partitions }) => partitions.length > 0),
  ]));
}
