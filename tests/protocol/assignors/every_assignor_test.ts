// Real time: nothing waits; it measures how long a computation takes.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Assignor,
  cooperativeStickyAssignor,
  rangeAssignor,
  roundRobinAssignor,
  stickyAssignor,
} from "../../../protocol/assignors/mod.ts";
import { anyGroup, given, type Group, loads, member, namesOf, plainGroup } from "./groups.ts";

const ASSIGNORS = [rangeAssignor, roundRobinAssignor, stickyAssignor, cooperativeStickyAssignor];

/** All partitions of topics that somebody wants. */
function wantedPartitions({ members, topics }: Group): string[] {
  const wanted = new Set(members.flatMap(({ topics }) => topics));
  return [...topics].filter(([topic]) => wanted.has(topic)).flatMap(([topic, { partitions }]) =>
    Array.from({ length: partitions }, (_, partition) => `${topic}-${partition}`)
  ).sort();
}

function checkSubscribed(assignor: Assignor, { members, topics }: Group): string[] {
  const assignment = assignor.assign(members, topics);
  assertEquals(new Set(assignment.keys()), new Set(members.map(({ memberId }) => memberId)));
  for (const { memberId, topics } of members) {
    for (const { topic } of assignment.get(memberId)!) assert(topics.includes(topic));
  }
  return [...assignment.values()].flatMap(namesOf).sort();
}

for (const assignor of [rangeAssignor, roundRobinAssignor, stickyAssignor]) {
  Deno.test(`Assignor ${assignor.name} gives every partition to exactly one of its subscribers`, () => {
    fc.assert(fc.property(anyGroup({ uniform: false }), (group) => {
      assertEquals(checkSubscribed(assignor, group), wantedPartitions(group));
    }));
  });
}

Deno.test("Assignor cooperative-sticky gives no partition twice, and none to strangers", () => {
  fc.assert(fc.property(anyGroup({ uniform: false }), (group) => {
    const names = checkSubscribed(cooperativeStickyAssignor, group);
    assertEquals(names.length, new Set(names).size);
  }));
});

for (const assignor of ASSIGNORS) {
  Deno.test(`Assignor ${assignor.name} comes to the same whatever order members are told in`, () => {
    const shuffled = anyGroup({ uniform: false }).chain(({ members, topics }) =>
      fc.shuffledSubarray([...members], { minLength: members.length }).map((others) => ({
        group: { members, topics },
        others,
      }))
    );
    fc.assert(fc.property(shuffled, ({ group: { members, topics }, others }) => {
      fc.pre(
        new Set(members.map(({ groupInstanceId }) => groupInstanceId)).size > members.length - 1,
      );
      assertEquals(
        given(assignor.assign(others, topics)),
        given(assignor.assign(members, topics)),
      );
    }));
  });
}

for (const assignor of [roundRobinAssignor, stickyAssignor, cooperativeStickyAssignor]) {
  Deno.test(`Assignor ${assignor.name} shares out within one of even among members alike`, () => {
    fc.assert(fc.property(plainGroup(), ({ members, topics }) => {
      const counts = loads(assignor.assign(members, topics));
      assert(Math.max(...counts) - Math.min(...counts) <= 1);
    }));
  });
}

for (const assignor of ASSIGNORS) {
  for (const [members, topics, partitions] of [[500, 20, 100], [100, 100, 100]]) {
    const what = `${members} members × ${topics * partitions} partitions`;
    for (const uniform of [true, false]) {
      Deno.test(`Assignor ${assignor.name} shares out ${what} in less than a second, ${uniform ? "all alike" : "all different"}`, () => {
        const names = Array.from({ length: topics }, (_, index) => `t${index}`);
        const layouts = new Map(names.map((name) => [name, { partitions }]));
        const group = Array.from({ length: members }, (_, index) =>
          member(`m${index}`, {
            topics: uniform ? names : names.filter((_, topic) => (index + topic) % 3 > 0),
          }));
        const startMs = performance.now();
        const assignment = assignor.assign(group, layouts);
        const spentMs = performance.now() - startMs;
        assertEquals(given(assignment).length, topics * partitions);
        assert(spentMs < 1000, `took ${spentMs} ms`);
      });
    }
  }
}
