/** What clients can do to the logs of coordinators, and that these outlive it. */
import { assertEquals } from "@std/assert";
import { transactionRecord } from "../../../actors/transaction/records.ts";
import { produceRequest, produceResponse } from "../../../protocol/messages/00_produce.ts";
import { ERROR_CODES } from "../../../protocol/errors.ts";
import { coordinatorPartition } from "../../../protocol/java_hash.ts";
import { buildBatch, type RecordDraft } from "../../../protocol/records/builder.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { createTopic } from "../group_support.ts";
import { startBrokerOn, type TestBroker } from "../support.ts";
import { produceTo } from "../topics.ts";
import { findTransactionCoordinator, WireProducer } from "../transaction_support.ts";

const STATE = "__transaction_state";
const OFFSETS = "__consumer_offsets";
const STATE_PARTITIONS = 50;
const CONFIG = { "offsets.topic.num.partitions": "1" };

function passedOver({ environment }: TestBroker): number {
  return environment.lines
    .filter(({ message }) => message.endsWith("a record is passed over")).length;
}

/** A batch with these records. */
const batchOf = (records: readonly Pick<RecordDraft, "key" | "value">[]) =>
  buildBatch(records.map((record) => ({ ...record, timestampMs: 1000 })));

Deno.test("AddPartitionsToTxn of a client refuses internal topics, whether they are there or not", async () => {
  await using broker = await startBrokerOn(new MemoryDisk().openFolder(), CONFIG);
  using producer = new WireProducer(broker.connect());
  assertEquals(await producer.init(), 0);
  for (const topic of [STATE, OFFSETS]) {
    for (const version of [0, 1, 2, 3]) {
      const { code } = ERROR_CODES.TOPIC_AUTHORIZATION_FAILED;
      assertEquals(await producer.in(topic).addEach(version, 0, 999), [code, code], topic);
    }
  }
});

for (const commit of [true, false]) {
  const what = commit ? "committed" : "aborted";
  Deno.test(`Coordinator of transactions outlives a marker in its own log: ${what}`, async () => {
    const disk = new MemoryDisk();
    const partition = coordinatorPartition("victim", STATE_PARTITIONS);
    const epochs: number[] = [];
    {
      await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
      await createTopic(broker, "t");
      using victim = new WireProducer(broker.connect(), "victim");
      assertEquals(await findTransactionCoordinator(victim.client, "tx"), 0);
      assertEquals(await victim.init(), 0);
      epochs.push(victim.epoch);
      using producer = new WireProducer(broker.connect(), "tx", STATE);
      assertEquals(await producer.init(), 0);
      assertEquals(await producer.addAsBroker(5, false, partition), [0]);
      assertEquals(await producer.end(4, commit), 0);
      await broker.environment.advance(1000);
    }
    await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
    await broker.environment.advance(1000);
    using victim = new WireProducer(broker.connect(), "victim");
    assertEquals(await victim.init(), 0);
    epochs.push(victim.epoch);
    assertEquals(epochs, [0, 1]);
    assertEquals(passedOver(broker), 0);
  });
}

Deno.test("Coordinators outlive records of Kafka's tools that nobody can read", async () => {
  const disk = new MemoryDisk();
  const garbled = [
    Uint8Array.of(),
    Uint8Array.of(0),
    Uint8Array.of(0, 0),
    Uint8Array.of(0, 0, 0, 9, 1),
    Uint8Array.of(0, 1, 0, 1, 0x41, 0x7f, 0xff),
    Uint8Array.of(0, 2, 0, 5),
    Uint8Array.of(0, 0, 0, 1, 0x41, 0x41),
  ].map((key) => ({ key, value: Uint8Array.of(0, 9, 1) }));
  const { key, value } = transactionRecord("victim", {
    state: "Empty",
    producerId: 1n,
    previousProducerId: -1n,
    nextProducerId: -1n,
    epoch: 0,
    timeoutMs: 1000,
    partitions: new Map(),
    updatedMs: 0,
    startedMs: -1,
    clientVersion: 0,
  });
  const unknownVersion = value!.slice();
  unknownVersion[1] = 77;
  const ofTransactions = [...garbled, { key, value: unknownVersion }, {
    key,
    value: Uint8Array.of(),
  }];
  {
    await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
    await createTopic(broker, "t");
    using producer = new WireProducer(broker.connect(), "victim");
    assertEquals(await findTransactionCoordinator(producer.client, "victim"), 0);
    assertEquals(await producer.init(), 0);
    assertEquals(await producer.commitOffset(5, 42n), 0);
    assertEquals(await producer.end(5, true), 0);
    const partition = coordinatorPartition("victim", STATE_PARTITIONS);
    const { producerId, epoch } = producer;
    const transactional = buildBatch(garbled.map((each) => ({ ...each, timestampMs: 1000 })), {
      transactional: true,
      producer: { producerId, producerEpoch: epoch, baseSequence: 0 },
    });
    for (
      const [topic, index, batch, id] of [
        [STATE, partition, batchOf(ofTransactions), null],
        [OFFSETS, 0, batchOf(garbled), null],
        [OFFSETS, 0, transactional, producer.id],
      ] as const
    ) {
      const draft = { ...produceTo(topic, index, batch), transactionalId: id };
      const { responses: [{ partitionResponses: [{ errorCode }] }] } = await producer.client
        .ask([produceRequest, produceResponse], 12, draft, "__admin_client");
      assertEquals(errorCode, 0, topic);
    }
    assertEquals(await producer.end(5, true), 0);
    await broker.environment.advance(1000);
  }
  await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
  await broker.environment.advance(1000);
  using producer = new WireProducer(broker.connect(), "victim");
  assertEquals(await producer.init(), 0);
  assertEquals(producer.epoch > 2, true, `epoch ${producer.epoch}`);
  assertEquals(await producer.commitOffset(5, 43n), 0);
  assertEquals(await producer.end(5, true), 0);
  assertEquals(passedOver(broker) > 0, true);
});
