/** What the log cannot hold is not taken; and a value that nobody can read costs what it holds, and nothing else. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { KafkaError } from "../../../protocol/errors.ts";
import { TIMESTAMP_MS_MAX } from "../../../protocol/records/batch_header.ts";
import { DamagedStoreError } from "../../../storage/damaged_store.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { ByteReader, ByteWriter } from "../../../storage/log/binary.ts";
import { checkStores } from "../../../storage/log/check/check_folder.ts";
import { isSound } from "../../../storage/log/check/report.ts";
import { Chunk, chunkPartitions, sealChunk } from "../../../storage/log/chunk.ts";
import { kindRange } from "../../../storage/log/keys.ts";
import { repairStores } from "../../../storage/log/repair/repair_folder.ts";
import {
  append,
  appendValues,
  batchOf,
  environmentOf,
  LogWorld,
  partitionId,
  recordsFrom,
  topicConfig,
} from "./log_world.ts";

const ONE_SHARD = { files: 1, shardsPerFile: 1 };

function signedRoundTrip(value: number): number {
  const writer = new ByteWriter(1);
  writer.signed(value);
  const reader = new ByteReader(writer.toBytes());
  const read = reader.signed();
  assertEquals(reader.left, 0);
  return read;
}

Deno.test("Signed numbers from -2^53 to 2^53 - 1 are read as they were written", () => {
  const edges = [6, 7, 13, 31, 32, 51, 52, 53].flatMap((bits) => [2 ** bits - 1, -(2 ** bits)]);
  for (const value of [...edges, 0, -1, 1, 2 ** 52, -(2 ** 52) - 1]) {
    assertEquals(signedRoundTrip(value), value);
  }
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => signedRoundTrip(value) === value));
});

Deno.test("Signed numbers are stored in the zigzag form that they always had", () => {
  const zigzag = (value: number) => value < 0 ? -value * 2 - 1 : value * 2;
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
      const [now, before] = [new ByteWriter(), new ByteWriter()];
      now.signed(value);
      before.varint(zigzag(value));
      assertEquals(now.toBytes(), before.toBytes());
    }),
  );
});

Deno.test("Numbers that could not be read again are not written", () => {
  const writer = new ByteWriter();
  for (const bad of [2 ** 53, -(2 ** 53) - 2, NaN, Infinity, -Infinity]) {
    assertThrows(() => writer.signed(bad), RangeError, "cannot be stored");
  }
  for (const bad of [-1, 2 ** 53, NaN, Infinity]) {
    assertThrows(() => writer.varint(bad), RangeError, "cannot be stored");
  }
  assertEquals(writer.length, 0);
});

Deno.test("A log with the earliest and latest timestamps that are taken is read, closed, cleaned and opened again", async () => {
  const config = topicConfig({ "retention.ms": "-1" });
  const world = await LogWorld.open({ ...ONE_SHARD, segmentBytes: 400 }, () => config);
  const producer = { producerId: 7n, producerEpoch: 0 };
  const log = await world.store.open(partitionId());
  const times = [TIMESTAMP_MS_MAX, -1, TIMESTAMP_MS_MAX, 5, TIMESTAMP_MS_MAX, -1];
  for (const [baseSequence, timestampMs] of times.entries()) {
    const shape = { timestampsMs: [timestampMs], producer: { ...producer, baseSequence } };
    await append(log, batchOf([`${baseSequence}`.padEnd(90)], shape));
  }
  const found = { offset: 0, timestampMs: TIMESTAMP_MS_MAX, leaderEpoch: 0 };
  for (let life = 0; life < 3; life++) {
    const again = await world.store.open(partitionId());
    assertEquals((await recordsFrom(again)).length, times.length);
    assertEquals(again.maxTimestampMs, TIMESTAMP_MS_MAX);
    assertEquals(await again.findByTimestamp(TIMESTAMP_MS_MAX, Infinity), found);
    await world.clean();
    await world.restart();
  }
  const kv = await world.disk.openFolder().open("log-0");
  assert(isSound((await checkStores(new Map([["log-0", kv]]))).report));
});

/** Makes the directory of chunk `n` say what nobody can read; its checksums hold. */
async function garble(world: LogWorld, n: number): Promise<void> {
  const kv = await world.disk.openFolder().open("log-0");
  const { key, value } = (await Array.fromAsync(listAll(kv, kindRange("c", 0))))[n];
  const { dataEnd } = Chunk.loaded(value);
  const directory = value.slice(dataEnd);
  directory.fill(0xff, directory.length - 12);
  const garbled = sealChunk(value.slice(), dataEnd, directory).slice();
  assertThrows(() => chunkPartitions(garbled), RangeError);
  assertEquals(Chunk.loaded(garbled).damage, null);
  await kv.commit({ sets: [{ key, value: garbled }] });
}

Deno.test("A chunk that nobody can read does not keep the rest of a log from being opened", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  for (const text of ["a", "b", "c"]) await appendValues(log, text);
  await garble(world, 1);
  await world.restart();
  assert(world.environment.lines.some(({ message }) => message.includes("chunk is damaged")));
  const again = await world.store.open(partitionId());
  const error = await assertRejects(() => recordsFrom(again, 1), KafkaError);
  assertEquals(error.kind, "CORRUPT_MESSAGE");
  assertEquals(await recordsFrom(again, 2), [[2, "c"]]);
  assertEquals(await again.findByTimestamp(2_000, Infinity), null);
});

Deno.test("A chunk of a closed segment that nobody can read is CORRUPT_MESSAGE, and the cleaner leaves it", async () => {
  const config = topicConfig({ "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0" });
  const world = await LogWorld.open({ ...ONE_SHARD, segmentBytes: 400 }, () => config);
  const log = await world.store.open(partitionId());
  for (let n = 0; n < 6; n++) await appendValues(log, `${n}`.padEnd(90));
  await garble(world, 1);
  await world.restart();
  await world.clean();
  const again = await world.store.open(partitionId());
  const error = await assertRejects(() => recordsFrom(again, 1), KafkaError);
  assertEquals(error.kind, "CORRUPT_MESSAGE");
  assertEquals((await recordsFrom(again, 5)).length, 1);
});

Deno.test("A chunk that nobody can read stops neither check nor repair, at the end of the log neither", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  for (const text of ["a", "b"]) await appendValues(logs[0], text);
  for (const text of ["c", "d"]) await appendValues(logs[1], text);
  await garble(world, 3);
  await assertRejects(() => world.restart(), DamagedStoreError, "at the end of the open segment");
  const stores = new Map([["log-0", await world.disk.openFolder().open("log-0")]]);
  const { report } = await checkStores(stores);
  assertEquals(report.damage.length, 1);
  const environment = environmentOf(9);
  await repairStores({ stores, environment, dryRun: false, tell: () => {} });
  await world.restart();
  const [spared, cut] = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  assertEquals(await recordsFrom(spared), [[0, "a"], [1, "b"]]);
  assertEquals(await recordsFrom(cut), [[0, "c"]]);
  assertEquals(await appendValues(cut, "e"), 2);
});
