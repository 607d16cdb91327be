import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  FIND_COORDINATOR,
  INIT_PRODUCER_ID,
  PRODUCE,
  TXN_OFFSET_COMMIT,
} from "../../../client/apis.ts";
import { AbortableTransactionError, FatalTransactionError } from "../../../client/errors.ts";
import type { ProducerOptions } from "../../../client/producer/options.ts";
import { Producer } from "../../../client/producer/producer.ts";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { isTransactional, readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";
import { FakeTransactions, offsetsAnswer } from "../support/fake_transactions.ts";

const GROUP = { groupId: "packers", memberId: "m", generationId: 3, groupInstanceId: null };
const OFFSETS = [{ topic: "orders", partition: 0, offset: 5n }];
const STEPS = ["AddPartitionsToTxn", "AddOffsetsToTxn", "Produce", "TxnOffsetCommit", "EndTxn"];

/** A transactional producer of a topic with two partitions, its cluster and its coordinator. */
class World implements AsyncDisposable {
  readonly cluster = new FakeCluster(2);
  readonly topic = this.cluster.topic("orders", 2);
  readonly coordinator: FakeTransactions;
  readonly producer: Producer;

  constructor(level: number, options: Partial<ProducerOptions> = {}) {
    this.coordinator = new FakeTransactions(this.cluster, level);
    for (const log of this.topic.logs) log.beginsAtZero = level >= 2;
    this.producer = new Producer({
      ...this.cluster.options,
      transactionalId: "packer",
      lingerMs: 0,
      ...options,
    });
  }

  /** One that has begun its first transaction. */
  static async open(level: number, options: Partial<ProducerOptions> = {}): Promise<World> {
    const world = new World(level, options);
    await world.finish(world.producer.initTransactions());
    world.producer.beginTransaction();
    return world;
  }

  send(value: string, partition = 0): Promise<unknown> {
    return this.producer.send({ topic: "orders", partition, value });
  }

  /** Lets the world run until a promise settles. */
  async finish<T>(promise: Promise<T>, seconds = 300): Promise<T> {
    let done = false;
    const settled = promise.finally(() => done = true);
    settled.catch(() => {});
    for (let i = 0; i < seconds * 100 && !done; i++) await this.cluster.environment.advance(10);
    assert(done, `not done after ${seconds} s`);
    return await settled;
  }

  async fails<E extends Error>(
    promise: Promise<unknown>,
    type: new (...args: never[]) => E,
    text?: string,
  ): Promise<E> {
    // deno-lint-ignore no-explicit-any -- any class of error
    return await assertRejects(() => this.finish(promise), type as any, text) as E;
  }

  /** The steps of transactions that brokers saw, with their versions if asked for. */
  steps(): string[] {
    return this.cluster.seen.map(({ api }) => api).filter((api) => STEPS.includes(api));
  }

  /** Id, epoch and first sequence number of each batch. */
  identities(partition = 0): [bigint, number, number][] {
    return this.topic.logs[partition].batches.map((batch) => {
      const { producerId, producerEpoch, baseSequence } = readBatchHeader(batch);
      return [producerId, producerEpoch, baseSequence];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish(this.producer.close(1000));
  }
}

Deno.test("Transactions before KIP-890 add partitions first, and keep epoch and sequence numbers", async () => {
  await using world = await World.open(1);
  const { producer, cluster } = world;
  world.send("a");
  await world.finish(producer.commitTransaction());
  producer.beginTransaction();
  world.send("b");
  world.send("c", 1);
  await world.finish(producer.commitTransaction());
  const transaction = ["AddPartitionsToTxn", "Produce", "EndTxn"];
  assertEquals(world.steps(), [...transaction, ...transaction]);
  const added = cluster.requests(ADD_PARTITIONS_TO_TXN)[1];
  assertEquals(added.version, 3);
  assertEquals(added.body.v3AndBelowTopics, [{ name: "orders", partitions: [0, 1] }]);
  const [produced] = cluster.requests(PRODUCE);
  assertEquals([produced.version, produced.body.transactionalId], [11, "packer"]);
  assert(isTransactional(readBatchHeader(world.topic.logs[0].batches[0])));
  const [ended] = cluster.requests(END_TXN);
  assertEquals(ended.version, 4);
  assertEquals(ended.body.committed, true);
  assertEquals(world.identities(), [[7n, 0, 0], [7n, 0, 1]]);
});

Deno.test("Transactions since KIP-890 add partitions by writing, and take each epoch from the end before", async () => {
  await using world = await World.open(2);
  const { producer, cluster } = world;
  world.send("a");
  await world.finish(producer.commitTransaction());
  producer.beginTransaction();
  world.send("b");
  await world.finish(producer.abortTransaction());
  producer.beginTransaction();
  world.send("c");
  await world.finish(producer.commitTransaction());
  assertEquals(cluster.requests(ADD_PARTITIONS_TO_TXN), []);
  assert(cluster.requests(PRODUCE).every(({ version }) => version >= 12));
  assert(cluster.requests(END_TXN).every(({ version }) => version === 5));
  assertEquals(world.identities().map(([, epoch, sequence]) => [epoch, sequence]), [[0, 0], [
    1,
    0,
  ]]);
  assertEquals(world.coordinator.ended, ["commit", "commit"]);
});

for (const level of [1, 2]) {
  const test = (name: string, run: () => Promise<void>) =>
    Deno.test(`${name} (transaction.version ${level})`, run);

  test("Transaction is committed after all its batches are stored, however late", async () => {
    await using world = await World.open(level, { batchSize: 1 });
    const { producer, cluster } = world;
    cluster.next(
      PRODUCE,
      () => "close",
      (request) => cluster.produce(request, 1, () => "NOT_ENOUGH_REPLICAS"),
    );
    for (let i = 0; i < 10; i++) world.send(`${i}`);
    await world.finish(producer.commitTransaction());
    assertEquals(world.topic.logs[0].texts, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assertEquals(world.steps().at(-1), "EndTxn");
    assertEquals(world.coordinator.ended, ["commit"]);
  });

  test("Transaction with a record that failed cannot be committed; after the abort a new epoch begins at 0", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    world.send("first");
    await world.finish(producer.flush());
    cluster.next(PRODUCE, (request) => cluster.produce(request, 1, () => "INVALID_RECORD"));
    const refused = world.send("refused");
    await world.fails(refused, KafkaError, "Cannot produce to orders-0: INVALID_RECORD");
    await world.fails(world.send("next"), AbortableTransactionError, "INVALID_RECORD");
    const why = await world.fails(producer.commitTransaction(), AbortableTransactionError);
    assertEquals(why.kind, "INVALID_RECORD");
    assertEquals(world.coordinator.ended, []);
    assertThrows(() => producer.beginTransaction(), AbortableTransactionError);
    await world.finish(producer.abortTransaction());
    assertEquals(world.coordinator.ended, ["abort"]);
    const inits = cluster.requests(INIT_PRODUCER_ID).map((
      { body },
    ) => [body.producerId, body.producerEpoch]);
    // Before KIP-890 the producer asks for the epoch itself, and says who it is (KIP-360).
    assertEquals(inits, level === 1 ? [[-1n, -1], [7n, 0]] : [[-1n, -1]]);
    producer.beginTransaction();
    world.send("again");
    await world.finish(producer.commitTransaction());
    assertEquals(world.identities(), [[7n, 0, 0], [7n, 1, 0]]);
    assertEquals(world.coordinator.ended, ["abort", "commit"]);
  });

  test("Abort does not send what was not sent, and needs no broker where nothing was", async () => {
    await using world = await World.open(level, { lingerMs: 1000 });
    const { producer, cluster } = world;
    const sent = world.send("never");
    await cluster.environment.advance(10); // for the topic's metadata
    if (level === 2) {
      await world.finish(producer.abortTransaction());
      assertEquals(world.steps(), []);
    } else {
      await world.finish(producer.abortTransaction());
      assertEquals(world.steps(), ["AddPartitionsToTxn", "EndTxn"]);
    }
    await world.fails(sent, AbortableTransactionError, "The transaction was aborted");
    assertEquals(cluster.requests(PRODUCE), []);
    producer.beginTransaction();
    world.send("later");
    await world.finish(producer.commitTransaction());
    assertEquals(world.topic.logs[0].texts, ["later"]);
  });

  test("Abort also drops records that wait for their topic, and others of that topic are not held up", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    const sent = producer.send({ topic: "unknown", value: "never" });
    await cluster.environment.advance(100);
    await world.finish(producer.abortTransaction());
    await world.fails(sent, AbortableTransactionError, "The transaction was aborted");
    cluster.topic("unknown");
    producer.beginTransaction();
    producer.send({ topic: "unknown", value: "later" });
    await world.finish(producer.commitTransaction());
    assertEquals(cluster.topics.get("unknown")!.logs[0].texts, ["later"]);
  });

  test("Empty transaction ends without a word to the coordinator", async () => {
    await using world = await World.open(level);
    const { producer } = world;
    await world.finish(producer.commitTransaction());
    producer.beginTransaction();
    await producer.sendOffsetsToTransaction([], GROUP);
    await world.finish(producer.abortTransaction());
    assertEquals(world.steps(), []);
  });

  test("Offsets of a group travel with the transaction, and tell which member sends them", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    await world.finish(producer.sendOffsetsToTransaction(OFFSETS, GROUP));
    await world.finish(producer.commitTransaction());
    assertEquals(
      world.steps(),
      [...(level === 1 ? ["AddOffsetsToTxn"] : []), "TxnOffsetCommit", "EndTxn"],
    );
    const [{ body, version }] = cluster.requests(TXN_OFFSET_COMMIT);
    assertEquals(version, level === 1 ? 4 : 5);
    assertEquals(
      [body.groupId, body.memberId, body.generationId, body.producerId, body.producerEpoch],
      ["packers", "m", 3, 7n, 0],
    );
    assertEquals(body.topics[0].partitions[0].committedOffset, 5n);
  });

  for (const error of ["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"] as const) {
    test(`Transaction whose offsets are refused with ${error} can only be aborted`, async () => {
      await using world = await World.open(level);
      const { producer, cluster } = world;
      cluster.next(TXN_OFFSET_COMMIT, ({ topics }) => offsetsAnswer(topics, error));
      const refused = producer.sendOffsetsToTransaction(OFFSETS, GROUP);
      assertEquals((await world.fails(refused, AbortableTransactionError)).kind, error);
      await world.fails(producer.commitTransaction(), AbortableTransactionError, error);
      await world.finish(producer.abortTransaction());
      assertEquals(world.coordinator.ended, ["abort"]);
      producer.beginTransaction();
    });
  }

  test("Commit that is called while offsets are on their way waits for them", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    cluster.next(
      TXN_OFFSET_COMMIT,
      ({ topics }) => offsetsAnswer(topics, "COORDINATOR_LOAD_IN_PROGRESS"),
    );
    const sent = producer.sendOffsetsToTransaction(OFFSETS, GROUP);
    await world.finish(producer.commitTransaction());
    await sent;
    assertEquals(world.steps().slice(-2), ["TxnOffsetCommit", "EndTxn"]);
  });

  test("Producer follows its coordinator to another broker, and over broken connections", async () => {
    await using world = await World.open(level);
    const { producer, cluster, coordinator } = world;
    world.send("a");
    await world.finish(producer.flush());
    cluster.next(END_TXN, () => {
      coordinator.nodeId = 2;
      return { throttleTimeMs: 0, errorCode: code("NOT_COORDINATOR") };
    }, () => "close");
    await world.finish(producer.commitTransaction());
    assertEquals(cluster.requests(END_TXN).map(({ nodeId }) => nodeId), [1, 2, 2]);
    assertEquals(coordinator.ended, ["commit"]);
    assertEquals(cluster.requests(FIND_COORDINATOR).length, 3);
  });

  test("Producer comes again soon while the transaction before is being completed", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    const sent = world.send("a");
    if (level === 1) {
      cluster.next(ADD_PARTITIONS_TO_TXN, () => ({
        throttleTimeMs: 0,
        resultsByTopicV3AndBelow: [{
          name: "orders",
          resultsByPartition: [{
            partitionIndex: 0,
            partitionErrorCode: code("CONCURRENT_TRANSACTIONS"),
          }],
        }],
      }));
    } else {cluster.next(PRODUCE, (request) =>
        cluster.produce(request, 1, () =>
          "CONCURRENT_TRANSACTIONS"));}
    await cluster.environment.advance(30);
    await sent;
    await world.finish(producer.commitTransaction());
  });

  const fatal: readonly [string, (world: World, error: ErrorName) => Promise<unknown>][] = [
    ["EndTxn", (world, error) => {
      world.cluster.next(END_TXN, () => ({ throttleTimeMs: 0, errorCode: code(error) }));
      world.send("a");
      return world.producer.commitTransaction();
    }],
    ["EndTxn's abort", async (world, error) => {
      world.cluster.next(END_TXN, () => ({ throttleTimeMs: 0, errorCode: code(error) }));
      world.send("a");
      await world.producer.flush();
      await world.producer.abortTransaction();
    }],
    ["TxnOffsetCommit", (world, error) => {
      world.cluster.next(TXN_OFFSET_COMMIT, ({ topics }) => offsetsAnswer(topics, error));
      return world.producer.sendOffsetsToTransaction(OFFSETS, GROUP);
    }],
  ];
  for (const [where, run] of fatal) {
    for (
      const error of [
        "PRODUCER_FENCED",
        "INVALID_PRODUCER_EPOCH",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
      ] as const
    ) {
      test(`Producer that is told ${error} by ${where} is done for`, async () => {
        await using world = await World.open(level);
        const { producer } = world;
        const failure = await world.fails(run(world, error), FatalTransactionError);
        assertEquals(failure.kind, error === "INVALID_PRODUCER_EPOCH" ? "PRODUCER_FENCED" : error);
        await world.fails(producer.commitTransaction(), FatalTransactionError);
        await world.fails(producer.abortTransaction(), FatalTransactionError);
        await world.fails(world.send("b"), FatalTransactionError);
        assertThrows(() => producer.beginTransaction(), FatalTransactionError);
      });
    }
  }

  test("Producer whose id the coordinator has forgotten aborts, and goes on under another one", async () => {
    await using world = await World.open(level);
    const { producer, cluster, coordinator } = world;
    world.send("a");
    cluster.next(
      END_TXN,
      () => ({ throttleTimeMs: 0, errorCode: code("INVALID_PRODUCER_ID_MAPPING") }),
      () => ({ throttleTimeMs: 0, errorCode: code("INVALID_PRODUCER_ID_MAPPING") }),
    );
    await world.fails(producer.commitTransaction(), AbortableTransactionError);
    coordinator.producerId = 8n;
    await world.finish(producer.abortTransaction());
    producer.beginTransaction();
    world.send("b");
    await world.finish(producer.commitTransaction());
    assertEquals(world.identities().map(([id, , sequence]) => [id, sequence]), [[7n, 0], [8n, 0]]);
  });

  test("Batch of a transaction that the broker finds out of order cannot be committed around", async () => {
    await using world = await World.open(level);
    const { producer, cluster } = world;
    cluster.next(
      PRODUCE,
      (request) => cluster.produce(request, 1, () => "OUT_OF_ORDER_SEQUENCE_NUMBER"),
    );
    world.send("a");
    await world.fails(producer.commitTransaction(), AbortableTransactionError);
    await world.finish(producer.abortTransaction());
    producer.beginTransaction();
    world.send("b");
    await world.finish(producer.commitTransaction());
    assertEquals(world.identities(), [[7n, 1, 0]]);
  });

  test("Record of unknown fate fails its transaction when its time is up", async () => {
    await using world = await World.open(level, {
      deliveryTimeoutMs: 3000,
      requestTimeoutMs: 2000,
      maxBlockMs: 30_000,
    });
    const { producer, cluster } = world;
    cluster.next(PRODUCE, () => "none", () => "none");
    world.send("a");
    const why = await world.fails(producer.commitTransaction(), AbortableTransactionError);
    assertEquals(why.kind, "REQUEST_TIMED_OUT");
    await world.finish(producer.abortTransaction());
    producer.beginTransaction();
    world.send("b");
    await world.finish(producer.commitTransaction());
    assertEquals(world.identities(), [[7n, 1, 0]]);
  });

  test("Commit that takes too long goes on, and is told when it is asked for again", async () => {
    await using world = await World.open(level, { maxBlockMs: 1000 });
    const { producer, cluster, coordinator } = world;
    world.send("a");
    const trouble = { throttleTimeMs: 0, errorCode: code("COORDINATOR_LOAD_IN_PROGRESS") };
    cluster.next(END_TXN, ...Array.from({ length: 5 }, () => () => trouble));
    const late = await world.fails(producer.commitTransaction(), KafkaError, "call it again");
    assertEquals(late.kind, "REQUEST_TIMED_OUT");
    assertThrows(() => producer.beginTransaction(), TypeError, "call commitTransaction again");
    await world.fails(producer.abortTransaction(), TypeError, "commitTransaction is not done");
    await cluster.environment.advance(10_000);
    assertEquals(coordinator.ended, ["commit"]);
    await world.finish(producer.commitTransaction());
    producer.beginTransaction();
  });

  test("Producer that is closed aborts what is open", async () => {
    const world = await World.open(level, { lingerMs: 1000 });
    const { producer, coordinator } = world;
    world.send("a");
    await world.finish(producer.flush());
    world.send("b");
    await world.finish(producer.close());
    assertEquals(coordinator.ended, ["abort"]);
    assertEquals(world.topic.logs[0].texts, ["a"]);
  });
}

