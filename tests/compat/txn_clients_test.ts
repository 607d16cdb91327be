/**
 * Transactions of other projects' clients: librdkafka, kafkajs and @platformatic/kafka commit, abort, pipe with the
 * offsets of a group, and fence each other.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Consumer as PlatformaticConsumer,
  type Message,
  MessagesStreamModes,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import type { Consumer, Producer } from "kafkajs";
import { PYTHON } from "../../tools/tasks/compat_tools.ts";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { connected, kafkajsClient } from "./support/kafkajs.ts";
import { runProgram } from "./support/program.ts";
import { createTopic, eventually } from "./support/topics.ts";

const broker = brokerOfSuite();

/** Records of each transaction, and of each that a pipe is to take over. */
const COUNT = 60;
/** Records that a pipe takes at a time. */
const PORTION = 25;

/** Makes topics of two partitions. */
async function createTopics(...whats: string[]): Promise<string[]> {
  return await Promise.all(whats.map((what) => createTopic(broker, { what, partitions: 2 })));
}

/** What kafkajs reads until nothing more comes: how often each value. */
async function counts(topic: string, isolation: "committed" | "uncommitted") {
  const consumer = kafkajsClient(broker).consumer({
    groupId: uniqueName("reader"),
    readUncommitted: isolation === "uncommitted",
    maxWaitTimeInMs: 100,
  });
  const found: Record<string, number> = {};
  let fetches = 0;
  consumer.on(consumer.events.FETCH, ({ payload }) => {
    fetches = payload.numberOfBatches > 0 ? 0 : fetches + 1;
  });
  await connected(consumer, async () => {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const text = String(message.value);
        found[text] = (found[text] ?? 0) + 1;
        return Promise.resolve();
      },
    });
    await eventually(() => {
      assert(fetches > 5);
      return Promise.resolve();
    });
  });
  return found;
}

Deno.test("librdkafka commits, aborts, pipes exactly once and is fenced", async () => {
  const { code, stdout, stderr } = await runProgram(PYTHON, [
    "tests/compat/python/transactions.py",
    ...[broker.bootstrap, uniqueName("ck"), `${COUNT}`],
  ], { timeoutMs: 240_000 });
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout.trim().split("\n").at(-1)!), {
    "uncommitted": { a: COUNT, b: COUNT, c: COUNT },
    "committed": { a: COUNT, c: COUNT },
    "piped": { A: COUNT, C: COUNT },
    "offsets": true,
    "fenced": ["_FENCED", true],
    "after fencing": { a: COUNT, c: COUNT },
  });
});

/** A producer of kafkajs, connected. Two of the same id fence each other. */
function kafkajsProducer(transactionalId: string): Producer {
  return kafkajsClient(broker, { retry: { retries: 5 } }).producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
  });
}

/** Messages, one in each partition by turns. */
function messagesOf(value: string, count = COUNT) {
  return Array.from({ length: count }, (_, n) => ({ value, partition: n % 2 }));
}

Deno.test("kafkajs commits and aborts, and only what is committed is read", async () => {
  const [topic] = await createTopics("kafkajs");
  await connected(kafkajsProducer(uniqueName("tx")), async (producer) => {
    for (const [value, commit] of [["a", true], ["b", false], ["c", true]] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: messagesOf(value) });
      await (commit ? transaction.commit() : transaction.abort());
    }
  });
  assertEquals(await counts(topic, "committed"), { a: COUNT, c: COUNT });
  assertEquals(await counts(topic, "uncommitted"), { a: COUNT, b: COUNT, c: COUNT });
});

Deno.test("kafkajs pipes a topic to another exactly once, although one transaction in three is aborted", async () => {
  const [from, to] = await createTopics("pipe", "pipe-out");
  const groupId = uniqueName("group");
  await connected(kafkajsProducer(uniqueName("tx")), async (producer) => {
    const transaction = await producer.transaction();
    const messages = Array.from({ length: COUNT }, (_, n) => ({ value: `${n}`, partition: n % 2 }));
    await transaction.send({ topic: from, messages });
    await transaction.commit();
  });
  const consumer = kafkajsClient(broker).consumer({ groupId, maxWaitTimeInMs: 100 });
  await connected(
    kafkajsProducer(uniqueName("pipe")),
    (producer) => connected(consumer, () => pipe({ consumer, producer, from, to, groupId })),
  );
  const all = Object.fromEntries(Array.from({ length: COUNT }, (_, n) => [`${n}`, 1]));
  assertEquals(await counts(to, "committed"), all);
});

interface Pipe {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly from: string;
  readonly to: string;
  readonly groupId: string;
}

