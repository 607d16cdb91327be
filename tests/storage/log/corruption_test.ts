import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { KafkaError } from "../../../protocol/errors.ts";
import { keyParts } from "../../../storage/kv/key.ts";
import type { KvEntry } from "../../../storage/kv/kv.ts";
import { Chunk, chunkPartitions } from "../../../storage/log/chunk.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import { kindRange } from "../../../storage/log/keys.ts";
import {
  append,
  appendValues,
  batchOf,
  keyedBatch,
  LogWorld,
  partitionId,
  recordsFrom,
  topicConfig,
} from "./log_world.ts";

const ONE_SHARD = { files: 1, shardsPerFile: 1 };

/** Changes stored values of a kind, between two lives of the process. */
async function damage(
  world: LogWorld,
  kind: "c" | "s" | "d",
  change: (value: Uint8Array, entry: KvEntry) => void,
): Promise<void> {
  const kv = await world.disk.openFolder().open("log-0");
  for await (const entry of listAll(kv, kindRange(kind, 0))) {
    const value = entry.value.slice();
    change(value, entry);
    await kv.commit({ sets: [{ key: entry.key, value }] });
  }
}

async function corruptRead(read: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(read, KafkaError);
  assertEquals(error.kind, "CORRUPT_MESSAGE");
}

Deno.test("A flipped bit in a batch is CORRUPT_MESSAGE for that batch, and nothing else", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const logs = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  await Promise.all(
    logs.flatMap((log, n) => ["a", "b", "c"].map((text) => appendValues(log, `${text}${n}`))),
  );
  await damage(world, "c", (value) => {
    const { entries } = chunkPartitions(value)[0];
    value[entries[1].position + entries[1].length - 3] ^= 4;
  });
  await world.restart();
  const [hit, spared] = await Promise.all([0, 1].map((n) => world.store.open(partitionId(n))));
  assertEquals(await recordsFrom(spared), [[0, "a1"], [1, "b1"], [2, "c1"]]);
  assertEquals(
    (await hit.read({ offset: 0, beforeOffset: 3, maxBytes: 1e6, minOneBatch: true })).nextOffset,
    1,
  );
  await corruptRead(() => recordsFrom(hit, 1));
  assertEquals(await recordsFrom(hit, 2), [[2, "c0"]]);
  assertEquals(await appendValues(hit, "d0"), 3);
});

Deno.test("A damaged directory loses its chunk, and reads of what it held are CORRUPT_MESSAGE", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const log = await world.store.open(partitionId());
  for (const text of ["a", "b", "c"]) await appendValues(log, text);
  let n = 0;
  await damage(world, "c", (value) => {
    if (n++ === 1) value[value.length - 1] ^= 1;
  });
  await world.restart();
  assert(world.environment.lines.some(({ message }) => message.includes("damaged")));
  const again = await world.store.open(partitionId());
  assertEquals(
    (await again.read({ offset: 0, beforeOffset: 3, maxBytes: 1e6, minOneBatch: true })).nextOffset,
    1,
  );
  await corruptRead(() => recordsFrom(again, 1));
  assertEquals(await recordsFrom(again, 2), [[2, "c"]]);
});

Deno.test("A damaged part of a large batch is CORRUPT_MESSAGE", async () => {
  for (const [kind, size] of [["c", 300_000], ["s", 2_000_000]] as const) {
    const world = await LogWorld.open(ONE_SHARD);
    const log = await world.store.open(partitionId());
    await append(log, batchOf(["x".repeat(size)]));
    await appendValues(log, "small");
    let n = 0;
    await damage(world, kind, (value) => {
      if (n++ === 2) value[1_000] ^= 128;
    });
    await world.restart();
    const again = await world.store.open(partitionId());
    await corruptRead(() => recordsFrom(again));
    assertEquals(await recordsFrom(again, 1), [[1, "small"]]);
  }
});

Deno.test("Damaged details of a segment are CORRUPT_MESSAGE for that segment of that partition", async () => {
  const world = await LogWorld.open({ ...ONE_SHARD, segmentBytes: 500 });
  const log = await world.store.open(partitionId());
  for (let n = 0; n < 6; n++) await appendValues(log, `${n}`.repeat(300));
  let n = 0;
  await damage(world, "d", (value) => {
    if (n++ === 0) value[3] ^= 1;
  });
  await world.restart();
  const again = await world.store.open(partitionId());
  await corruptRead(() => recordsFrom(again));
  assertEquals((await recordsFrom(again, 2)).length, 4);
});

Deno.test("Any flipped bit in a chunk is noticed", async () => {
  const world = await LogWorld.open(ONE_SHARD);
  const logs = await Promise.all([0, 1, 2].map((n) => world.store.open(partitionId(n))));
  const producer = { producerId: 3n, producerEpoch: 0, baseSequence: 0 };
  await Promise.all(logs.map((log) => append(log, batchOf(["some", "records"], { producer }))));
  const kv = await world.disk.openFolder().open("log-0");
  const [{ value, key }] = await Array.fromAsync(listAll(kv, kindRange("c", 0)));
  assertEquals(keyParts(key)[0], "c");
  assertEquals(Chunk.loaded(value).damage, null);
  fc.assert(
    fc.property(fc.nat(value.length * 8 - 1), (bit) => {
      const flipped = value.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      assert(Chunk.loaded(flipped).damage !== null, `Bit ${bit} of ${value.length * 8}`);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("Compaction leaves a segment alone in which it finds damage, and goes on with the others", async () => {
  const compact = topicConfig({ "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0" });
  const world = await LogWorld.open(
    { ...ONE_SHARD, segmentBytes: 6_000, diskCheckIntervalMs: 1e9 },
    () => compact,
  );
  const partitions = Array.from({ length: 6 }, (_, n) => partitionId(n));
  const logs = await Promise.all(partitions.map((id) => world.store.open(id)));
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      logs.map((log, n) => append(log, keyedBatch([["key", `${n}/${round}${"x".repeat(300)}`]]))),
    );
  }
  let n = 0;
  await damage(world, "c", (value) => {
    if (n++ === 1) value[100] ^= 1; // in the first segment
  });
  await world.restart();
  await world.clean();
  const told = world.environment.lines.filter(({ message }) => message.includes("stays as it is"));
  assertEquals(told.length, 1);
  assert(!world.environment.lines.some(({ message }) => message.includes("is put off")));
  const kept = await Promise.all(
    partitions.map(async (id) => {
      const log = await world.store.open(id);
      const offsets: number[] = [];
      for (let offset = 0; offset < log.highWatermark;) {
        try {
          const read = await log.read({ offset, beforeOffset: 20, maxBytes: 1, minOneBatch: true });
          if (read.bytes > 0) offsets.push(read.nextOffset - 1);
          offset = read.nextOffset;
        } catch {
          offset++; // the damage
        }
      }
      return offsets;
    }),
  );
  for (const offsets of kept) {
    assertEquals(offsets.at(-1), 19);
    // The damaged segment is as it was; what lies in later ones waits for it, or was compacted.
    assert(offsets.includes(0) || offsets.includes(2), `${offsets}`);
  }
});