Deno.test("Producer is told when its partition may not be part of a transaction", async () => {
  await using world = await World.open(1);
  const { producer, cluster } = world;
  const answer = (...errors: ErrorName[]) => ({
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: [{
      name: "orders",
      resultsByPartition: errors.map((error, partitionIndex) => ({
        partitionIndex,
        partitionErrorCode: code(error),
      })),
    }],
  });
  cluster.next(
    ADD_PARTITIONS_TO_TXN,
    () => answer("OPERATION_NOT_ATTEMPTED", "TOPIC_AUTHORIZATION_FAILED"),
  );
  world.send("a");
  world.send("b", 1);
  const why = await world.fails(producer.commitTransaction(), AbortableTransactionError);
  assertEquals(why.kind, "TOPIC_AUTHORIZATION_FAILED");
  await world.finish(producer.abortTransaction());
  cluster.next(ADD_PARTITIONS_TO_TXN, () => answer("PRODUCER_FENCED"));
  producer.beginTransaction();
  world.send("c");
  await world.fails(producer.commitTransaction(), FatalTransactionError);
});

Deno.test("Abort is not disturbed when the coordinator never heard of the transaction that it was asked to open", async () => {
  await using world = await World.open(1, { requestTimeoutMs: 500 });
  const { producer, cluster } = world;
  cluster.next(ADD_PARTITIONS_TO_TXN, () => "close");
  world.send("a");
  await cluster.environment.advance(1);
  cluster.next(END_TXN, () => ({ throttleTimeMs: 0, errorCode: code("INVALID_TXN_STATE") }));
  await world.finish(producer.abortTransaction());
  producer.beginTransaction();
  world.send("b");
  await world.finish(producer.commitTransaction());
  assertEquals(world.topic.logs[0].texts, ["b"]);
});

