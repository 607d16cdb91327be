/**
 * Twenty real members in one group, of kafkajs and librdkafka, while their coordinator is killed three times.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { readGroupRecord } from "../../actors/group/records.ts";
import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import { Admin, Producer } from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { Serving } from "../cli/process.ts";
import type { BrokerUnderTest } from "./support/broker.ts";
import { type GroupMember, MEMBERS } from "./support/group_members.ts";
import { shared } from "./support/groups.ts";
import { storedRecords } from "./support/topics.ts";

const TOPIC = "orders";
const GROUP = "packers";
const PARTITIONS = 40;
const MEMBERS_OF_EACH = 10;
const KILLS = 3;
const LIFE_MS = 6000;
const SETTLE_MS = 120_000;

const environment = denoEnvironment({ log: { write: () => {} } });

/** Sends numbered records to all partitions until it is told to stop; keeps what was acknowledged. */
class Load {
  /** `partition/offset/value`. */
  readonly acknowledged = new Set<string>();
  #over = false;
  readonly #done: Promise<void>;

  constructor(bootstrapServers: string) {
    this.#done = this.#run(bootstrapServers);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #run(bootstrapServers: string): Promise<void> {
    await using producer = new Producer({
      environment,
      bootstrapServers,
      deliveryTimeoutMs: 120_000,
    });
    for (let n = 0; !this.#over; n++) {
      const value = `${n}`;
      producer.send({ topic: TOPIC, partition: n % PARTITIONS, value }).then(
        ({ partition, offset }) => this.acknowledged.add(`${partition}/${offset}/${value}`),
      );
      await realTime(2);
    }
    await producer.flush();
  }
}

/** The broker under test is a process of its own: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Every offset that the group has committed, in order, by partition: from the log that the coordinator lives from. */
async function commitsOf(broker: BrokerUnderTest): Promise<Map<number, bigint[]>> {
  const commits = new Map<number, bigint[]>();
  for (const { key, value } of await storedRecords(broker, GROUP_TOPIC)) {
    const record = readGroupRecord({ key: key!, value });
    if (record?.kind !== "offset" || record.committed === null) continue;
    const { partition } = record.place;
    commits.set(partition, [...commits.get(partition) ?? [], record.committed.offset]);
  }
  return commits;
}

/**
 * Commits below an earlier one. Not those that come a second time: what librdkafka could not send when the broker went away
 * it sends again, and not always before what it has committed since.
 */
function stepsBack(offsets: readonly bigint[]): bigint[] {
  const seen = new Set<bigint>();
  let highest = -1n;
  return offsets.filter((offset) => {
    const back = offset < highest && !seen.has(offset);
    seen.add(offset);
    if (offset > highest) highest = offset;
    return back;
  });
}

Deno.test("Twenty members of kafkajs and librdkafka read everything, and commit forwards only, through three kills", async () => {
  const data = await Deno.makeTempDir({ prefix: "odradek-kill-" });
  const settings = ["--set", "offsets.topic.num.partitions=1"];
  const start = (port: number) =>
    Serving.start("--listen", `127.0.0.1:${port}`, "--data", data, ...settings);
  let serving = await start(0);
  const { port } = serving;
  const broker = { host: "127.0.0.1", port, bootstrap: `127.0.0.1:${port}` };
  const members: GroupMember[] = [];
  try {
    await using admin = new Admin({ environment, bootstrapServers: broker.bootstrap });
    await admin.createTopics([{ name: TOPIC, partitions: PARTITIONS }]);
    const load = new Load(broker.bootstrap);
    const membership = { groupId: GROUP, topic: TOPIC, strategy: "roundrobin" } as const;
    for (let n = 0; n < MEMBERS_OF_EACH; n++) {
      members.push(await MEMBERS.kafkajs(broker, membership));
      members.push(await MEMBERS.librdkafka(broker, membership));
    }
    for (let kill = 0; kill < KILLS; kill++) {
      await realTime(LIFE_MS);
      await serving.stop("SIGKILL");
      serving = await start(port);
    }
    await realTime(LIFE_MS);
    await load.stop();

    const unread = () => {
      const read = new Set(members.flatMap(({ read }) => read));
      return [...load.acknowledged].filter((record) => !read.has(record));
    };
    const deadlineMs = Date.now() + SETTLE_MS;
    while (unread().length > 0 && Date.now() < deadlineMs) await realTime(200);
    assertEquals(unread(), []);
    await shared(broker, GROUP, 2 * MEMBERS_OF_EACH, PARTITIONS);
    assert(load.acknowledged.size > 1000, `only ${load.acknowledged.size} records`);

    const commits = await commitsOf(broker);
    assertEquals(commits.size, PARTITIONS);
    for (const [partition, offsets] of commits) {
      assertEquals(stepsBack(offsets), [], `commits of partition ${partition} go back: ${offsets}`);
    }
  } finally {
    await Promise.allSettled(members.map((member) => member.stop()));
    await serving[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
});
