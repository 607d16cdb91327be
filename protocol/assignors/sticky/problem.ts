import type { GroupMember, TopicLayout } from "../assignor.ts";
import { subscribedTopics } from "../order.ts";
import { racksMatter, racksOf } from "../racks.ts";
import type { Claims } from "./claims.ts";

/** One partition that is to be given to somebody. */
export interface Piece {
  readonly topic: string;
  readonly partition: number;
  /** Who may get it, in serving order; at least one. The same array for all partitions of a topic. */
  readonly subscribers: readonly GroupMember[];
  /** Who had it and may keep it. */
  readonly owner: GroupMember | null;
  /** The racks of its replicas; null = racks do not matter. */
  readonly racks: readonly string[] | null;
}

/** All partitions that somebody subscribes to, by topic and number. */
export function piecesOf(
  members: readonly GroupMember[],
  topics: ReadonlyMap<string, TopicLayout>,
  claims: Claims,
): Piece[] {
  const subscribed = subscribedTopics(members, topics);
  const layouts = [...subscribed.keys()].map((topic) => topics.get(topic)!);
  const withRacks = racksMatter(members, layouts);
  return [...subscribed].flatMap(([topic, subscribers]) => {
    const layout = topics.get(topic)!;
    const mayOwn = new Set(subscribers);
    return Array.from({ length: layout.partitions }, (_, partition): Piece => {
      const owner = claims.ownerOf(topic, partition);
      return {
        topic,
        partition,
        subscribers,
        owner: owner !== null && mayOwn.has(owner) ? owner : null,
        racks: withRacks ? racksOf(layout, partition) : null,
      };
    });
  });
}
