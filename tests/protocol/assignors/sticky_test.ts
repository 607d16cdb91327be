import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  cooperativeStickyAssignor,
  type GroupAssignment,
  type GroupMember,
  stickyAssignor,
  type TopicLayout,
} from "../../../protocol/assignors/mod.ts";
import {
  anyGroup,
  given,
  type Group,
  kept,
  loads,
  member,
  namesOf,
  owning,
  plainGroup,
  withPrevious,
} from "./groups.ts";

const withoutRacks = ({ members, topics }: Group): Group => ({
  members: members.map((member) => ({ ...member, rackId: null })),
  topics,
});

/** All loads, as a multiset of numbers that small moves cannot even out any more. */
function hasHelpfulMove(assignment: GroupAssignment, { members }: Group): boolean {
  const loadOf = (id: string) => namesOf(assignment.get(id)!).length;
  return members.some((giver) =>
    assignment.get(giver.memberId)!.some(({ topic }) =>
      members.some((taker) =>
        taker.topics.includes(topic) && loadOf(taker.memberId) < loadOf(giver.memberId) - 1
      )
    )
  );
}

Deno.test("Assignor sticky leaves no partition that could move to somebody with two less", () => {
  fc.assert(fc.property(anyGroup({ uniform: false }), (group) => {
    assert(!hasHelpfulMove(stickyAssignor.assign(group.members, group.topics), group));
  }));
});

Deno.test("Assignor sticky shares out within one of even whatever members say they had", () => {
  fc.assert(fc.property(anyGroup({ uniform: true }), ({ members, topics }) => {
    const counts = loads(stickyAssignor.assign(members, topics));
    assert(Math.max(...counts) - Math.min(...counts) <= 1);
  }));
});

Deno.test("Assignor sticky changes nothing when nothing changed", () => {
  fc.assert(fc.property(anyGroup({ uniform: false }).map(withoutRacks), ({ members, topics }) => {
    const first = stickyAssignor.assign(members, topics);
    const second = stickyAssignor.assign(withPrevious(members, first), topics);
    assertEquals(given(second), given(first));
  }));
});

Deno.test("Assignor sticky finds chains of moves through members that stay as loaded as they are", () => {
  const topics = new Map([["t0", { partitions: 3 }], ["t1", { partitions: 3 }]]);
  const members = [
    owning(member("a", { topics: ["t0"] }), [{ topic: "t0", partitions: [0] }], 1),
    owning(
      member("b", { topics: ["t0", "t1"] }),
      [{ topic: "t0", partitions: [1, 2] }],
      1,
    ),
    owning(member("c", { topics: ["t1"] }), [{ topic: "t1", partitions: [0, 1, 2] }], 1),
  ];
  assertEquals(loads(stickyAssignor.assign(members, topics)), [2, 2, 2]);
});

/** What stays at least where it was: each member what it had, up to its share. */
function fewestKept(
  before: GroupAssignment,
  members: readonly GroupMember[],
  partitions: number,
): number {
  const share = Math.floor(partitions / members.length);
  let extras = partitions % members.length;
  let kept = 0;
  for (const { memberId } of members) {
    const had = namesOf(before.get(memberId) ?? []).length;
    const more = had > share && extras > 0 ? 1 : 0;
    extras -= more;
    kept += Math.min(had, share + more);
  }
  return kept;
}

const partitionCount = (topics: ReadonlyMap<string, TopicLayout>) =>
  [...topics.values()].reduce((sum, { partitions }) => sum + partitions, 0);

Deno.test("Assignor sticky moves no more than it has to when a member joins", () => {
  fc.assert(fc.property(plainGroup(), ({ members, topics }) => {
    const before = stickyAssignor.assign(members, topics);
    const joined = [
      ...withPrevious(members, before),
      member("newcomer", { topics: [...topics.keys()] }),
    ];
    const after = stickyAssignor.assign(joined, topics);
    assertEquals(kept(before, after), fewestKept(before, joined, partitionCount(topics)));
  }));
});

Deno.test("Assignor sticky moves only what a member leaves behind", () => {
  fc.assert(fc.property(plainGroup(), ({ members, topics }) => {
    fc.pre(members.length > 1);
    const before = stickyAssignor.assign(members, topics);
    const left = withPrevious(members, before).slice(1);
    const after = stickyAssignor.assign(left, topics);
    const orphans = namesOf(before.get(members[0].memberId)!).length;
    assertEquals(kept(before, after), partitionCount(topics) - orphans);
  }));
});

