import type { GroupMember, TopicLayout } from "./assignor.ts";

/** The racks of the replicas of one partition of a topic; none when they are not known. */
export function racksOf(layout: TopicLayout, partition: number): readonly string[] {
  return layout.racks?.[partition] ?? [];
}

/**
 * Whether a member can read a partition within its rack. A member that does not say where it runs is at home everywhere.
 */
export function isNear(member: GroupMember, racks: readonly string[]): boolean {
  return member.rackId === null || racks.includes(member.rackId);
}

/**
 * Whether it makes a difference who reads which partition: some member's rack has replicas, and not every rack has all of
 * them. Source: KIP-881, `AbstractPartitionAssignor.useRackAwareAssignment`.
 */
export function racksMatter(
  members: Iterable<GroupMember>,
  layouts: Iterable<TopicLayout>,
): boolean {
  const perPartition: ReadonlySet<string>[] = [];
  for (const layout of layouts) {
    for (let partition = 0; partition < layout.partitions; partition++) {
      perPartition.push(new Set(racksOf(layout, partition)));
    }
  }
  const all = new Set(perPartition.flatMap((racks) => [...racks]));
  if (perPartition.every(({ size }) => size === all.size)) return false;
  for (const { rackId } of members) if (rackId !== null && all.has(rackId)) return true;
  return false;
}
