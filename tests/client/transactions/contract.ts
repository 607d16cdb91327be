/**
 * What transactions of the client come to on a real broker, whichever: ours, at each level of `transaction.version`, and
 * Apache Kafka.
 *
 * @module
 */
// Real time: real streams, and a broker that may be a process of its own.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AbortableTransactionError,
  Admin,
  type ClientOptions,
  Consumer,
  type ConsumerRecord,
  FatalTransactionError,
  Producer,
  type ProducerOptions,
} from "../../../client/mod.ts";

/** What one test of the contract works with; all of it is its own. */
export interface TransactionWorld {
  readonly options: ClientOptions;
  /** A topic with two partitions. */
  readonly orders: string;
  /** Another one. */
  readonly parcels: string;
  /** A transactional id and a group. */
  readonly id: string;
  /** Of `transaction.version`. */
  readonly level: number;
}

/** Tests that each broker has to pass, by name. It aborts transactions that take too long within a second. */
export const transactionContract = new Map<string, (world: TransactionWorld) => Promise<void>>();

function contract(name: string, test: (world: TransactionWorld) => Promise<void>): void {
  transactionContract.set(name, test);
}

async function newProducer(
  options: ClientOptions,
  transactionalId: string,
  more: Partial<ProducerOptions> = {},
): Promise<Producer> {
  const producer = new Producer({ ...options, transactionalId, ...more });
  await producer.initTransactions();
  return producer;
}

/** What can be read of a topic now, by partition. */
async function textsIn(
  options: ClientOptions,
  topic: string,
  isolationLevel: "read_committed" | "read_uncommitted" = "read_committed",
): Promise<string[][]> {
  await using consumer = new Consumer({ ...options, isolationLevel });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  consumer.seekToBeginning();
  const ends = await consumer.endOffsets(consumer.assignment());
  const texts: string[][] = [[], []];
  const isDone = async () => {
    for (const { partition, offset } of ends) {
      if (await consumer.position({ topic, partition }) < offset) return false;
    }
    return true;
  };
  while (!await isDone()) {
    for (const record of await consumer.poll({ timeoutMs: 20 })) {
      texts[record.partition].push(text(record));
    }
  }
  return texts;
}

function text({ value }: ConsumerRecord): string {
  return new TextDecoder().decode(value!);
}

contract(
  "Producer's transaction is read once it is committed, all of it or nothing",
  async ({ options, orders, id }) => {
    await using producer = await newProducer(options, id);
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "a" });
    producer.send({ topic: orders, partition: 1, value: "b" });
    await producer.flush();
    assertEquals(await textsIn(options, orders), [[], []]);
    assertEquals(await textsIn(options, orders, "read_uncommitted"), [["a"], ["b"]]);
    await producer.commitTransaction();
    await until(async () => (await textsIn(options, orders)).flat().length === 2);

    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "c" });
    await producer.flush();
    const late = producer.send({ topic: orders, partition: 1, value: "d" });
    await producer.abortTransaction();
    await assertRejects(() => late, AbortableTransactionError, "The transaction was aborted");
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "e" });
    await producer.commitTransaction();
    await until(async () => (await textsIn(options, orders)).flat().length === 3);
    assertEquals(await textsIn(options, orders), [["a", "e"], ["b"]]);
  },
);

contract(
  "Producer commits a hundred transactions one after another, and a reader gets each record once",
  async ({ options, orders, id }) => {
    await using producer = await newProducer(options, id, { batchSize: 200 });
    const expected: string[] = [];
    for (let i = 0; i < 100; i++) {
      producer.beginTransaction();
      const values = [0, 1, 2, 3, 4, 5, 6].map((j) => `${i}/${j}`);
      for (const value of values) producer.send({ topic: orders, partition: 0, value });
      if (i % 8 === 7) await producer.flush(); // else nothing may have been sent yet
      if (i % 4 === 3) await producer.abortTransaction();
      else {
        await producer.commitTransaction();
        expected.push(...values);
      }
    }
    await until(async () => (await textsIn(options, orders))[0].length >= expected.length);
    assertEquals((await textsIn(options, orders))[0], expected);
  },
);

