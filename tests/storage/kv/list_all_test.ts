import { assert, assertEquals } from "@std/assert";
import { key, prefixRange } from "../../../storage/kv/key.ts";
import { listAll, pagesOf } from "../../../storage/kv/list_all.ts";
import { memoryFolder } from "../../../storage/kv/memory/memory_folder.ts";

/** A store of values of these sizes, under the keys ("v", 0), ("v", 1), … */
async function storeOf(sizes: readonly number[]) {
  const kv = await memoryFolder().open("log-0");
  for (const [n, size] of sizes.entries()) {
    await kv.commit({ sets: [{ key: key("v", n), value: new Uint8Array(size) }] });
  }
  return kv;
}

async function pageSizes(sizes: readonly number[], bytes: number, entriesMax: number) {
  const kv = await storeOf(sizes);
  const pages = await Array.fromAsync(
    pagesOf(kv, prefixRange("v"), { bytes: () => bytes, entriesMax }),
  );
  assertEquals(pages.flat(), await Array.fromAsync(listAll(kv, prefixRange("v"))));
  return pages.map((page) => page.length);
}

Deno.test("Pages of small values grow to the most entries, and end with the range", async () => {
  assertEquals(await pageSizes(Array(30).fill(100), 64_000, 16), [1, 2, 4, 8, 15]);
  assertEquals(await pageSizes(Array(31).fill(100), 64_000, 16), [1, 2, 4, 8, 16]);
});

Deno.test("Pages of large values have as many bytes as asked for, and one value at least", async () => {
  assertEquals(await pageSizes(Array(9).fill(1_000), 3_000, 16), [1, 2, 3, 3]);
  assertEquals(await pageSizes(Array(3).fill(1_000), 10, 16), [1, 1, 1]);
});

Deno.test("Pages become small again behind one whose values were larger than those before", async () => {
  const found = await pageSizes([...Array(15).fill(10), ...Array(40).fill(1_000)], 4_000, 16);
  assertEquals(found.slice(0, 5), [1, 2, 4, 8, 16], "larger than asked for, once");
  assert(found.slice(5).every((entries) => entries <= 4), `${found}`);
});

Deno.test("Pages of nothing are none", async () => {
  assertEquals(await pageSizes([], 4_000, 16), []);
});
