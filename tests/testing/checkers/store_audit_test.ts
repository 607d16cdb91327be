import { assertEquals } from "@std/assert";
import { Admin, Consumer, Producer } from "../../../client/mod.ts";
import { key, keyParts, prefixRange } from "../../../storage/kv/key.ts";
import { listAll } from "../../../storage/kv/list_all.ts";
import {
  chunkKey,
  CLEANED_FIRST,
  detailKey,
  logStartKey,
  stagedKey,
} from "../../../storage/log/keys.ts";
import { type Kv, simulate, type Simulation } from "../../../testing/mod.ts";

const TOKEN = new Uint8Array(16).fill(7);
const FAR = 1_000_000;

/** A store at rest, with small records and one that was staged. */
async function storeAtRest(): Promise<Simulation> {
  const simulation = simulate({ seed: 1 });
  await simulation.run(async () => {
    await using producer = new Producer(simulation.client());
    await producer.send({ topic: "orders", partition: 0, value: "small" });
    await producer.send({ topic: "orders", partition: 0, value: new Uint8Array(900_000) });
  });
  simulation.broker.restart();
  await simulation.advance("10s");
  return simulation;
}

/** What the audit says after a change of the store. */
async function kindsAfter(store: string, change: (kv: Kv) => Promise<unknown>): Promise<string[]> {
  await using simulation = await storeAtRest();
  assertEquals(await simulation.kv.audit(), []);
  await change(await simulation.kv.inner(store));
  return (await simulation.kv.audit()).map(({ kind }) => kind);
}

const plant = (store: string, planted: Uint8Array) =>
  kindsAfter(store, (kv) => kv.commit({ sets: [{ key: planted, value: Uint8Array.of(0) }] }));

/** The keys of a kind. */
async function keysOf(kv: Kv, kind: string): Promise<Uint8Array[]> {
  return (await Array.fromAsync(listAll(kv, prefixRange(kind)))).map(({ key }) => key);
}

Deno.test("Store audit catches a key that nobody knows, in the log and in the metadata", async () => {
  assertEquals(await plant("meta", key("stray", 1)), ["orphan"]);
  assertEquals(await plant("log-0", key("stray", 0)), ["orphan"]);
});

Deno.test("Store audit catches part of a batch that was never published", async () => {
  assertEquals(await plant("log-0", stagedKey(0, FAR, TOKEN, 0)), ["orphan"]);
});

Deno.test("Store audit catches details of a segment that is not closed", async () => {
  assertEquals(await plant("log-0", detailKey(0, 0, 0)), ["orphan"]);
});

Deno.test("Store audit catches a segment that a cleaner wrote and never made count", async () => {
  assertEquals(await plant("log-0", detailKey(0, CLEANED_FIRST, 0)), ["orphan"]);
});

Deno.test("Store audit catches a chunk behind the last commit", async () => {
  await using simulation = await storeAtRest();
  for (const file of ["log-0", "log-1"]) {
    const kv = await simulation.kv.inner(file);
    const [chunk] = await Array.fromAsync(listAll(kv, prefixRange("c")));
    if (!chunk) continue;
    const shard = Number(keyParts(chunk.key)[1]);
    await kv.commit({ sets: [{ key: chunkKey(shard, FAR, 0), value: chunk.value }] });
    assertEquals((await simulation.kv.audit()).map(({ kind }) => kind), ["orphan"]);
    return;
  }
  throw new Error("Nothing was stored");
});

Deno.test("Store audit catches what belongs to a topic that does not exist", async () => {
  const planted = logStartKey(0, "AAAAAAAAAAAAAAAAAAAAAQ", 0);
  assertEquals(await plant("log-0", planted), ["orphan"]);
});

Deno.test("Store audit catches a batch of which a part is missing", async () => {
  await using simulation = await storeAtRest();
  let removed = 0;
  for (const file of ["log-0", "log-1"]) {
    const kv = await simulation.kv.inner(file);
    const [part] = await keysOf(kv, "s");
    if (!part) continue;
    await kv.commit({ deletes: [part] });
    removed++;
  }
  assertEquals(removed, 1);
  assertEquals((await simulation.kv.audit()).map(({ kind }) => kind), ["damage"]);
});

Deno.test("Store audit catches a shard without its HEAD", async () => {
  const kinds = await kindsAfter("log-0", async (kv) => {
    const [head] = await keysOf(kv, "head");
    await kv.commit({ deletes: [head], sets: [{ key: detailKey(0, 0, 0), value: TOKEN }] });
  });
  assertEquals(kinds, ["damage"]);
});

Deno.test("Store audit knows the shard of internal topics beside the metadata, and looks at it as at others", async () => {
  await using simulation = simulate({ seed: 1 });
  await simulation.run(async () => {
    const client = simulation.client();
    await using admin = new Admin(client);
    await admin.createTopics([{ name: "orders", partitions: 1 }]);
    await using consumer = new Consumer({ ...client, groupId: "packers" });
    await consumer.commit([{ topic: "orders", partition: 0, offset: 0n }]);
  });
  assertEquals(await simulation.kv.audit(), []);
  const meta = await simulation.kv.inner("meta");
  const [chunk] = await Array.fromAsync(listAll(meta, prefixRange("c")));
  const shard = Number(keyParts(chunk.key)[1]);
  await meta.commit({ sets: [{ key: chunkKey(shard, FAR, 0), value: chunk.value }] });
  assertEquals((await simulation.kv.audit()).map(({ kind }) => kind), ["orphan"]);
});
