import { assert, assertEquals } from "@std/assert";
import { controlBatch } from "../../../protocol/records/control.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { batchesIn } from "../../../protocol/records/batches.ts";
import { lastOffset } from "../../../protocol/records/batch_header.ts";
import { checksum } from "../../../storage/checksum.ts";
import { DamagedStoreError } from "../../../storage/damaged_store.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import type { KvEntry } from "../../../storage/kv/kv.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { checkStores } from "../../../storage/log/check/check_folder.ts";
import { type CheckReport, isSound } from "../../../storage/log/check/report.ts";
import { LogFormatError } from "../../../storage/log/format_record.ts";
import { type LogOptions, openLogStore } from "../../../storage/log/log_store.ts";
import { partitionName } from "../../../storage/log/partition_index.ts";
import type { PartitionId, PartitionLog } from "../../../storage/log/partition_log.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { MetadataStore } from "../../../storage/metadata/metadata_store.ts";
import {
  append,
  batchOf,
  environmentOf,
  joined,
  keyedBatch,
  LogWorld,
  partitionId,
  topicConfig,
  topicId,
} from "./log_world.ts";

const FLIPS = 1_000;
const ALL = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };
const OPTIONS: LogOptions = {
  files: 1,
  shardsPerFile: 2,
  segmentBytes: 6_000,
  cacheBytesMax: 20_000_000,
};
const PARTITIONS = 5;
const COMPACTED: PartitionId = { topicId: topicId(1), partition: 0 };
const policyOf = ({ topicId: id }: PartitionId) =>
  id === COMPACTED.topicId ? topicConfig({ "cleanup.policy": "compact" }) : null;

/** Everything that there is to know of a partition. */
interface Contents {
  /** A checksum of the batch at each offset; null where it cannot be read. */
  readonly batches: ReadonlyMap<number, number | null>;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  /** Null when it cannot be told. */
  readonly aborted: string | null;
}

/** A log with something of every kind: segments, cleaned ones, large batches, transactions, cuts, removals. */
async function prepare(): Promise<LogWorld> {
  const world = await LogWorld.open(OPTIONS, policyOf);
  const logs = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, n) => world.store.open(partitionId(n))),
  );
  const compacted = await world.store.open(COMPACTED);
  for (let round = 0; round < 30; round++) {
    await Promise.all(logs.map((log, n) => {
      const producer = { producerId: BigInt(n), producerEpoch: 0, baseSequence: round };
      const transactional = n === 2;
      return append(
        log,
        batchOf([`${round}/${n} ${"x".repeat(n * 60)}`], { producer, transactional }),
      );
    }));
    if (round % 5 === 3) await append(logs[2], marker(round % 2 === 0));
    await append(compacted, keyedBatch([[`key ${round % 4}`, `${round} ${"y".repeat(200)}`]]));
    if (round === 22) await world.clean();
    if (round === 12) await append(logs[1], batchOf(["z".repeat(900_000)]));
    if (round === 14) await append(logs[3], batchOf(["w".repeat(150_000)]));
    if (round === 20) await logs[0].advanceLogStart(3);
  }
  // Dies before anything of it is swept: so every byte that is stored has somebody who needs it.
  world.fate = async (commit, kv) => {
    world.fate = () => new Promise<never>(() => {});
    return await kv.commit(commit);
  };
  await world.store.remove([partitionId(4)]);
  return world;
}

function marker(committed: boolean): Uint8Array {
  return controlBatch({
    result: committed ? "commit" : "abort",
    producerId: 2n,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 1_000,
  });
}

type Stored = ReadonlyMap<string, readonly KvEntry[]>;

/** All that is stored: of the log, and of some metadata. */
async function storedOn(disk: MemoryDisk): Promise<Stored> {
  const folder = disk.openFolder();
  const meta = await folder.open("meta");
  const metadata = await MetadataStore.open(meta, environmentOf(99), null);
  const overrides = new Map([["retention.ms", "1000"]]);
  await metadata.commit([0, 1].map((n) => ({
    kind: "topic",
    topic: { name: `t${n}`, id: topicId(n), partitionCount: 5, replicationFactor: 1, overrides },
  })));
  await metadata.commit([{ kind: "brokerOverrides", broker: "", overrides }]);
  const log = await folder.open("log-0");
  return new Map([
    ["meta", await Array.fromAsync(listAll(meta, ALL))],
    ["log-0", await Array.fromAsync(listAll(log, ALL))],
  ]);
}

/** A disk with these entries; those of `flip` with one bit changed. */
async function diskOf(stored: Stored, flip?: { entry: KvEntry; bit: number }): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const folder = disk.openFolder();
  for (const [name, entries] of stored) {
    const kv = await folder.open(name);
    for (const entry of entries) {
      const value = entry.value.slice();
      if (entry === flip?.entry) value[flip.bit >> 3] ^= 1 << (flip.bit & 7);
      await kv.commit({ sets: [{ key: entry.key, value }] });
    }
  }
  return disk;
}

