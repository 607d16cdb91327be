import { assertEquals } from "@std/assert";
import { produceRequest, produceResponse } from "../../protocol/messages/00_produce.ts";
import { fetchRequest, fetchResponse } from "../../protocol/messages/01_fetch.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../protocol/messages/22_init_producer_id.ts";
import {
  addPartitionsToTxnRequest,
  addPartitionsToTxnResponse,
} from "../../protocol/messages/24_add_partitions_to_txn.ts";
import { endTxnRequest, endTxnResponse } from "../../protocol/messages/26_end_txn.ts";
import {
  txnOffsetCommitRequest,
  txnOffsetCommitResponse,
} from "../../protocol/messages/28_txn_offset_commit.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { isControl } from "../../protocol/records/batch_header.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import { createTopic, type World } from "./group_support.ts";
import { startBroker, type WireClient } from "./support.ts";

/** A transactional producer that sends what it is told, with or without KIP-890. */
class TransactionalProducer implements Disposable {
  readonly client: WireClient;
  producerId = -1n;
  epoch = -1;
  sequence = 0;

  constructor(readonly world: World, readonly bumps = true, readonly id = "tx") {
    this.client = world.connect();
  }

  async init(): Promise<number> {
    const answer = await this.client.ask([initProducerIdRequest, initProducerIdResponse], 5, {
      transactionalId: this.id,
      transactionTimeoutMs: 60_000,
    });
    if (answer.errorCode === 0) this.#become(answer);
    return answer.errorCode;
  }

  /** Its error code. */
  async add(...partitions: number[]): Promise<number> {
    const { resultsByTopicV3AndBelow } = await this.client.ask(
      [addPartitionsToTxnRequest, addPartitionsToTxnResponse],
      3,
      {
        v3AndBelowTransactionalId: this.id,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.epoch,
        v3AndBelowTopics: [{ name: "t", partitions }],
      },
    );
    return resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode;
  }

  /** Its error code. */
  async produce(value: string, version = this.bumps ? 12 : 10): Promise<number> {
    const { responses } = await this.client.ask([produceRequest, produceResponse], version, {
      transactionalId: this.id,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: "t", partitionData: [{ index: 0, records: [this.batch(value)] }] }],
    });
    const [{ errorCode }] = responses[0].partitionResponses;
    if (errorCode === 0) this.sequence++;
    return errorCode;
  }

  batch(value: string): Uint8Array {
    return buildBatch([{ value: new TextEncoder().encode(value) }], {
      transactional: true,
      producer: {
        producerId: this.producerId,
        producerEpoch: this.epoch,
        baseSequence: this.sequence,
      },
    });
  }

  /** Its error code. */
  async commitOffset(offset: bigint, version = this.bumps ? 5 : 3): Promise<number> {
    const { topics } = await this.client.ask(
      [txnOffsetCommitRequest, txnOffsetCommitResponse],
      version,
      {
        transactionalId: this.id,
        groupId: "g",
        producerId: this.producerId,
        producerEpoch: this.epoch,
        topics: [{
          name: "t",
          partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }],
        }],
      },
    );
    return topics[0].partitions[0].errorCode;
  }

  /** Its error code. */
  async end(committed: boolean): Promise<number> {
    const answer = await this.client.ask([endTxnRequest, endTxnResponse], this.bumps ? 5 : 3, {
      transactionalId: this.id,
      producerId: this.producerId,
      producerEpoch: this.epoch,
      committed,
    });
    if (answer.errorCode === 0 && this.bumps) this.#become(answer);
    await this.world.environment.advance(1);
    return answer.errorCode;
  }

  #become({ producerId, producerEpoch }: { producerId: bigint; producerEpoch: number }): void {
    if (producerEpoch !== this.epoch) this.sequence = 0;
    this.producerId = producerId;
    this.epoch = producerEpoch;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}

async function start(): Promise<World> {
  const world = await startBroker();
  await createTopic(world, "t");
  return world;
}

/** What a consumer gets: values, those of aborted transactions left out under read_committed, and the last stable offset. */
async function read(world: World, isolationLevel: 0 | 1) {
  using client = world.connect();
  const { responses } = await client.ask([fetchRequest, fetchResponse], 11, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 100_000,
    isolationLevel,
    topics: [{
      topic: "t",
      partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100_000 }],
    }],
  });
  const [{ records, lastStableOffset, abortedTransactions }] = responses[0].partitions;
  const values: string[] = [];
  for (const { header, bytes } of batchesIn(records ?? [], "refuse")) {
    if (isControl(header)) continue;
    for (const { value } of recordsIn(bytes)) values.push(new TextDecoder().decode(value!));
  }
  return {
    values: values.join(" "),
    lastStableOffset: Number(lastStableOffset),
    aborted: abortedTransactions?.map(({ firstOffset }) => Number(firstOffset)) ?? null,
  };
}

