import { assert, assertEquals, assertRejects } from "@std/assert";
import { spawn } from "../../../actors/core/actor.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import {
  EARLIEST,
  EARLIEST_PENDING_UPLOAD,
  type FetchWaiter,
  LATEST,
  LATEST_TIERED,
  MAX_TIMESTAMP,
  type PartitionMessage,
} from "../../../actors/partition/messages.ts";
import { partition } from "../../../actors/partition/partition.ts";
import { BrokerConfig } from "../../../config/broker_config.ts";
import { resolveTopicConfig } from "../../../config/topic_config.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { batchesIn } from "../../../protocol/records/batches.ts";
import { buildBatch, type ProducerIdentity } from "../../../protocol/records/builder.ts";
import type { Kv, KvFolder, KvOutcome } from "../../../storage/kv/kv.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { openLogStore } from "../../../storage/log/log_store.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

const TOPIC_ID = "b2RyYWRlay10b3BpYy0wMQ";

interface World {
  readonly environment: ManualEnvironment;
  readonly ref: ActorRef<PartitionMessage>;
  readonly disk: MemoryDisk;
  /** Holds back what the store answers to commits, until released; or refuses them. */
  readonly commits: { hold: boolean; refuse: boolean; release(): void };
}

async function world(
  settings: Record<string, string> = {},
  disk = new MemoryDisk(),
): Promise<World> {
  const environment = new ManualEnvironment();
  const held: (() => void)[] = [];
  const commits = {
    hold: false,
    refuse: false,
    release() {
      this.hold = false;
      held.splice(0).forEach((go) => go());
    },
  };
  const folder = withCommits(disk.openFolder(), async (commit): Promise<KvOutcome> => {
    if (commits.hold) await new Promise<void>((resolve) => held.push(resolve));
    if (commits.refuse) return { kind: "refused", error: new Error("disk full") };
    return await commit();
  });
  const logs = await openLogStore({ folder, environment });
  const log = await logs.open({ topicId: TOPIC_ID, partition: 0 });
  const config = resolveTopicConfig(new Map(Object.entries(settings)), BrokerConfig.defaults);
  const ref = spawn<PartitionMessage>({
    name: "partition t-0",
    environment,
    unavailable: "NOT_LEADER_OR_FOLLOWER",
    start: (self) =>
      partition(self, {
        name: "t-0",
        environment,
        log,
        config,
        producerIdExpirationMs: 1000,
        producerIdExpirationCheckIntervalMs: 100,
      }),
  });
  return { environment, ref, disk, commits };
}

function withCommits(
  folder: KvFolder,
  around: (commit: () => Promise<KvOutcome>) => Promise<KvOutcome>,
): KvFolder {
  const wrap = (kv: Kv): Kv => ({
    limits: kv.limits,
    get: (keys) => kv.get(keys),
    list: (range, options) => kv.list(range, options),
    commit: (commit) => around(() => kv.commit(commit)),
    close: () => kv.close(),
  });
  return {
    name: folder.name,
    open: async (name) => wrap(await folder.open(name)),
    freeBytes: () => folder.freeBytes(),
    close: () => folder.close(),
  };
}

interface BatchDraft {
  readonly timestampMs?: number;
  readonly key?: string | null;
  readonly producer?: ProducerIdentity;
}

function batch(values: readonly string[], draft: BatchDraft = {}): Uint8Array {
  const encoder = new TextEncoder();
  const key = draft.key ? encoder.encode(draft.key) : null;
  return buildBatch(
    values.map((value) => ({
      timestampMs: draft.timestampMs ?? 1_700_000_000_000,
      key,
      value: encoder.encode(value),
    })),
    { producer: draft.producer },
  );
}

const append = (ref: ActorRef<PartitionMessage>, bytes: Uint8Array) =>
  ref.ask("append", { records: [bytes], requestVersion: 9 });
const fetch = (
  ref: ActorRef<PartitionMessage>,
  offset: number,
  more: Record<string, unknown> = {},
) =>
  ref.ask("fetch", {
    offset,
    maxBytes: 1 << 20,
    minOneBatch: true,
    isolation: "read_uncommitted",
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    ...more,
  });
const kindOf = async (asked: Promise<unknown>) =>
  (await assertRejects(() => asked, KafkaError)).kind;

function offsetsOf(slices: readonly Uint8Array[]): number[] {
  const offsets: number[] = [];
  for (const slice of slices) {
    for (const { header } of batchesIn(slice)) offsets.push(header.baseOffset);
  }
  return offsets;
}

