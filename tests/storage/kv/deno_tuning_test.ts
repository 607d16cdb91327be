// Real time: it waits for a real worker thread and a real disk.
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { key } from "../../../storage/kv/key.ts";
import { Checkpointer } from "../../../storage/kv/deno/checkpointer.ts";
import { openDenoFolder } from "../../../storage/kv/deno/deno_folder.ts";
import { createWithLargePages } from "../../../storage/kv/deno/page_size.ts";

async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "odradek-kv-" });
  try {
    await body(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function pragma(path: string, name: string): unknown {
  const database = new DatabaseSync(path);
  const row = database.prepare(`pragma ${name}`).get();
  database.close();
  return Object.values(row!)[0];
}

Deno.test("Store is created with pages of 16 KiB and a write-ahead log", async () => {
  await withPath(async (path) => {
    const folder = await openDenoFolder(path);
    const kv = await folder.open("log-0");
    await kv.commit({ sets: [{ key: key(1), value: key(1) }] });
    await folder.close();
    assertEquals(pragma(`${path}/log-0.kv`, "page_size"), 16_384);
    assertEquals(pragma(`${path}/log-0.kv`, "journal_mode"), "wal");
  });
});

Deno.test("Store that exists keeps its page size and its entries", async () => {
  await withPath(async (path) => {
    const plain = await Deno.openKv(`${path}/meta.kv`);
    await plain.set([key(1)], key(2));
    plain.close();
    const folder = await openDenoFolder(path);
    const [found] = await (await folder.open("meta")).get([key(1)]);
    assertEquals(found?.value, key(2));
    await folder.close();
    assertEquals(pragma(`${path}/meta.kv`, "page_size"), 4_096);
  });
});

Deno.test("Page size stays what the runtime gives where the file cannot be made beforehand", async () => {
  await createWithLargePages("/nonexistent/folder/store.kv");
});

Deno.test("Checkpointer empties the write-ahead log while its stores are written to, and ends", async () => {
  await withPath(async (path) => {
    const store = `${path}/a.kv`;
    await createWithLargePages(store);
    const kv = await Deno.openKv(store);
    const checkpointer = new Checkpointer({ startBytes: 100 });
    await checkpointer.add(store);
    await kv.set([key(1)], new Uint8Array(60_000));
    checkpointer.wrote(99);
    assert(!checkpointer.running);
    checkpointer.wrote(1);
    assert(checkpointer.running);
    // SQLite itself would begin at 1000 pages; this is a handful.
    await until(() => framesLeft(store) === 0);
    await kv.set([key(2)], new Uint8Array(60_000));
    assert(framesLeft(store) > 0);
    checkpointer.wrote(60_000);
    await until(() => framesLeft(store) === 0);
    await checkpointer.stop();
    assert(!checkpointer.running);
    kv.close();
  });
});

Deno.test("Checkpointer that cannot open a store ends quietly, once", async () => {
  await withPath(async (path) => {
    const checkpointer = new Checkpointer({ startBytes: 1 });
    await checkpointer.add(`${path}/absent/a.kv`);
    checkpointer.wrote(1);
    await until(() => !checkpointer.running);
    checkpointer.wrote(1);
    assert(!checkpointer.running);
    await checkpointer.stop();
  });
});

Deno.test("Checkpointer does not keep the process alive", async () => {
  await withPath(async (path) => {
    const module = new URL("../../../storage/kv/deno/checkpointer.ts", import.meta.url);
    const code = `import { Checkpointer } from ${JSON.stringify(module.href)};
      const checkpointer = new Checkpointer({ startBytes: 1 });
      await checkpointer.add(${JSON.stringify(`${path}/a.kv`)});
      checkpointer.wrote(1);
      await new Promise((resolve) => setTimeout(resolve, 200));
      console.log(checkpointer.running);`;
    await createWithLargePages(`${path}/a.kv`);
    await Deno.writeTextFile(`${path}/main.ts`, code);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        `--allow-read=${path}`,
        `--allow-write=${path}`,
        `${path}/main.ts`,
      ],
      signal: AbortSignal.timeout(30_000),
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "true\n");
    assert(success);
  });
});

/** Pages in the write-ahead log that are not in the database yet: tells without moving any. */
function framesLeft(path: string): number {
  const database = new DatabaseSync(path);
  const row = database.prepare("pragma wal_checkpoint(NOOP)").get() as {
    log: number;
    checkpointed: number;
  };
  database.close();
  return row.log - row.checkpointed;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    assert(Date.now() < deadline, "it did not come about in 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