contract(
  "Producer that begins with a transactional id shuts out the one before, and what that left open",
  async ({ options, orders, id }) => {
    await using first = await newProducer(options, id);
    first.beginTransaction();
    first.send({ topic: orders, partition: 0, value: "lost" });
    await first.flush();
    await using second = await newProducer(options, id);
    const error = await assertRejects(() => first.commitTransaction(), FatalTransactionError);
    assertEquals(error.kind, "PRODUCER_FENCED");
    await assertRejects(() => first.abortTransaction(), FatalTransactionError);
    await assertRejects(
      () => first.send({ topic: orders, value: "never" }),
      FatalTransactionError,
    );
    second.beginTransaction();
    second.send({ topic: orders, partition: 0, value: "kept" });
    await second.commitTransaction();
    await until(async () => (await textsIn(options, orders)).flat().length === 1);
    assertEquals(await textsIn(options, orders), [["kept"], []]);
  },
);

contract(
  "Producer refuses to commit when a record was refused, and goes on after the abort",
  async ({ options, orders: name, id }) => {
    const orders = `${name}-small`;
    await using admin = new Admin(options);
    const configs = { "max.message.bytes": "500" };
    await admin.createTopics([{ name: orders, partitions: 2, configs }]);
    await using producer = await newProducer(options, id);
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "fits" });
    producer.send({ topic: orders, partition: 0, value: "x".repeat(1000) });
    const error = await assertRejects(
      () => producer.commitTransaction(),
      AbortableTransactionError,
    );
    assertEquals(error.kind, "MESSAGE_TOO_LARGE");
    await producer.abortTransaction();
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "again" });
    await producer.commitTransaction();
    await until(async () => (await textsIn(options, orders)).flat().length === 1);
    assertEquals(await textsIn(options, orders), [["again"], []]);
  },
);

contract(
  "Producer's offsets count when its transaction is committed, and not when it is aborted",
  async ({ options, orders, parcels, id }) => {
    await using input = new Producer(options);
    for (let i = 0; i < 10; i++) input.send({ topic: orders, partition: i % 2, value: `${i}` });
    await input.flush();
    await using consumer = new Consumer({
      ...options,
      groupId: id,
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
      isolationLevel: "read_committed",
    });
    consumer.subscribe([orders]);
    await using producer = await newProducer(options, id);
    const work = async (isAborted: boolean) => {
      let read = 0;
      while (read < 10) {
        const records = await consumer.poll({ timeoutMs: 100 });
        if (records.length === 0) continue;
        read += records.length;
        producer.beginTransaction();
        for (const record of records) {
          producer.send({
            topic: parcels,
            partition: record.partition,
            value: `parcel ${text(record)}`,
          });
        }
        await producer.sendOffsetsToTransaction(
          consumer.offsetsToCommit(),
          consumer.groupMetadata(),
        );
        if (!isAborted) await producer.commitTransaction();
        else await producer.abortTransaction();
      }
    };
    await work(true);
    assertEquals(await consumer.committed(consumer.assignment()), []);
    consumer.seekToCommitted();
    await work(false);
    await until(async () => (await textsIn(options, parcels)).flat().length === 10);
    assertEquals(await textsIn(options, parcels), [
      [0, 2, 4, 6, 8].map((i) => `parcel ${i}`),
      [1, 3, 5, 7, 9].map((i) => `parcel ${i}`),
    ]);
    const committed = await consumer.committed(consumer.assignment());
    assertEquals(committed.map(({ offset }) => offset), [5n, 5n]);
  },
);

contract(
  "Producer cannot commit offsets for a member that its group has gone on without",
  async ({ options, orders, id }) => {
    await using producer = await newProducer(options, id);
    await using consumer = new Consumer({
      ...options,
      groupId: id,
      autoOffsetReset: "earliest",
      isolationLevel: "read_committed",
      heartbeatIntervalMs: 50,
    });
    consumer.subscribe([orders]);
    while (consumer.assignment().length === 0) await consumer.poll({ timeoutMs: 20 });
    const zombie = consumer.groupMetadata();
    consumer.enforceRebalance();
    while (consumer.groupMetadata().generationId === zombie.generationId) {
      await consumer.poll({ timeoutMs: 20 });
    }
    producer.beginTransaction();
    const offsets = [{ topic: orders, partition: 0, offset: 0n }];
    const error = await assertRejects(
      () => producer.sendOffsetsToTransaction(offsets, zombie),
      AbortableTransactionError,
    );
    assertEquals(error.kind, "ILLEGAL_GENERATION");
    await assertRejects(() => producer.commitTransaction(), AbortableTransactionError);
    await producer.abortTransaction();
    producer.beginTransaction();
    await producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
    await producer.commitTransaction();
    assertEquals((await consumer.committed([offsets[0]]))[0].offset, 0n);
  },
);

