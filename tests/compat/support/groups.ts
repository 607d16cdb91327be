import { assert, assertEquals } from "@std/assert";
import { Admin, type GroupDescription, Producer } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../../environment/deno/stderr_log.ts";
import type { BrokerUnderTest } from "./broker.ts";
import type { GroupMember } from "./group_members.ts";

const PATIENCE_MS = 45_000;

/** A client of our own that looks at groups from outside. */
export function adminOf({ bootstrap }: BrokerUnderTest): Admin {
  return new Admin({
    environment: denoEnvironment({ log: stderrLog({ level: "error" }) }),
    bootstrapServers: bootstrap,
  });
}

/** Tries again until it succeeds, or the time that rebalances of slow clients may take is up. */
export async function patiently<T>(
  attempt: () => Promise<T> | T,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Records of a topic, and who has read them. */
export class Traffic {
  readonly #sent = new Set<string>();
  readonly #ends: bigint[];
  readonly #readTwice = new Set<number>();

  constructor(
    private readonly broker: BrokerUnderTest,
    readonly topic: string,
    readonly partitions: number,
  ) {
    this.#ends = Array.from({ length: partitions }, () => 0n);
  }

  /** Sends records to all partitions, the same number to each. */
  async produce(perPartition: number): Promise<void> {
    await using producer = new Producer({
      environment: denoEnvironment({ log: stderrLog({ level: "error" }) }),
      bootstrapServers: this.broker.bootstrap,
    });
    const records = Array.from(
      { length: perPartition * this.partitions },
      (_, n) => ({ topic: this.topic, partition: n % this.partitions, value: `value ${n}` }),
    );
    const sent = await Promise.all(records.map((record) => producer.send(record)));
    sent.forEach(({ partition, offset }, index) => {
      this.#sent.add(`${partition}/${offset}/${records[index].value}`);
      if (offset >= this.#ends[partition]) this.#ends[partition] = offset + 1n;
    });
  }

  /**
   * Waits until members have read everything, and committed it. Each record is read once; twice only if that is the way of
   * one of the two: see {@linkcode GroupMember.readsOn}.
   */
  async readBy(groupId: string, members: readonly GroupMember[]): Promise<void> {
    await using admin = adminOf(this.broker);
    await patiently(async () => {
      assertEquals(new Set(members.flatMap(({ read }) => read)), this.#sent);
      const committed = await admin.groups.offsets(groupId);
      committed.sort((a, b) => a.partition - b.partition);
      assertEquals(committed.map(({ offset }) => offset), this.#ends);
    });
    const twice = [...readersOf(members)].filter(([, { length }]) => length > 1);
    const unexcused = twice.filter(([, readers]) => !readers.some(({ readsOn }) => readsOn));
    assertEquals(unexcused.map(([record]) => record), [], "records that were read twice");
    for (const [record] of twice) this.#readTwice.add(Number(record.split("/")[0]));
  }

  /** Partitions of which something was read twice. */
  get readTwice(): ReadonlySet<number> {
    return this.#readTwice;
  }
}

/** Who has read a record, by record. */
function readersOf(members: readonly GroupMember[]): Map<string, GroupMember[]> {
  const readers = new Map<string, GroupMember[]>();
  for (const member of members) {
    for (const record of member.read) {
      const others = readers.get(record);
      if (others === undefined) readers.set(record, [member]);
      else others.push(member);
    }
  }
  return readers;
}

/** What is known of a group once it is stable and has this many members that share the partitions evenly. */
export async function shared(
  broker: BrokerUnderTest,
  groupId: string,
  memberCount: number,
  partitions: number,
  patienceMs = PATIENCE_MS,
): Promise<GroupDescription> {
  await using admin = adminOf(broker);
  return await patiently(async () => {
    const group = await admin.groups.describe(groupId);
    assertEquals([group.state, group.members.length], ["Stable", memberCount]);
    const owned = group.members.map(({ assignment }) =>
      assignment.map(({ partition }) => partition)
    );
    assertEquals(
      owned.flat().sort((a, b) => a - b),
      Array.from({ length: partitions }, (_, partition) => partition),
    );
    const counts = owned.map(({ length }) => length);
    assert(Math.max(...counts) - Math.min(...counts) <= 1, `they own ${counts}`);
    return group;
  }, patienceMs);
}