Deno.test("Partition gives offsets in order of arrival and serves what it stored", async () => {
  const { ref } = await world();
  const answers = await Promise.all([append(ref, batch(["a", "b"])), append(ref, batch(["c"]))]);
  assertEquals(answers.map(({ baseOffset }) => baseOffset), [0, 2]);
  const fetched = await fetch(ref, 0);
  assertEquals(fetched.highWatermark, 3);
  assertEquals(offsetsOf(fetched.slices), [0, 2]);
  assertEquals((await fetch(ref, 3)).bytes, 0);
  assertEquals(await kindOf(fetch(ref, 4)), "OFFSET_OUT_OF_RANGE");
});

Deno.test("Partition neither answers nor shows a batch before its commit is durable", async () => {
  const { ref, commits } = await world();
  commits.hold = true;
  let answered = false;
  const appended = append(ref, batch(["a"])).then(() => answered = true);
  await settle();
  assertEquals(answered, false);
  assertEquals((await fetch(ref, 0)).highWatermark, 0);
  commits.release();
  await appended;
  assertEquals((await fetch(ref, 0)).highWatermark, 1);
});

Deno.test("Partition answers a duplicate of the last five batches with its old offset, in flight or stored", async () => {
  const { ref, commits } = await world();
  const producer = (baseSequence: number) => ({ producerId: 7n, producerEpoch: 0, baseSequence });
  const numbered = (sequence: number) => batch([`${sequence}`], { producer: producer(sequence) });
  commits.hold = true;
  const first = append(ref, numbered(0));
  const second = append(ref, numbered(0));
  await settle();
  commits.release();
  assertEquals([(await first).baseOffset, (await second).baseOffset], [0, 0]);
  for (let sequence = 1; sequence <= 5; sequence++) await append(ref, numbered(sequence));
  assertEquals((await append(ref, numbered(1))).baseOffset, 1);
  assertEquals(await kindOf(append(ref, numbered(0))), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals(await kindOf(append(ref, numbered(7))), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals((await fetch(ref, 0)).highWatermark, 6);
});

Deno.test("Partition fails what was in flight when the store refuses, and takes it again afterwards", async () => {
  const { ref, commits, environment } = await world();
  const producer = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };
  await append(ref, batch(["before"]));
  commits.hold = true;
  commits.refuse = true;
  const failed = [append(ref, batch(["x"], { producer })), append(ref, batch(["y"]))].map(kindOf);
  await settle();
  commits.release();
  assertEquals(await Promise.all(failed), ["KAFKA_STORAGE_ERROR", "KAFKA_STORAGE_ERROR"]);
  commits.refuse = false;
  await environment.advance(2000);
  assertEquals(
    (await append(ref, batch(["x"], { producer }))).baseOffset,
    1,
    "the sequence was not used up",
  );
});

Deno.test("Partition wakes a waiting fetch with the bytes that became readable", async () => {
  const { ref } = await world();
  const told: number[] = [];
  const waiter: FetchWaiter = {
    get done() {
      return told.length > 1;
    },
    advanced: (bytes) => told.push(bytes),
  };
  await ref.ask("watch", { waiter, offset: 0, isolation: "read_committed" });
  const a = batch(["a"]);
  await append(ref, a);
  await append(ref, a);
  await append(ref, a);
  assertEquals(told, [a.length, a.length]);
});

Deno.test("Partition tells a fetch that comes to watch too late at once", async () => {
  const { ref } = await world();
  await append(ref, batch(["a"]));
  const told: number[] = [];
  const waiter = { done: false, advanced: (bytes: number) => told.push(bytes) };
  await ref.ask("watch", { waiter, offset: 0, isolation: "read_uncommitted" });
  assertEquals(told, [0]);
});

Deno.test("Partition lists offsets by time, for out-of-order timestamps too", async () => {
  const { ref } = await world();
  for (const timestampMs of [1000, 3000, 2000]) await append(ref, batch(["x"], { timestampMs }));
  const list = (timestamp: number) =>
    ref.ask("listOffset", { timestamp, isolation: null, currentLeaderEpoch: -1 });
  const offsets = async (...timestamps: number[]) =>
    await Promise.all(timestamps.map(async (timestamp) => (await list(timestamp)).offset));
  assertEquals(await offsets(0, 1000, 1001, 2500, 3001), [0, 0, 1, 1, -1]);
  assertEquals(await offsets(LATEST, EARLIEST, MAX_TIMESTAMP), [3, 0, 1]);
  assertEquals(await offsets(LATEST_TIERED, EARLIEST_PENDING_UPLOAD, -99), [-1, -1, -1]);
  assertEquals((await list(MAX_TIMESTAMP)).timestampMs, 3000);
});

Deno.test("Partition refuses what its topic's settings do not allow", async () => {
  const compacted = await world({ "cleanup.policy": "compact" });
  assertEquals(await kindOf(append(compacted.ref, batch(["no key"]))), "INVALID_RECORD");
  assertEquals((await append(compacted.ref, batch(["v"], { key: "k" }))).baseOffset, 0);
  const small = await world({ "max.message.bytes": "100" });
  assertEquals(await kindOf(append(small.ref, batch(["x".repeat(100)]))), "MESSAGE_TOO_LARGE");
  const stamped = await world({ "message.timestamp.type": "LogAppendTime" });
  const { logAppendTimeMs } = await append(stamped.ref, batch(["x"]));
  assertEquals(logAppendTimeMs, stamped.environment.clock.now());
});

Deno.test("Partition follows its topic's settings while it runs", async () => {
  const { ref } = await world();
  const config = resolveTopicConfig(new Map([["max.message.bytes", "100"]]), BrokerConfig.defaults);
  await ref.ask("configure", { config });
  assertEquals(await kindOf(append(ref, batch(["x".repeat(100)]))), "MESSAGE_TOO_LARGE");
});

Deno.test("Partition that has refused a batch holds unknown producers to their first", async () => {
  const { ref, environment, commits } = await world();
  const numbered = (baseSequence: number) =>
    batch(["x"], { producer: { producerId: 7n, producerEpoch: 0, baseSequence } });
  await environment.advance(10 * 60_000); // whoever was refused at its start has given up
  commits.refuse = true;
  const first = append(ref, numbered(0));
  assertEquals(await kindOf(first), "KAFKA_STORAGE_ERROR");
  commits.refuse = false;
  assertEquals(await kindOf(append(ref, numbered(1))), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals((await append(ref, numbered(0))).baseOffset, 0);
  assertEquals((await append(ref, numbered(1))).baseOffset, 1);
});

Deno.test("Partition forgets a producer that was silent for too long", async () => {
  const { ref, environment } = await world();
  await environment.advance(10 * 60_000);
  const numbered = (baseSequence: number) =>
    batch(["x"], {
      timestampMs: environment.clock.now(),
      producer: { producerId: 7n, producerEpoch: 0, baseSequence },
    });
  await append(ref, numbered(0));
  assertEquals((await ref.ask("describeProducers", {})).map(({ producerId }) => producerId), [7n]);
  await environment.advance(2000);
  assertEquals(await ref.ask("describeProducers", {}), []);
  assertEquals(
    (await append(ref, numbered(40))).baseOffset,
    1,
    "any sequence is taken from a stranger",
  );
});

Deno.test("Partition rises in epoch with each start, and tells where the earlier one ended", async () => {
  const first = await world();
  await append(first.ref, batch(["a", "b"]));
  const second = await world({}, first.disk);
  await append(second.ref, batch(["c"]));
  const before = (await first.ref.ask("describe", {})).leaderEpoch;
  const { leaderEpoch } = await second.ref.ask("describe", {});
  assertEquals(leaderEpoch, before + 1);
  const end = (epoch: number) =>
    second.ref.ask("epochEnd", { leaderEpoch: epoch, currentLeaderEpoch: leaderEpoch });
  assertEquals(await end(before), { leaderEpoch: before, endOffset: 2 });
  assertEquals(await end(leaderEpoch), { leaderEpoch, endOffset: 3 });
  assertEquals(
    await kindOf(fetch(second.ref, 0, { currentLeaderEpoch: before })),
    "FENCED_LEADER_EPOCH",
  );
  assertEquals((await fetch(second.ref, 3, { lastFetchedEpoch: before })).divergingEpoch, {
    epoch: before,
    endOffset: 2,
  });
  assertEquals((await fetch(second.ref, 2, { lastFetchedEpoch: before })).divergingEpoch, null);
});

Deno.test("Partition refuses transactional batches that nobody has asked the coordinator about", async () => {
  const { ref } = await world();
  const bytes = buildBatch(
    [{ timestampMs: 0, key: null, value: new Uint8Array(1) }],
    { producer: { producerId: 1n, producerEpoch: 0, baseSequence: 0 }, transactional: true },
  );
  assertEquals(await kindOf(append(ref, bytes)), "INVALID_TXN_STATE");
  assert((await fetch(ref, 0)).highWatermark === 0);
});