contract(
  "Producer that is closed in the middle of a transaction aborts it",
  async ({ options, orders, id }) => {
    const producer = await newProducer(options, id);
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "left" });
    await producer.flush();
    await producer.close();
    await using other = new Producer(options);
    await other.send({ topic: orders, partition: 0, value: "plain" });
    await until(async () => (await textsIn(options, orders)).flat().length === 1);
    assertEquals(await textsIn(options, orders), [["plain"], []]);
  },
);

contract(
  "Producer's transaction that takes too long is aborted by the broker, and the producer told",
  async ({ options, orders, id, level }) => {
    await using producer = await newProducer(options, id, { transactionTimeoutMs: 200 });
    await beginAndBeSlow(producer, options, orders);
    assertEquals(await textsIn(options, orders), [["plain"], []]);
    const error = await assertRejects(() => producer.commitTransaction(), FatalTransactionError);
    // With KIP-890 its epoch alone does not tell it from one that had no answer to its abort.
    assertEquals(error.kind, level < 2 ? "PRODUCER_FENCED" : "INVALID_TXN_STATE");
  },
);

contract(
  "Producer whose transaction was aborted by the broker aborts it too, and goes on if it knows KIP-890",
  async ({ options, orders, id, level }) => {
    await using producer = await newProducer(options, id, { transactionTimeoutMs: 200 });
    await beginAndBeSlow(producer, options, orders);
    await assertRejects(() => producer.send({ topic: orders, partition: 0, value: "late" }));
    if (level < 2) {
      const error = await assertRejects(() => producer.abortTransaction(), FatalTransactionError);
      assertEquals(error.kind, "PRODUCER_FENCED");
      return;
    }
    await producer.abortTransaction();
    producer.beginTransaction();
    producer.send({ topic: orders, partition: 0, value: "next" });
    await producer.commitTransaction();
    await until(async () => (await textsIn(options, orders)).flat().length === 2);
    assertEquals(await textsIn(options, orders), [["plain", "next"], []]);
  },
);

/** Begins a transaction, and waits until the broker has enough of it: what was written behind it can be read. */
async function beginAndBeSlow(
  producer: Producer,
  options: ClientOptions,
  topic: string,
): Promise<void> {
  producer.beginTransaction();
  producer.send({ topic, partition: 0, value: "slow" });
  await producer.flush();
  await using other = new Producer(options);
  await other.send({ topic, partition: 0, value: "plain" });
  await until(async () => (await textsIn(options, topic)).flat().length === 1);
}

contract(
  "Consumer that reads what is committed passes over aborted records, and its position with it",
  async ({ options, orders, id }) => {
    await using producer = await newProducer(options, id);
    for (const isAborted of [true, false, true, true, false, true]) {
      producer.beginTransaction();
      for (let i = 0; i < 50; i++) producer.send({ topic: orders, partition: 0, value: `${i}` });
      await producer.flush();
      await (isAborted ? producer.abortTransaction() : producer.commitTransaction());
    }
    const target = { topic: orders, partition: 0 };
    await using consumer = new Consumer({ ...options, isolationLevel: "read_committed" });
    consumer.assign([target]);
    await until(async () => (await consumer.endOffsets([target]))[0].offset === 306n);
    // Also where reading begins in the middle of an aborted transaction.
    for (
      const [offset, expected] of [[0n, 100], [20n, 100], [51n, 100], [60n, 91], [
        180n,
        50,
      ]] as const
    ) {
      consumer.seek(target, offset);
      const [{ offset: end }] = await consumer.endOffsets([target]);
      let count = 0;
      while (await consumer.position(target) < end) {
        count += (await consumer.poll({ timeoutMs: 20 })).length;
      }
      assertEquals(count, expected, `from ${offset} on`);
      assertEquals(await consumer.position(target), 306n);
    }
  },
);

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert(false, "It never came to pass");
}