/** The committed offset, or the error code, of a partition in a group. */
async function committedOffset(world: World, requireStable: boolean) {
  using client = world.connect();
  const { topics } = await client.ask([offsetFetchRequest, offsetFetchResponse], 7, {
    groupId: "g",
    topics: [{ name: "t", partitionIndexes: [0] }],
    requireStable,
  });
  const [{ committedOffset, errorCode }] = topics[0].partitions;
  return errorCode === 0 ? Number(committedOffset) : `error ${errorCode}`;
}

for (const bumps of [true, false]) {
  const who = bumps ? "with KIP-890" : "without KIP-890";

  Deno.test(`Transaction ${who} is read committed when it is, and never when it is aborted`, async () => {
    await using world = await start();
    using producer = new TransactionalProducer(world, bumps);
    assertEquals(await producer.init(), 0);
    for (const [value, commit] of [["a", true], ["b", false], ["c", true]] as const) {
      if (!bumps) assertEquals(await producer.add(0), 0);
      const { lastStableOffset } = await read(world, 1);
      assertEquals(await producer.produce(value), 0);
      assertEquals((await read(world, 1)).lastStableOffset, lastStableOffset, "it is open");
      assertEquals(await producer.end(commit), 0);
    }
    assertEquals(await read(world, 0), { values: "a b c", lastStableOffset: 6, aborted: null });
    assertEquals(await read(world, 1), { values: "a b c", lastStableOffset: 6, aborted: [2] });
  });
}

Deno.test("Transaction makes offsets of a group count when it is committed", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world);
  assertEquals(await producer.init(), 0);
  for (const [offset, commit] of [[5n, true], [9n, false]] as const) {
    const before = await committedOffset(world, false);
    assertEquals(await producer.commitOffset(offset), 0);
    assertEquals(await committedOffset(world, false), before, "it is open");
    assertEquals(await committedOffset(world, true), "error 88");
    assertEquals(await producer.end(commit), 0);
    assertEquals(await committedOffset(world, true), 5);
  }
});

Deno.test("TxnOffsetCommit for a group outside of the transaction is refused by version", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world, false);
  assertEquals(await producer.init(), 0);
  assertEquals(await producer.commitOffset(1n, 3), 48);
  assertEquals(await producer.commitOffset(1n, 4), 120);
  assertEquals(await committedOffset(world, true), -1);
});

Deno.test("Produce of an old client for a partition outside of its transaction is refused by version", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world, false);
  await producer.init();
  assertEquals(await producer.produce("x", 10), 48);
  assertEquals(await producer.produce("x", 11), 120);
  assertEquals(await producer.add(1), 0);
  assertEquals(await producer.produce("x", 10), 48, "another partition is in it");
  assertEquals((await read(world, 0)).values, "");
});

Deno.test("Produce that comes after its transaction has ended is refused, and hangs nowhere", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world);
  using delayed = new TransactionalProducer(world);
  await producer.init();
  Object.assign(delayed, { producerId: producer.producerId, epoch: producer.epoch });
  assertEquals(await producer.produce("a"), 0);
  assertEquals(await producer.end(true), 0);
  delayed.sequence = 1;
  assertEquals(await delayed.produce("late"), 47);
  assertEquals(await read(world, 1), { values: "a", lastStableOffset: 2, aborted: [] });
});

Deno.test("Produce of a KIP-890 client begins with sequence 0 where it is not known", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world);
  await producer.init();
  producer.sequence = 3;
  assertEquals(await producer.produce("x"), 45);
});

Deno.test("Second producer of a transactional id aborts and fences the first", async () => {
  await using world = await start();
  using zombie = new TransactionalProducer(world);
  using next = new TransactionalProducer(world);
  await zombie.init();
  assertEquals(await zombie.produce("zombie"), 0);
  assertEquals(await next.init(), 51);
  await world.environment.advance(1);
  assertEquals(await next.init(), 0);
  assertEquals([await zombie.produce("late"), await zombie.end(true)], [47, 90]);
  assertEquals(await next.produce("next"), 0);
  assertEquals(await next.end(true), 0);
  assertEquals(await read(world, 1), { values: "zombie next", lastStableOffset: 4, aborted: [0] });
});
