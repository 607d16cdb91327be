import type { GroupAssignment, GroupMember, TopicLayout } from "../assignor.ts";
import { inServingOrder } from "../order.ts";
import { Shares } from "../shares.ts";
import type { Claims } from "./claims.ts";
import { assignGenerally } from "./general.ts";
import { piecesOf } from "./problem.ts";
import { assignUniformly } from "./uniform.ts";

/** Shares all partitions out as evenly as subscriptions allow, and leaves as many as possible where they were. */
export function assignStickily(
  members: readonly GroupMember[],
  topics: ReadonlyMap<string, TopicLayout>,
  claims: Claims,
): GroupAssignment {
  const shares = new Shares(members);
  const ordered = inServingOrder(members);
  const pieces = piecesOf(members, topics, claims);
  const uniform = pieces.every(({ subscribers }) => subscribers.length === members.length);
  const assign = uniform ? assignUniformly : assignGenerally;
  assign(pieces, ordered, ({ topic, partition }, { memberId }) => {
    shares.give(memberId, topic, partition);
  });
  return shares.finish();
}
