import { assert, assertEquals, assertThrows } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { FolderGoneError, type KvOutcome } from "../../../storage/kv/kv.ts";
import { openLogStore } from "../../../storage/log/log_store.ts";
import { orphansOf } from "./store_audit.ts";
import {
  appendValues,
  batchOf,
  environmentOf,
  LogWorld,
  partitionId,
  recordsFrom,
  settle,
  startAppend,
} from "./log_world.ts";

const ONE_SHARD = { files: 1, shardsPerFile: 1 };
const unknown: KvOutcome = { kind: "unknown", error: new Error("no answer") };
const refused: KvOutcome = { kind: "refused", error: new Error("disk full") };
const never = new Promise<never>(() => {});

Deno.test("A shard has one commit in flight, and what arrives meanwhile shares the next", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  let inFlight = 0;
  let release!: () => void;
  world.fate = async (commit, kv) => {
    assertEquals(++inFlight, 1);
    await new Promise<void>((resolve) => release = resolve);
    inFlight--;
    return kv.commit(commit);
  };
  const before = world.store.usage.commits;
  const outcomes = [startAppend(log, batchOf(["first"])).outcome];
  await settle();
  for (let n = 0; n < 50; n++) outcomes.push(startAppend(log, batchOf([`v${n}`])).outcome);
  release();
  await outcomes[0];
  await settle();
  release();
  await Promise.all(outcomes);
  assertEquals(world.store.usage.commits - before, 2);
});

Deno.test("A commit without answer is sent again until its outcome is known", async () => {
  for (const applied of [true, false]) {
    const world = await LogWorld.open(ONE_SHARD);
    const log = await world.store.open(partitionId());
    let sent = 0;
    world.fate = async (commit, kv) => {
      if (++sent > 3) return kv.commit(commit);
      if (applied) await kv.commit(commit);
      return unknown;
    };
    const { outcome } = startAppend(log, batchOf(["once"]));
    await world.environment.advance(1_000);
    assertEquals(await outcome, { kind: "committed" });
    assertEquals(sent, 4);
    assertEquals(await recordsFrom(log), [[0, "once"]]);
    await appendValues(log, "next");
    await world.restart();
    assertEquals(await recordsFrom(await world.store.open(partitionId())), [[0, "once"], [
      1,
      "next",
    ]]);
  }
});

Deno.test("A refused commit fails everything behind it, and the log goes on when the cause is gone", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  const producer = { producerId: 1n, producerEpoch: 0, baseSequence: 0 };
  await appendValues(log, "kept");
  world.fate = () => Promise.resolve(refused);
  const order: string[] = [];
  const outcomes = ["a", "b"].map((value, n) => {
    const batch = batchOf([value], { producer: { ...producer, baseSequence: n } });
    const { outcome } = startAppend(log, batch);
    return outcome.then(({ kind }) => order.push(`${value} ${kind} at ${log.logEndOffset}`));
  });
  await Promise.all(outcomes);
  assertEquals(order, ["a failed at 1", "b failed at 1"]);
  assertEquals(log.producers.size, 0);
  world.fate = null;
  assertEquals(await appendValues(log, "after"), 1);
  await world.restart();
  assertEquals(await recordsFrom(await world.store.open(partitionId())), [[0, "kept"], [
    1,
    "after",
  ]]);
});

Deno.test("A refusal after a send in doubt is waited out: the batch is there once", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  let sent = 0;
  world.fate = async (commit, kv) => {
    sent++;
    if (sent === 1) {
      await kv.commit(commit);
      return unknown;
    }
    return sent < 4 ? refused : kv.commit(commit);
  };
  const { outcome } = startAppend(log, batchOf(["once"]));
  await world.environment.advance(1_000);
  assertEquals(await outcome, { kind: "committed" });
  assertEquals(await recordsFrom(log), [[0, "once"]]);
});

