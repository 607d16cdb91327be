// Real time: groups on the real clock; tests/simulation/group_consumers_test.ts has them in virtual time.
/** Groups of our own consumers on the real broker, in this process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Admin, KafkaError } from "../../../client/mod.ts";
import { Consumer } from "../../../client/consumer/consumer.ts";
import { Producer } from "../../../client/producer/producer.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { createBroker } from "../../../mod.ts";
import {
  type Assignor,
  cooperativeStickyAssignor,
  rangeAssignor,
  roundRobinAssignor,
  stickyAssignor,
} from "../../../protocol/assignors/mod.ts";

const PARTITIONS = 6;
const RECORDS = 60;

async function makeWorld() {
  const broker = await createBroker({
    config: { "group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "2" },
  });
  const options = {
    environment: denoEnvironment({ log: { write: () => {} } }),
    dial: () => Promise.resolve(broker.dial()),
  };
  const admin = new Admin(options);
  await admin.createTopics([{ name: "orders", partitions: PARTITIONS }]);
  await using producer = new Producer(options);
  await Promise.all(
    Array.from(
      { length: RECORDS },
      (_, number) => producer.send({ topic: "orders", key: `${number}`, value: `${number}` }),
    ),
  );
  return {
    options,
    admin,
    async [Symbol.asyncDispose]() {
      await admin.close();
      await broker.close();
    },
  };
}

/** A member that polls all the time, and what it has read and owns. */
class Member {
  readonly read: string[] = [];
  readonly consumer: Consumer;
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(options: ConstructorParameters<typeof Consumer>[0]) {
    this.consumer = new Consumer({
      groupId: "packers",
      autoOffsetReset: "earliest",
      heartbeatIntervalMs: 100,
      ...options,
    });
    this.consumer.subscribe(["orders"]);
    this.#done = this.#run();
  }

  get owned(): number {
    return this.consumer.assignment().length;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#done;
    await this.consumer.close();
  }

  async #run(): Promise<void> {
    const decoder = new TextDecoder();
    while (!this.#isOver) {
      for (const { value } of await this.consumer.poll({ timeoutMs: 20 })) {
        this.read.push(decoder.decode(value!));
      }
    }
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`It never came to pass that ${what}`);
}

const strategies: readonly (readonly Assignor[])[] = [
  [rangeAssignor],
  [roundRobinAssignor],
  [stickyAssignor],
  [cooperativeStickyAssignor],
];
for (const partitionAssignmentStrategy of strategies) {
  const [{ name }] = partitionAssignmentStrategy;
  Deno.test(`Group with ${name} shares partitions out again as members come and go, and reads every record once`, async () => {
    await using world = await makeWorld();
    const options = { ...world.options, partitionAssignmentStrategy };
    const first = new Member(options);
    await until("the first owns all", () => first.owned === PARTITIONS);
    const second = new Member(options);
    const third = new Member(options);
    const members = [first, second, third];
    await until("each owns a third", () => members.every(({ owned }) => owned === PARTITIONS / 3));
    await until("all is read", () => members.flatMap(({ read }) => read).length >= RECORDS);
    await first.close();
    await until("two own all", () => second.owned + third.owned === PARTITIONS);
    assertEquals((await world.admin.groups.describe("packers")).assignor, name);
    await second.close();
    await third.close();
    const read = members.flatMap(({ read }) => read);
    assertEquals(new Set(read).size, RECORDS);
    assertEquals(read.length, RECORDS);
    const committed = await world.admin.groups.offsets("packers");
    assertEquals(committed.reduce((sum, { offset }) => sum + offset, 0n), BigInt(RECORDS));
  });
}

Deno.test("Group takes the assignor that all members know", async () => {
  await using world = await makeWorld();
  const one = new Member({
    ...world.options,
    partitionAssignmentStrategy: [stickyAssignor, rangeAssignor],
  });
  const two = new Member({ ...world.options, partitionAssignmentStrategy: [rangeAssignor] });
  await until("both own half", () => one.owned === 3 && two.owned === 3);
  assertEquals((await world.admin.groups.describe("packers")).assignor, "range");
  await one.close();
  await two.close();
});

Deno.test("Static group member that comes back keeps its partitions, without a rebalance", async () => {
  await using world = await makeWorld();
  const options = (groupInstanceId: string) => ({ ...world.options, groupInstanceId });
  const north = new Member(options("north"));
  const south = new Member(options("south"));
  await until("both own half", () => north.owned === 3 && south.owned === 3);
  const { generationId } = south.consumer.groupMetadata();
  const before = north.consumer.assignment();
  await north.close();
  const back = new Member(options("north"));
  await until("it owns them again", () => back.owned === 3);
  assertEquals(back.consumer.assignment(), before);
  assertEquals(back.consumer.groupMetadata().generationId, generationId);
  assertEquals(south.consumer.groupMetadata().generationId, generationId);
  await back.close();
  await south.close();
});

Deno.test("Static group member is fenced by another one of the same name", async () => {
  await using world = await makeWorld();
  const options = { ...world.options, groupInstanceId: "north", groupId: "packers" };
  const one = new Consumer({ ...options, heartbeatIntervalMs: 100 });
  one.subscribe(["orders"]);
  await until("it is a member", async () => {
    await one.poll({ timeoutMs: 20 });
    return one.assignment().length === PARTITIONS;
  });
  const two = new Member({ ...options, heartbeatIntervalMs: 100 });
  await until("the other one is in", () => two.owned === PARTITIONS);
  const error = await assertRejects(async () => {
    for (;;) await one.poll({ timeoutMs: 20 });
  }, KafkaError);
  assertEquals(error.kind, "FENCED_INSTANCE_ID");
  await one.close();
  await two.close();
});

Deno.test("Admin manages groups and their offsets", async () => {
  await using world = await makeWorld();
  const { groups } = world.admin;
  await groups.alterOffsets("fresh", [{
    topic: "orders",
    partition: 0,
    offset: 3n,
    metadata: "m",
  }]);
  assertEquals(await groups.offsets("fresh"), [
    { topic: "orders", partition: 0, offset: 3n, leaderEpoch: -1, metadata: "m" },
  ]);
  const member = new Member({ ...world.options, clientId: "packer" });
  await until("it owns all", () => member.owned === PARTITIONS);
  assertEquals((await groups.list()).map(({ groupId, state }) => [groupId, state]), [
    ["fresh", "Empty"],
    ["packers", "Stable"],
  ]);
  const { state, members: [described] } = await groups.describe("packers");
  assertEquals(state, "Stable");
  assertEquals([described.clientId, described.topics], ["packer", ["orders"]]);
  assertEquals(described.assignment.length, PARTITIONS);
  const target = { topic: "orders", partition: 0 };
  await until("it has committed", async () => {
    await member.consumer.commit();
    return (await groups.offsets("packers", [target])).length === 1;
  });
  const busy = await assertRejects(() => groups.deleteOffsets("packers", [target]), KafkaError);
  assertEquals(busy.kind, "GROUP_SUBSCRIBED_TO_TOPIC");
  await member.close();
  await groups.deleteOffsets("packers", [target]);
  assertEquals(await groups.offsets("packers", [target]), []);
  await groups.delete(["fresh", "packers"]);
  assertEquals(await groups.list(), []);
  const gone = await assertRejects(() => groups.delete(["fresh", "packers"]), AggregateError);
  assert(gone.errors.every(({ kind }) => kind === "GROUP_ID_NOT_FOUND"));
});
