import { assert, assertEquals } from "@std/assert";
import type { LogOptions } from "../../../storage/log/log_store.ts";
import type { PartitionLog } from "../../../storage/log/partition_log.ts";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { orphansOf } from "./store_audit.ts";
import { batchOf, LogWorld, partitionId, recordsFrom, settle, startAppend } from "./log_world.ts";

const never = new Promise<never>(() => {});
const OPTIONS: LogOptions = {
  files: 1,
  shardsPerFile: 1,
  segmentBytes: 4_000,
  cacheBytesMax: 50_000,
};
const PARTITIONS = 4;
const REMOVED = 3;
const producer = (n: number) => ({ producerId: BigInt(n), producerEpoch: 0 });

/** What a client knows: what it sent, in order, and what was acknowledged. */
interface Witness {
  readonly sent: string[][];
  readonly acknowledged: number[];
  logStart: number;
  removed: boolean;
  done: boolean;
}

/** Appends to several partitions with segments rolling, a large batch, a cut and a removal. */
async function work(world: LogWorld, witness: Witness): Promise<void> {
  const logs = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, n) => world.store.open(partitionId(n))),
  );
  const send = async (n: number, value: string) => {
    const baseSequence = witness.sent[n].push(value) - 1;
    const batch = batchOf([value], { producer: { ...producer(n), baseSequence } });
    const outcome = await startAppend(logs[n], batch).outcome;
    if (outcome.kind === "committed") witness.acknowledged[n]++;
  };
  for (let round = 0; round < 16; round++) {
    const live = witness.removed ? REMOVED : PARTITIONS;
    await Promise.all(
      Array.from({ length: live }, (_, n) => send(n, `${round}/${n} ${"x".repeat(300)}`)),
    );
    if (round === 1) await send(0, "y".repeat(1_000_000));
    if (round === 5) {
      await logs[1].advanceLogStart(2);
      witness.logStart = 2;
    }
    if (round === 8) {
      await world.store.remove([partitionId(REMOVED)]);
      witness.removed = true;
    }
  }
  witness.done = true;
}

async function check(log: PartitionLog, n: number, witness: Witness): Promise<void> {
  const records = await recordsFrom(log);
  const first = log.logStartOffset;
  assertEquals(
    records,
    witness.sent[n].slice(first, log.highWatermark).map((v, at) => [first + at, v]),
  );
  assert(log.highWatermark >= witness.acknowledged[n], `Partition ${n} lost what it acknowledged`);
  if (log.highWatermark > 0) {
    const baseSequence = log.highWatermark - 1;
    const batch = batchOf(["again"], { producer: { ...producer(n), baseSequence } });
    assertEquals(log.producers.check(readBatchHeader(batch)), {
      kind: "duplicate",
      baseOffset: baseSequence,
      lastOffset: baseSequence,
      timestampMs: 1_000,
    });
  }
}

/** Runs the work, dies at commit `last` (before or after it is applied), starts again and checks. */
async function crashAt(last: number, applied: boolean): Promise<boolean> {
  const world = await LogWorld.open(OPTIONS);
  const witness: Witness = {
    sent: Array.from({ length: PARTITIONS }, () => []),
    acknowledged: new Array(PARTITIONS).fill(0),
    logStart: 0,
    removed: false,
    done: false,
  };
  let commits = 0;
  let dead = false;
  world.fate = async (commit, kv) => {
    if (++commits > last) return await never;
    if (commits < last || applied) {
      const outcome = await kv.commit(commit);
      if (commits < last) return outcome;
    }
    dead = true;
    return await never;
  };
  work(world, witness);
  for (let turn = 0; turn < 200 && !witness.done && !dead; turn++) {
    await world.environment.advance(5);
  }
  world.fate = null;
  await world.restart();
  await world.environment.advance(1_000);
  const stored = new Set([...world.store.stored()].map(({ partition }) => partition));
  for (let n = 0; n < PARTITIONS; n++) {
    if (n === REMOVED && !stored.has(n)) continue;
    assert(n !== REMOVED || !witness.removed, "A removed partition is back");
    await check(await world.store.open(partitionId(n)), n, witness);
  }
  assert((await world.store.open(partitionId(1))).logStartOffset >= witness.logStart);
  await settle();
  await world.environment.advance(1_000);
  assertEquals(await orphansOf(world.disk, 1), []);
  assert(witness.done || dead, "The work stalled");
  return !dead;
}

Deno.test("A log that dies at any commit has everything acknowledged, and no orphans, when it starts again", async () => {
  let crashes = 0;
  for (let last = 1;; last++) {
    const over = await crashAt(last, false);
    await crashAt(last, true);
    if (over) break;
    crashes++;
  }
  assert(crashes > 20, `Only ${crashes} commits were tried`);
});
