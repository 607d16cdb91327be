import { assert, assertEquals, assertRejects } from "@std/assert";
import { key, prefixRange } from "../../../storage/kv/key.ts";
import { MemoryDisk, memoryFolder } from "../../../storage/kv/memory/memory_folder.ts";
import { testKvContract } from "../../contract/kv_contract.ts";

testKvContract({
  name: "Memory store",
  place: () => {
    const disk = new MemoryDisk();
    return Promise.resolve({
      open: () => Promise.resolve(disk.openFolder()),
      remove: () => Promise.resolve(),
    });
  },
});

Deno.test("Memory disk that is opened again leaves the handles before dead", async () => {
  const disk = new MemoryDisk();
  const before = await disk.openFolder().open("log-0");
  await before.commit({ sets: [{ key: key("a"), value: key(1) }] });
  const after = await disk.openFolder().open("log-0");
  assertEquals((await before.commit({ deletes: [key("a")] })).kind, "refused");
  await assertRejects(() => before.get([key("a")]), Error, "closed");
  assertEquals((await after.get([key("a")]))[0]?.value, key(1));
});

Deno.test("Memory disk that is full refuses sets, takes deletes and goes on", async () => {
  const folder = memoryFolder({ capacityBytes: 2_000 });
  const kv = await folder.open("log-0");
  const value = new Uint8Array(900);
  const set = (name: string) => kv.commit({ sets: [{ key: key(name), value }] });
  assertEquals((await set("a")).kind, "ok");
  assertEquals((await set("b")).kind, "ok");
  assertEquals((await set("c")).kind, "refused");
  assertEquals((await set("b")).kind, "ok");
  assertEquals((await kv.commit({ deletes: [key("a")] })).kind, "ok");
  assertEquals((await set("c")).kind, "ok");
  assertEquals(await folder.freeBytes(), 2_000 - 2 * (900 + 3));
});

Deno.test("Memory store with 200 000 keys in random order lists and deletes in byte order", async () => {
  const kv = await memoryFolder().open("log-0");
  const count = 200_000;
  // A full cycle over 0 … count - 1, because the step shares no factor with the count.
  const scattered = (at: number) => (at * 77_773) % count;
  for (let start = 0; start < count; start += 1_000) {
    const sets = Array.from({ length: 1_000 }, (_, at) => {
      const name = key("n", scattered(start + at));
      return { key: name, value: name };
    });
    assertEquals((await kv.commit({ sets })).kind, "ok");
  }
  for (let start = 0; start < count; start += 2_000) {
    const deletes = Array.from({ length: 1_000 }, (_, at) => key("n", start + 2 * at));
    assertEquals((await kv.commit({ deletes })).kind, "ok");
  }
  let expected = 1;
  let { start } = prefixRange("n");
  const { end } = prefixRange("n");
  while (true) {
    const page = await kv.list({ start, end }, { limit: 1_000 });
    if (page.length === 0) break;
    for (const entry of page) {
      assertEquals(entry.key, key("n", expected));
      expected += 2;
    }
    start = Uint8Array.of(...page.at(-1)!.key, 0);
  }
  assertEquals(expected, count + 1);
  const [last] = await kv.list(prefixRange("n"), { limit: 1, reverse: true });
  assert(last);
  assertEquals(last.key, key("n", count - 1));
});