/** Takes over records with the group's offsets. What was aborted is taken over again. */
async function pipe({ consumer, producer, from, to, groupId }: Pipe): Promise<void> {
  let transactions = 0;
  let piped = 0;
  await consumer.subscribe({ topic: from, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch({ batch: { partition, messages }, resolveOffset }) {
      for (let at = 0; at < messages.length;) {
        const portion = messages.slice(at, at + PORTION);
        const transaction = await producer.transaction();
        await transaction.send({ topic: to, messages: portion.map(({ value }) => ({ value })) });
        const offset = `${Number(portion.at(-1)!.offset) + 1}`;
        await transaction.sendOffsets({
          consumerGroupId: groupId,
          topics: [{ topic: from, partitions: [{ partition, offset }] }],
        });
        if (transactions++ % 3 === 0) {
          await transaction.abort();
          continue;
        }
        await transaction.commit();
        resolveOffset(portion.at(-1)!.offset);
        at += portion.length;
        piped += portion.length;
      }
    },
  });
  await eventually(() => {
    assertEquals(piped, COUNT);
    return Promise.resolve();
  });
}

Deno.test("kafkajs is fenced by a second producer of its id", async () => {
  const [topic] = await createTopics("fence");
  const id = uniqueName("tx");
  await connected(kafkajsProducer(id), async (zombie) => {
    const abandoned = await zombie.transaction();
    await abandoned.send({ topic, messages: messagesOf("zombie") });
    await connected(kafkajsProducer(id), async (next) => {
      const transaction = await next.transaction();
      await assertRejects(() => abandoned.commit());
      await transaction.send({ topic, messages: messagesOf("next") });
      await transaction.commit();
    });
  });
  assertEquals(await counts(topic, "committed"), { next: COUNT });
});

type PlatformaticText = PlatformaticProducer<string, string, string, string>;

function platformaticProducer(transactionalId: string): PlatformaticText {
  return new PlatformaticProducer({
    clientId: "compat",
    bootstrapBrokers: [broker.bootstrap],
    transactionalId,
    idempotent: true,
    serializers: stringSerializers,
    retries: 20,
    // An end is answered before all partitions have heard of it: the next transaction is told to wait.
    retryDelay: 20,
  });
}

Deno.test("@platformatic/kafka commits and aborts, and only what is committed is read", async () => {
  const [topic] = await createTopics("platformatic");
  const producer = platformaticProducer(uniqueName("tx"));
  for (const [value, commit] of [["a", true], ["b", false], ["c", true]] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: messagesOf(value).map((one) => ({ topic, ...one })) });
    await (commit ? transaction.commit() : transaction.abort());
  }
  await producer.close();
  assertEquals(await counts(topic, "committed"), { a: COUNT, c: COUNT });
  assertEquals(await counts(topic, "uncommitted"), { a: COUNT, b: COUNT, c: COUNT });
});

Deno.test("@platformatic/kafka pipes a topic to another with the offsets of a group", async () => {
  const [from, to] = await createTopics("pipe", "pipe-out");
  const source = platformaticProducer(uniqueName("tx"));
  const filling = await source.beginTransaction();
  const values = Array.from({ length: COUNT }, (_, n) => ({
    topic: from,
    value: `${n}`,
    partition: n % 2,
  }));
  await filling.send({ messages: values });
  await filling.commit();
  await source.close();

  const groupId = uniqueName("group");
  const consumer = new PlatformaticConsumer({
    clientId: "compat",
    bootstrapBrokers: [broker.bootstrap],
    groupId,
    deserializers: stringDeserializers,
    autocommit: false,
    isolationLevel: 1,
    maxWaitTime: 100,
  });
  const producer = platformaticProducer(uniqueName("pipe"));
  const stream = await consumer.consume({ topics: [from], mode: MessagesStreamModes.EARLIEST });
  let piped = 0;
  for await (const message of stream as AsyncIterable<Message<string, string, string, string>>) {
    for (const commit of piped % 20 === 0 ? [false, true] : [true]) {
      const transaction = await producer.beginTransaction();
      await transaction.addConsumer(consumer);
      await transaction.send({ messages: [{ topic: to, value: message.value }] });
      await transaction.addOffset(message);
      await (commit ? transaction.commit() : transaction.abort());
    }
    if (++piped === COUNT) break;
  }
  await stream.close();
  await consumer.close();
  await producer.close();
  const all = Object.fromEntries(Array.from({ length: COUNT }, (_, n) => [`${n}`, 1]));
  assertEquals(await counts(to, "committed"), all);
  await connected(kafkajsClient(broker).admin(), async (admin) => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [from] });
    assertEquals(partitions.map(({ offset }) => Number(offset)), [COUNT / 2, COUNT / 2]);
  });
});