Deno.test("Producer that cannot say who it is to an old coordinator does not go on after a gap", async () => {
  const world = new World(0);
  world.cluster.versions.set("InitProducerId", [0, 2]);
  const { producer, cluster } = world;
  await world.finish(producer.initTransactions());
  producer.beginTransaction();
  cluster.next(PRODUCE, (request) => cluster.produce(request, 1, () => "INVALID_RECORD"));
  world.send("a");
  await world.fails(producer.commitTransaction(), AbortableTransactionError);
  const why = await world.fails(producer.abortTransaction(), FatalTransactionError);
  assertEquals(why.kind, "UNSUPPORTED_VERSION");
});

Deno.test("Producer waits with its id until earlier transactions of it are completed", async () => {
  await using world = new World(2);
  const busy = {
    throttleTimeMs: 0,
    errorCode: code("CONCURRENT_TRANSACTIONS"),
    producerId: -1n,
    producerEpoch: -1,
  };
  world.cluster.next(INIT_PRODUCER_ID, () => busy, () => busy);
  await world.finish(world.producer.initTransactions());
  assertEquals(world.cluster.requests(INIT_PRODUCER_ID).length, 3);
  const [{ body }] = world.cluster.requests(INIT_PRODUCER_ID);
  assertEquals([body.transactionalId, body.transactionTimeoutMs], ["packer", 60_000]);
});