async function check(disk: MemoryDisk): Promise<CheckReport> {
  const folder = disk.openFolder();
  const names = ["meta", "log-0"];
  const stores = await Promise.all(names.map((name) => folder.open(name)));
  return (await checkStores(new Map(names.map((name, at) => [name, stores[at]])))).report;
}

async function contentsOf(disk: MemoryDisk): Promise<Map<string, Contents>> {
  const folder = disk.openFolder();
  await MetadataStore.open(await folder.open("meta"), environmentOf(3), null);
  const store = await openLogStore({ folder, environment: environmentOf(2), options: OPTIONS });
  const contents = new Map<string, Contents>();
  for (const id of [...store.stored()]) {
    contents.set(partitionName(id), await contentsOfLog(await store.open(id)));
  }
  return contents;
}

async function contentsOfLog(log: PartitionLog): Promise<Contents> {
  const batches = new Map<number, number | null>();
  const { logStartOffset, highWatermark, lastStableOffset } = log;
  for (let offset = logStartOffset; offset < highWatermark;) {
    const request = { offset, beforeOffset: highWatermark, maxBytes: 1, minOneBatch: true };
    const read = await corruptAsNull(async () => await log.read(request));
    for (const { bytes, header } of read ? batchesIn(joined(read)) : []) {
      batches.set(lastOffset(header), checksum(bytes));
    }
    if (!read) batches.set(offset, null);
    offset = read ? read.nextOffset : offset + 1;
  }
  const aborted = await corruptAsNull(() => log.abortedTransactions(0, highWatermark));
  const text = aborted && aborted.map((each) => Object.values(each).join("/")).join(" ");
  return { batches, logStartOffset, highWatermark, lastStableOffset, aborted: text };
}

async function corruptAsNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KafkaError && error.kind === "CORRUPT_MESSAGE") return null;
    throw error;
  }
}

/** What a log gives is what was written, or nothing; and all of it where no damage was reported. */
function compare(name: string, report: CheckReport, found: Contents, written: Contents): boolean {
  let lost = found.aborted === null && written.aborted !== null;
  for (const [offset, batch] of found.batches) {
    if (batch === null) lost = true;
    else assertEquals(batch, written.batches.get(offset), `${name}: a wrong batch at ${offset}`);
  }
  for (const offset of written.batches.keys()) lost ||= !found.batches.has(offset);
  if (found.aborted !== null) assertEquals(found.aborted, written.aborted);
  assertEquals(found.highWatermark, written.highWatermark, `${name}: offsets would be given again`);
  assertEquals(found.lastStableOffset, written.lastStableOffset);
  const checked = report.partitions.find((each) => partitionName(each) === name);
  assertEquals(lost, checked!.damaged.length > 0, `${name}: the check says otherwise`);
  return lost;
}

/** Numbers from 0 to below 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  const environment = environmentOf(seed);
  return () => environment.random.next();
}

Deno.test("1000 flipped bits in stored values: each is reported, no wrong byte is served, others are untouched", async () => {
  const world = await prepare();
  const stored = await storedOn(world.disk);
  const written = await contentsOf(await diskOf(stored));
  assert(isSound(await check(await diskOf(stored))), "The store is not sound to begin with");
  assert(written.size === PARTITIONS);
  const entries = [...stored.values()].flat();
  const kinds = new Set(entries.map(({ key }) => String(keyParts(key)[0])));
  for (const kind of ["b", "c", "d", "format", "head", "k", "m", "r", "s", "topic"]) {
    assert(kinds.has(kind), `Nothing of kind ${kind} is stored`);
  }
  const random = randomOf(7);
  const outcomes = { refused: 0, unreadable: 0, harmless: 0 };
  for (let flips = 0; flips < FLIPS; flips++) {
    const entry = entries[Math.floor(random() * entries.length)];
    const bit = Math.floor(random() * entry.value.length * 8);
    const where = `bit ${bit} of ${keyParts(entry.key)}`;
    const report = await check(await diskOf(stored, { entry, bit }));
    assert(!isSound(report), `The check did not see ${where}`);
    try {
      const found = await contentsOf(await diskOf(stored, { entry, bit }));
      let lost = 0;
      for (const [name, contents] of written) {
        assert(found.has(name), `${name} is gone after ${where}`);
        if (
          compare(
            `${name} after ${where}`.slice(0, name.length),
            report,
            found.get(name)!,
            contents,
          )
        ) lost++;
      }
      if (lost === 0) outcomes.harmless++;
      else outcomes.unreadable++;
    } catch (error) {
      const told = error instanceof DamagedStoreError || error instanceof LogFormatError ||
        error instanceof RangeError;
      if (!told) throw new Error(`After ${where}: ${error}`, { cause: error });
      outcomes.refused++;
    }
  }
  assert(outcomes.refused > 50 && outcomes.unreadable > 300, JSON.stringify(outcomes));
});
