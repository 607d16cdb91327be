import fc from "fast-check";
import type {
  GroupAssignment,
  GroupMember,
  TopicLayout,
  TopicPartitions,
} from "../../../protocol/assignors/mod.ts";
import { encodeStickyUserData } from "../../../protocol/assignors/sticky/user_data.ts";

/** Topics by name, members, as an assignor is given them. */
export interface Group {
  readonly members: readonly GroupMember[];
  readonly topics: ReadonlyMap<string, TopicLayout>;
}

/** A member of nothing special. */
export function member(memberId: string, fields: Partial<GroupMember> = {}): GroupMember {
  return {
    memberId,
    groupInstanceId: null,
    topics: ["t0"],
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
    userData: null,
    ...fields,
  };
}

/** The members as they join again with what they were given: all they own said both ways. */
export function withPrevious(
  members: readonly GroupMember[],
  previous: GroupAssignment,
  generationId = 1,
): GroupMember[] {
  return members.map((member) => owning(member, previous.get(member.memberId) ?? [], generationId));
}

/** The member with what it owns, said both ways. */
export function owning(
  member: GroupMember,
  partitions: readonly TopicPartitions[],
  generationId: number,
): GroupMember {
  return {
    ...member,
    ownedPartitions: partitions,
    generationId,
    userData: encodeStickyUserData({ partitions, generationId }),
  };
}

/** All that was given: `member t0-3`, sorted. */
export function given(assignment: GroupAssignment): string[] {
  return [...assignment].flatMap(([memberId, share]) =>
    namesOf(share).map((name) => `${memberId} ${name}`)
  ).sort();
}

/** `t0-3` of each partition. */
export function namesOf(share: readonly TopicPartitions[]): string[] {
  return share.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => `${topic}-${partition}`)
  );
}

/** What `t0-3 t0-4` says. */
export function partitionsOf(text: string): TopicPartitions[] {
  const pairs = text.split(" ").filter((name) => name !== "").map((name) => name.split("-"));
  return [...Map.groupBy(pairs, ([topic]) => topic)].map(([topic, pairs]) => ({
    topic,
    partitions: pairs.map(([, partition]) => Number(partition)),
  }));
}

/** How many partitions each member has. */
export function loads(assignment: GroupAssignment): number[] {
  return [...assignment.values()].map((share) => namesOf(share).length);
}

/** How many of the partitions given are with who had them before. */
export function kept(before: GroupAssignment, after: GroupAssignment): number {
  const had = new Set(given(before));
  return given(after).filter((name) => had.has(name)).length;
}

const RACKS = ["a", "b", "c"];

/** Groups with any subscriptions, claims, racks and static members. */
export function anyGroup(options: { readonly uniform: boolean }): fc.Arbitrary<Group> {
  const topicCount = 5;
  const layouts = fc.array(
    fc.array(fc.subarray(RACKS), { maxLength: 9 }).map((racks) => ({
      partitions: racks.length,
      racks,
    })),
    { minLength: 1, maxLength: topicCount },
  );
  const topicName = fc.nat({ max: topicCount }).map((index) => `t${index}`);
  const owned = fc.array(
    fc.record({ topic: topicName, partitions: fc.array(fc.integer({ min: -1, max: 10 })) }),
    { maxLength: 3 },
  );
  const anyMember = fc.record({
    groupInstanceId: fc.option(fc.constantFrom("x", "y", "z")),
    topics: fc.uniqueArray(topicName),
    owned,
    generationId: fc.integer({ min: -1, max: 3 }),
    rackId: fc.option(fc.constantFrom(...RACKS)),
  });
  return fc.record({ layouts, drafts: fc.array(anyMember, { minLength: 1, maxLength: 7 }) })
    .map(({ layouts, drafts }) => ({
      topics: new Map(layouts.map((layout, index) => [`t${index}`, layout])),
      members: drafts.map(({ owned, generationId, ...fields }, index) =>
        owning(
          member(`m${index}`, {
            ...fields,
            topics: options.uniform ? drafts[0].topics : fields.topics,
          }),
          owned,
          generationId,
        )
      ),
    }));
}

/** Groups in which all want all topics, without racks or history. */
export function plainGroup(): fc.Arbitrary<Group> {
  const sizes = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 4 });
  return fc.record({ sizes, count: fc.integer({ min: 1, max: 8 }) }).map(({ sizes, count }) => {
    const topics = new Map(sizes.map((partitions, index) => [`t${index}`, { partitions }]));
    const members = Array.from(
      { length: count },
      (_, index) => member(`m${index}`, { topics: [...topics.keys()] }),
    );
    return { topics, members };
  });
}
