// Real time: the broker and the client, in this process, on the real clock.
import { assertEquals, assertRejects } from "@std/assert";
import { Admin, KafkaError } from "../../../client/mod.ts";
import { createBroker } from "../../../mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { WireClient } from "../../server/support.ts";
import { loseTransactionalId, WireProducer } from "../../server/transaction_support.ts";

/** A broker with a topic of two partitions, a client's admin, and producers. */
async function start(disk = new MemoryDisk()) {
  const environment = denoEnvironment({ log: { write: () => {} } });
  const broker = await createBroker({ data: disk.openFolder(), environment });
  const admin = new Admin({ environment, dial: () => Promise.resolve(broker.dial()) });
  return {
    disk,
    admin,
    wire: () => new WireClient(broker.dial()),
    producer: (id: string) => new WireProducer(new WireClient(broker.dial()), id),
    async [Symbol.asyncDispose]() {
      await admin.close();
      await broker.close();
    },
  };
}

async function kindOf(asked: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => asked, KafkaError)).kind;
}

Deno.test("Admin lists and describes transactional ids", async () => {
  await using world = await start();
  const { admin } = world;
  await admin.createTopics([{ name: "t", partitions: 2 }]);
  using open = world.producer("orders-1");
  using idle = world.producer("orders-2");
  await open.init();
  await open.produce(12, "v", { partition: 1 });
  await idle.init();

  const ids = async (filter: Parameters<typeof admin.transactions.list>[0]) =>
    (await admin.transactions.list(filter)).map(({ transactionalId }) => transactionalId);
  assertEquals(await admin.transactions.list(), [
    { transactionalId: "orders-1", producerId: open.producerId, state: "Ongoing" },
    { transactionalId: "orders-2", producerId: idle.producerId, state: "Empty" },
  ]);
  assertEquals(await ids({ states: ["Ongoing"] }), ["orders-1"]);
  assertEquals(await ids({ producerIds: [idle.producerId, 99n] }), ["orders-2"]);
  assertEquals(await ids({ olderThanMs: 3_600_000 }), ["orders-2"], "as in Kafka: has begun never");
  assertEquals(await ids({ pattern: "orders-[13]" }), ["orders-1"]);
  assertEquals(await kindOf(ids({ pattern: "(" })), "INVALID_REGULAR_EXPRESSION");
  assertEquals(await kindOf(ids({ states: ["Nonsense"] })), "INVALID_REQUEST");

  const { startedMs, ...described } = await admin.transactions.describe("orders-1");
  assertEquals(Math.abs(startedMs! - Date.now()) < 60_000, true);
  assertEquals(described, {
    transactionalId: "orders-1",
    state: "Ongoing",
    producerId: open.producerId,
    producerEpoch: 0,
    coordinatorId: 1,
    timeoutMs: 60_000,
    partitions: [{ topic: "t", partition: 1 }],
  });
  assertEquals((await admin.transactions.describe("orders-2")).startedMs, null);
  assertEquals(
    await kindOf(admin.transactions.describe("nobody")),
    "TRANSACTIONAL_ID_NOT_FOUND",
  );
});

Deno.test("Admin fences the producers of transactional ids, and what they had open is aborted", async () => {
  await using world = await start();
  const { admin } = world;
  await admin.createTopics([{ name: "t", partitions: 1 }]);
  using zombie = world.producer("orders");
  await zombie.init();
  await zombie.produce(12);
  await admin.transactions.fence(["orders", "nobody yet"]);
  assertEquals([await zombie.produce(12), await zombie.end(5, true)], [47, 90]);
  assertEquals((await admin.transactions.describe("orders")).state, "Empty");
  const [{ producerEpoch, transactionStart }] = await admin.transactions.producers({
    topic: "t",
    partition: 0,
  });
  assertEquals([producerEpoch, transactionStart], [1, null]);
});

Deno.test("Admin finds a transaction that hangs, aborts it, and leaves alone one that does not", async () => {
  const place = { topic: "t", partition: 0 };
  const disk = new MemoryDisk();
  let producerId: bigint;
  {
    await using world = await start(disk);
    await world.admin.createTopics([{ name: "t", partitions: 1 }]);
    using lost = world.producer("lost");
    using known = world.producer("known");
    for (const producer of [known, lost]) {
      producer.timestampMs = Date.now();
      await producer.init();
      assertEquals(await producer.produce(12), 0);
    }
    ({ producerId } = lost);
    using wire = world.wire();
    await loseTransactionalId(wire, "lost");
  }
  await using world = await start(disk);
  const { transactions } = world.admin;
  const find = () => transactions.hanging([place], { olderThanMs: -1_000 });
  assertEquals(await transactions.hanging([place]), [], "too young");
  const [hanging, ...others] = await find();
  assertEquals(others, []);
  assertEquals(
    [hanging.producerId, hanging.transactionStart, hanging.transactionalId],
    [producerId, 1n, null],
  );
  await transactions.abort({ ...hanging, coordinatorEpoch: hanging.coordinatorEpoch ?? 0 });
  assertEquals(await find(), []);
  const older = { ...hanging, producerEpoch: -1, coordinatorEpoch: 0 };
  assertEquals(await kindOf(transactions.abort(older)), "INVALID_PRODUCER_EPOCH");
  assertEquals(
    await kindOf(transactions.abort({ ...hanging, coordinatorEpoch: -1 })),
    "TRANSACTION_COORDINATOR_FENCED",
  );
  const [ended] = await world.admin.listOffsets([{ ...place, at: "latest" }], {
    isolationLevel: "read_committed",
  });
  assertEquals(ended.offset, 0n, "the other transaction is open");
  await transactions.fence(["known"]);
  const [all] = await world.admin.listOffsets([{ ...place, at: "latest" }], {
    isolationLevel: "read_committed",
  });
  assertEquals(all.offset, 4n);
});