Deno.test("A zombie writes nothing, fails what it holds, and stops for good", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const zombie = await world.store.open(partitionId());
  await appendValues(zombie, "before");
  // A second process on the same store, while the first one is asleep.
  const tables = world.disk.openFolder();
  let shared: Awaited<ReturnType<typeof tables.open>> | null = null;
  const folder = (): typeof tables => ({
    ...tables,
    name: "shared",
    freeBytes: () => Promise.resolve(null),
    close: () => Promise.resolve(),
    open: async (name) => {
      shared ??= await tables.open(name);
      const kv = shared;
      return {
        limits: kv.limits,
        get: (keys) => kv.get(keys),
        list: (range, options) => kv.list(range, options),
        commit: (commit) => kv.commit(commit),
        close: () => Promise.resolve(),
      };
    },
  });
  let fenced: Error | null = null;
  const first = await openLogStore({
    folder: folder(),
    environment: environmentOf(11),
    onFenced: (error) => fenced = error,
  });
  const old = await first.open(partitionId());
  await appendValues(old, "mine");
  const second = await openLogStore({ folder: folder(), environment: environmentOf(12) });
  const log = await second.open(partitionId());
  assertEquals(log.leaderEpoch, old.leaderEpoch + 1);
  const { outcome } = startAppend(old, batchOf(["zombie"]));
  const { outcome: behind } = startAppend(old, batchOf(["zombie 2"]));
  for (const each of [await outcome, await behind]) {
    assert(each.kind === "failed" && each.error instanceof KafkaError);
    assertEquals(each.error.kind, "NOT_LEADER_OR_FOLLOWER");
  }
  assert(fenced);
  assertThrows(() => startAppend(old, batchOf(["again"])), KafkaError);
  await appendValues(log, "successor");
  assertEquals(await recordsFrom(log), [[0, "before"], [1, "mine"], [2, "successor"]]);
});

Deno.test("Batches beyond the bound of pending bytes are refused, and taken again later", async () => {
  const world = await LogWorld.open({ ...ONE_SHARD, pendingBytesMax: 500 });
  const log = await world.store.open(partitionId());
  let open!: () => void;
  const gate = new Promise<void>((resolve) => open = resolve);
  world.fate = async (commit, kv) => {
    await gate;
    return kv.commit(commit);
  };
  const { outcome } = startAppend(log, batchOf(["x".repeat(600)]));
  const error = assertThrows(() => startAppend(log, batchOf(["more"])), KafkaError);
  assertEquals(error.kind, "REQUEST_TIMED_OUT");
  open();
  await outcome;
  assertEquals(await appendValues(log, "more"), 1);
});

Deno.test("Parts of a large batch that was refused are removed", async () => {
  for (const failing of [1, 2, 3]) {
    const world = await LogWorld.open(ONE_SHARD);
    const log = await world.store.open(partitionId());
    let commits = 0;
    world.fate = (commit, kv) =>
      ++commits === failing ? Promise.resolve(refused) : kv.commit(commit);
    const { outcome } = startAppend(log, batchOf(["x".repeat(1_500_000)]));
    assertEquals((await outcome).kind, "failed");
    world.fate = null;
    await world.environment.advance(1_000);
    await appendValues(log, "small");
    await settle();
    assertEquals(await orphansOf(world.disk, 1), []);
  }
});

Deno.test("Parts that a dead writer staged are swept at the next start", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  await appendValues(log, "kept");
  let commits = 0;
  world.fate = async (commit, kv) => {
    if (++commits > 1) return await never;
    return kv.commit(commit);
  };
  startAppend(log, batchOf(["x".repeat(1_500_000)]));
  await settle();
  assert((await orphansOf(world.disk, 1)).length > 0, "The test staged nothing");
  world.fate = null;
  await world.restart();
  assertEquals(await recordsFrom(await world.store.open(partitionId())), [[0, "kept"]]);
  assertEquals(await orphansOf(world.disk, 1), []);
});

Deno.test("A log below its disk reserve takes no batch until there is room", async () => {
  const world = new LogWorld({ diskReserveBytes: 1_000, diskCheckIntervalMs: 100 });
  let free = 500;
  world.disk.freeBytes = () => free;
  await world.start();
  const log = await world.store.open(partitionId());
  const error = assertThrows(() => startAppend(log, batchOf(["a"])), KafkaError);
  assertEquals(error.kind, "KAFKA_STORAGE_ERROR");
  free = 2_000;
  await world.environment.advance(150);
  assertEquals(await appendValues(log, "a"), 0);
});

Deno.test("A log whose folder was deleted takes no batch any more: it would be in no file", async () => {
  const world = new LogWorld({ diskCheckIntervalMs: 100 });
  let deleted = false;
  world.disk.freeBytes = () => {
    if (deleted) throw new FolderGoneError("./data");
    return Infinity;
  };
  await world.start();
  const log = await world.store.open(partitionId());
  assertEquals(await appendValues(log, "a"), 0);
  deleted = true;
  await world.environment.advance(150);
  const error = assertThrows(() => startAppend(log, batchOf(["b"])), KafkaError);
  assertEquals(error.kind, "KAFKA_STORAGE_ERROR");
});
