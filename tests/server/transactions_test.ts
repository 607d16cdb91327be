import { assertEquals } from "@std/assert";
import { fetchRequest, fetchResponse } from "../../protocol/messages/01_fetch.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { isControl } from "../../protocol/records/batch_header.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import { createTopic, type World } from "./group_support.ts";
import { startBroker } from "./support.ts";
import { WireProducer } from "./transaction_support.ts";

/** A transactional producer that keeps to the versions of clients with KIP-890, or without. */
class TransactionalProducer extends WireProducer {
  constructor(readonly world: World, readonly bumps = true) {
    super(world.connect());
  }

  override produce(version = this.bumps ? 12 : 10, value?: string): Promise<number> {
    return super.produce(version, value);
  }

  override add(version = 3, ...partitions: number[]): Promise<number> {
    return super.add(version, ...partitions);
  }

  override commitOffset(version = this.bumps ? 5 : 3, offset = 1n): Promise<number> {
    return super.commitOffset(version, offset);
  }

  /** Ends the transaction, and waits until all partitions have heard of it. */
  async finish(committed: boolean): Promise<number> {
    const code = await this.end(this.bumps ? 5 : 3, committed);
    await this.world.environment.advance(1);
    return code;
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
      if (!bumps) assertEquals(await producer.add(3, 0), 0);
      const { lastStableOffset } = await read(world, 1);
      assertEquals(await producer.produce(undefined, value), 0);
      assertEquals((await read(world, 1)).lastStableOffset, lastStableOffset, "it is open");
      assertEquals(await producer.finish(commit), 0);
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
    assertEquals(await producer.commitOffset(undefined, offset), 0);
    assertEquals(await committedOffset(world, false), before, "it is open");
    assertEquals(await committedOffset(world, true), "error 88");
    assertEquals(await producer.finish(commit), 0);
    assertEquals(await committedOffset(world, true), 5);
  }
});

Deno.test("TxnOffsetCommit for a group outside of the transaction is refused by version", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world, false);
  assertEquals(await producer.init(), 0);
  assertEquals(await producer.commitOffset(3), 48);
  assertEquals(await producer.commitOffset(4), 120);
  assertEquals(await committedOffset(world, true), -1);
});

Deno.test("Produce of an old client for a partition outside of its transaction is refused by version", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world, false);
  await producer.init();
  assertEquals(await producer.produce(10, "x"), 48);
  assertEquals(await producer.produce(11, "x"), 120);
  assertEquals(await producer.add(3, 1), 0);
  assertEquals(await producer.produce(10, "x"), 48, "another partition is in it");
  assertEquals((await read(world, 0)).values, "");
});

Deno.test("Produce that comes after its transaction has ended is refused, and hangs nowhere", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world);
  using delayed = new TransactionalProducer(world);
  await producer.init();
  Object.assign(delayed, { producerId: producer.producerId, epoch: producer.epoch });
  assertEquals(await producer.produce(undefined, "a"), 0);
  assertEquals(await producer.finish(true), 0);
  delayed.sequence = 1;
  assertEquals(await delayed.produce(undefined, "late"), 47);
  assertEquals(await read(world, 1), { values: "a", lastStableOffset: 2, aborted: [] });
});

Deno.test("Produce of a KIP-890 client begins with sequence 0 where it is not known", async () => {
  await using world = await start();
  using producer = new TransactionalProducer(world);
  await producer.init();
  producer.sequence = 3;
  assertEquals(await producer.produce(undefined, "x"), 45);
});

Deno.test("Second producer of a transactional id aborts and fences the first", async () => {
  await using world = await start();
  using zombie = new TransactionalProducer(world);
  using next = new TransactionalProducer(world);
  await zombie.init();
  assertEquals(await zombie.produce(undefined, "zombie"), 0);
  assertEquals(await next.init(), 51);
  await world.environment.advance(1);
  assertEquals(await next.init(), 0);
  assertEquals([await zombie.produce(undefined, "late"), await zombie.finish(true)], [47, 90]);
  assertEquals(await next.produce(undefined, "next"), 0);
  assertEquals(await next.finish(true), 0);
  assertEquals(await read(world, 1), { values: "zombie next", lastStableOffset: 4, aborted: [0] });
});
