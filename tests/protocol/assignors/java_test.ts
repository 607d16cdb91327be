import { assert, assertEquals } from "@std/assert";
import {
  type Assignor,
  cooperativeStickyAssignor,
  type GroupAssignment,
  type GroupMember,
  rangeAssignor,
  roundRobinAssignor,
  stickyAssignor,
} from "../../../protocol/assignors/mod.ts";
import {
  decodeStickyUserData,
  encodeStickyUserData,
} from "../../../protocol/assignors/sticky/user_data.ts";
import { type Group, member, namesOf, partitionsOf } from "./groups.ts";

interface JavaMember {
  readonly id: string;
  readonly instance: string | null;
  readonly rack: string | null;
  readonly topics: readonly string[];
  readonly generation: number;
  readonly owned: string;
  readonly userData: string;
}

type Shares = Readonly<Record<string, string>>;

interface JavaCase {
  readonly topics: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly members: readonly JavaMember[];
  readonly range: Shares;
  readonly roundrobin: Shares;
  readonly sticky: Shares;
  readonly "cooperative-sticky": Shares;
}

const file = new URL("../../fixtures/assignors/java.jsonl", import.meta.url);
const cases = Deno.readTextFileSync(file).trimEnd().split("\n").map((line): JavaCase =>
  JSON.parse(line)
);

function groupOf(
  { topics, members }: JavaCase,
  describe: (member: JavaMember) => Partial<GroupMember>,
): Group {
  return {
    topics: new Map(
      Object.entries(topics).map(([name, racks]) => [name, { partitions: racks.length, racks }]),
    ),
    members: members.map((java) =>
      member(java.id, {
        groupInstanceId: java.instance,
        topics: java.topics,
        rackId: java.rack,
        ...describe(java),
      })
    ),
  };
}

const userDataOf = ({ userData }: JavaMember) => ({ userData: Uint8Array.fromBase64(userData) });
const ownedOf = ({ owned, generation }: JavaMember) => ({
  ownedPartitions: partitionsOf(owned),
  generationId: generation,
});

function texts(assignment: GroupAssignment): Shares {
  return Object.fromEntries([...assignment].map(([id, share]) => [id, namesOf(share).join(" ")]));
}

function sizes(shares: Shares): number[] {
  return Object.values(shares).map((text) => text.split(" ").filter(Boolean).length);
}

/** Small where partitions are evenly shared out. */
function imbalance(shares: Shares): number {
  return sizes(shares).reduce((sum, size) => sum + size * size, 0);
}

/** How many partitions are with a member that had them, in the newest generation. */
function kept({ members }: JavaCase, shares: Shares): number {
  const newest = Math.max(...members.map(({ generation }) => generation));
  return members.filter(({ generation }) => generation === newest).map(({ id, owned }) => {
    const had = new Set(owned.split(" "));
    return shares[id].split(" ").filter((name) => name !== "" && had.has(name)).length;
  }).reduce((sum, count) => sum + count, 0);
}

const hasRacks = ({ members }: JavaCase) => members.some(({ rack }) => rack !== null);
const isUniform = ({ members }: JavaCase) =>
  members.every(({ topics }) => topics.length === members[0].topics.length);

for (const assignor of [rangeAssignor, roundRobinAssignor]) {
  Deno.test(`Assignor ${assignor.name} comes to what Java's comes to, in ${cases.length} random groups`, () => {
    for (const java of cases) {
      const { members, topics } = groupOf(java, () => ({}));
      const shares = texts(assignor.assign(members, topics));
      assertEquals(shares, java[assignor.name as "range" | "roundrobin"], JSON.stringify(java));
    }
  });
}

function checkSticky(assignor: Assignor, describe: (member: JavaMember) => Partial<GroupMember>) {
  let uniform = 0;
  for (const java of cases) {
    const { members, topics } = groupOf(java, describe);
    const shares = texts(assignor.assign(members, topics));
    const theirs = java[assignor.name as "sticky" | "cooperative-sticky"];
    // Java's gives partitions to who subscribes to nothing, if all others subscribe to the same.
    if (java.members.some(({ topics }) => topics.length === 0)) continue;
    if (assignor === stickyAssignor) {
      assert(imbalance(shares) <= imbalance(theirs), JSON.stringify([shares, java]));
      if (isUniform(java)) assertEquals(imbalance(shares), imbalance(theirs));
    }
    if (isUniform(java) && !hasRacks(java)) {
      uniform++;
      assert(kept(java, shares) >= kept(java, theirs), JSON.stringify([shares, java]));
    }
  }
  assert(uniform > 50);
}

Deno.test("Assignor sticky is as even as Java's and keeps as much, in as many groups", () => {
  checkSticky(stickyAssignor, userDataOf);
});

Deno.test("Assignor cooperative-sticky keeps as much as Java's", () => {
  checkSticky(cooperativeStickyAssignor, ownedOf);
});

Deno.test("User data of sticky are the bytes that Java writes", () => {
  const members = cases.flatMap(({ members }) => members);
  for (const { owned, generation, userData } of members) {
    const bytes = Uint8Array.fromBase64(userData);
    const previous = decodeStickyUserData(bytes);
    assertEquals(namesOf(previous.partitions).sort(), owned.split(" ").filter(Boolean).sort());
    assertEquals(previous.generationId, generation);
    assertEquals(encodeStickyUserData(previous), bytes);
  }
});