Deno.test("Assignor sticky believes the newer of two generations that claim a partition", () => {
  const topics = new Map([["t0", { partitions: 2 }]]);
  const members = [
    owning(member("away"), [{ topic: "t0", partitions: [0, 1] }], 3),
    owning(member("here"), [{ topic: "t0", partitions: [0] }], 4),
  ];
  assertEquals(given(stickyAssignor.assign(members, topics)), ["away t0-1", "here t0-0"]);
});

Deno.test("Assignor sticky reads user data without a generation, and ignores what it cannot read", () => {
  const topics = new Map([["t0", { partitions: 2 }]]);
  const version0 = owning(member("b"), [{ topic: "t0", partitions: [0] }], 1);
  const members = [
    member("a", { userData: Uint8Array.of(1, 2, 3) }),
    { ...version0, userData: version0.userData!.subarray(0, -4) },
  ];
  assertEquals(given(stickyAssignor.assign(members, topics)), ["a t0-1", "b t0-0"]);
});

Deno.test("Assignor sticky prefers members near a replica", () => {
  const racks = [["a"], ["b"], ["a"], ["b"]];
  const topics = new Map([["t0", { partitions: 4, racks }]]);
  const x = member("x", { rackId: "a" });
  const y = member("y", { rackId: "b" });
  const others = new Map([...topics, ["t1", { partitions: 1, racks: [[]] }]]);
  const near = ["x t0-0", "x t0-2", "y t0-1", "y t0-3"];
  const elsewhere = owning(x, [{ topic: "t0", partitions: [1] }], 1);
  assertEquals(given(stickyAssignor.assign([elsewhere, y], topics)), near);
  const z = member("z", { topics: ["t1"] });
  assertEquals(given(stickyAssignor.assign([x, y, z], others)), [...near, "z t1-0"]);
});

Deno.test("Assignor cooperative-sticky gives nobody what another member may be reading", () => {
  fc.assert(fc.property(anyGroup({ uniform: false }), ({ members, topics }) => {
    const claims = members.flatMap(({ memberId, ownedPartitions, generationId }) =>
      namesOf(ownedPartitions).map((name) => ({ name, memberId, generationId }))
    );
    for (const line of given(cooperativeStickyAssignor.assign(members, topics))) {
      const [memberId, name] = line.split(" ");
      const here = claims.filter((claim) => claim.name === name);
      const own = here.find((claim) => claim.memberId === memberId)?.generationId ?? -Infinity;
      for (const other of here) assert(other.memberId === memberId || other.generationId < own);
    }
  }));
});

/** What each rebalance comes to, each on the result of the one before. */
function rounds({ members, topics }: Group, count: number): GroupAssignment[] {
  const results: GroupAssignment[] = [];
  let joining: readonly GroupMember[] = members;
  for (let round = 0; round < count; round++) {
    const result = cooperativeStickyAssignor.assign(joining, topics);
    results.push(result);
    joining = withPrevious(members, result, 10 + round);
  }
  return results;
}

Deno.test("Assignor cooperative-sticky settles in two rounds among members alike", () => {
  fc.assert(fc.property(anyGroup({ uniform: true }).map(withoutRacks), (group) => {
    const [, second, third] = rounds(group, 3);
    const { members, topics } = group;
    assertEquals(given(second).length, given(stickyAssignor.assign(members, topics)).length);
    assertEquals(given(third), given(second));
  }));
});

Deno.test("Assignor cooperative-sticky settles among any members, with everything given out", () => {
  fc.assert(fc.property(anyGroup({ uniform: false }), (group) => {
    const [before, last] = rounds(group, 8).slice(-2);
    const { members, topics } = group;
    assertEquals(given(last).length, given(stickyAssignor.assign(members, topics)).length);
    assertEquals(given(last), given(before));
  }));
});

Deno.test("Assignor cooperative-sticky gives a partition that two members claim alike to neither at first", () => {
  const topics = new Map([["t0", { partitions: 2 }]]);
  const members = ["a", "b"].map((id) => owning(member(id), [{ topic: "t0", partitions: [0] }], 7));
  assertEquals(given(cooperativeStickyAssignor.assign(members, topics)).length, 1);
});

Deno.test("Assignor cooperative-sticky takes the generation from user data where the subscription has none", () => {
  const topics = new Map([["t0", { partitions: 1 }]]);
  const claim = { ownedPartitions: [{ topic: "t0", partitions: [0] }], generationId: -1 };
  const members = [
    member("a", { ...claim, userData: cooperativeStickyAssignor.userData(null) }),
    member("b", {
      ...claim,
      userData: cooperativeStickyAssignor.userData({ partitions: [], generationId: 3 }),
    }),
  ];
  assertEquals(given(cooperativeStickyAssignor.assign(members, topics)), ["b t0-0"]);
});
