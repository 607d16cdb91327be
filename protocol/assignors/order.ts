import type { GroupMember, TopicLayout } from "./assignor.ts";

/** Java's order of strings, which is JavaScript's: by UTF-16 units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The order in which members are served: static members by instance id, then the others by member id. So a static member
 * keeps its place although it comes back with another member id. Source: `AbstractPartitionAssignor.MemberInfo`.
 */
export function inServingOrder(members: readonly GroupMember[]): GroupMember[] {
  return members.toSorted((a, b) => {
    if (a.groupInstanceId !== null && b.groupInstanceId !== null) {
      return compareText(a.groupInstanceId, b.groupInstanceId);
    }
    if (a.groupInstanceId !== null) return -1;
    if (b.groupInstanceId !== null) return 1;
    return compareText(a.memberId, b.memberId);
  });
}

/** The topics that exist and that somebody subscribes to, in order, each with its subscribers in serving order. */
export function subscribedTopics(
  members: readonly GroupMember[],
  topics: ReadonlyMap<string, TopicLayout>,
): Map<string, readonly GroupMember[]> {
  const subscribers = new Map<string, GroupMember[]>();
  for (const member of inServingOrder(members)) {
    for (const topic of new Set(member.topics)) {
      if ((topics.get(topic)?.partitions ?? 0) === 0) continue;
      const others = subscribers.get(topic);
      if (others === undefined) subscribers.set(topic, [member]);
      else others.push(member);
    }
  }
  return new Map([...subscribers].sort(([a], [b]) => compareText(a, b)));
}