Deno.test("Producer that may not have its transactional id is done for", async () => {
  await using world = new World(2);
  world.cluster.next(INIT_PRODUCER_ID, () => ({
    throttleTimeMs: 0,
    errorCode: code("INVALID_TRANSACTION_TIMEOUT"),
    producerId: -1n,
    producerEpoch: -1,
  }));
  const why = await world.fails(world.producer.initTransactions(), FatalTransactionError);
  assertEquals(why.kind, "INVALID_TRANSACTION_TIMEOUT");
  assertThrows(() => world.producer.beginTransaction(), FatalTransactionError);
});

Deno.test("Producer's transactions are refused out of place", async () => {
  await using world = new World(2);
  const { producer, cluster } = world;
  await world.fails(world.send("a"), TypeError, "initTransactions has to come first");
  assertThrows(() => producer.beginTransaction(), TypeError, "initTransactions has to come first");
  await world.finish(producer.initTransactions());
  await world.fails(producer.initTransactions(), TypeError, "no transaction is open");
  await world.fails(world.send("a"), TypeError, "no transaction is open");
  await world.fails(producer.commitTransaction(), TypeError, "no transaction is open");
  await world.fails(producer.abortTransaction(), TypeError, "no transaction is open");
  await world.fails(producer.sendOffsetsToTransaction(OFFSETS, GROUP), TypeError);
  producer.beginTransaction();
  assertThrows(() => producer.beginTransaction(), TypeError, "a transaction is open");
  await using plain = new Producer(cluster.options);
  assertThrows(() => plain.beginTransaction(), TypeError, "no transactionalId");
  await assertRejects(() => plain.initTransactions(), TypeError, "no transactionalId");
});

Deno.test("Transactional producer refuses settings that rule transactions out", () => {
  const { options } = new FakeCluster();
  const all = { ...options, transactionalId: "packer" };
  for (const wrong of [{ acks: 1 }, { enableIdempotence: false }, { retries: 0 }] as const) {
    assertThrows(
      () => new Producer({ ...all, ...wrong }),
      TypeError,
      "Cannot use a transactionalId",
    );
  }
  assertThrows(() => new Producer({ ...all, transactionalId: "" }), TypeError);
  assertThrows(() => new Producer({ ...all, transactionTimeoutMs: 2 ** 31 }), RangeError);
});
