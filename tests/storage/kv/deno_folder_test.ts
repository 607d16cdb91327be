import { assert, assertEquals, assertRejects } from "@std/assert";
import { key, prefixRange } from "../../../storage/kv/key.ts";
import { FolderGoneError, type Kv } from "../../../storage/kv/kv.ts";
import { FolderInUseError, openDenoFolder } from "../../../storage/kv/deno/deno_folder.ts";

const writer = new URL("./writing_process.ts", import.meta.url);

async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "odradek-kv-" });
  try {
    await body(`${parent}/nested/folder`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** A process that opens the folder, prints `open`, and commits pairs of entries, printing each number once durable. */
function startWriter(path: string, from: number): Deno.ChildProcess {
  const permissions = ["--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-kv", ...permissions, writer.href, path, String(from)],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("Data folder in use by another process is refused with its name, until that ends", async () => {
  await withPath(async (path) => {
    const child = startWriter(path, 0);
    const reader = child.stdout.getReader();
    await reader.read();
    const error = await assertRejects(() => openDenoFolder(path), FolderInUseError);
    assert(error.message.includes(path));
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await child.stderr.cancel();
    const folder = await openDenoFolder(path);
    await folder.close();
  });
});

Deno.test("Data folder is open once within a process, too", async () => {
  await withPath(async (path) => {
    const first = await openDenoFolder(path);
    await assertRejects(() => openDenoFolder(path), FolderInUseError);
    await first.close();
    await (await openDenoFolder(path)).close();
  });
});

Deno.test("Data folder that is a file is refused with its name", async () => {
  const path = await Deno.makeTempFile();
  await assertRejects(() => openDenoFolder(path), Error, `Cannot use the data folder "${path}"`);
  await Deno.remove(path);
});

Deno.test("Data folder with a store that is no database is refused with the store's name", async () => {
  await withPath(async (path) => {
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/meta.kv`, "lorem ipsum dolor sit amet ".repeat(10_000));
    const folder = await openDenoFolder(path);
    await assertRejects(() => folder.open("meta"), Error, `${path}/meta.kv`);
    await folder.close();
  });
});

Deno.test("Data folder that is deleted while it is open is told to be gone, a new one in its place too", async () => {
  await withPath(async (path) => {
    const folder = await openDenoFolder(path);
    await folder.freeBytes();
    await Deno.remove(path, { recursive: true });
    await assertRejects(() => folder.freeBytes(), FolderGoneError, path);
    const other = await openDenoFolder(path);
    await other.freeBytes();
    await assertRejects(() => folder.freeBytes(), FolderGoneError, path);
    await folder.close();
    await other.close();
  });
});

Deno.test("Data folder refuses names of stores that would lead elsewhere", async () => {
  await withPath(async (path) => {
    const folder = await openDenoFolder(path);
    for (const name of ["", "../up", "a/b", "A", "-x", "lock.kv"]) {
      await assertRejects(() => folder.open(name), RangeError, "name");
    }
    await folder.close();
  });
});

Deno.test("Data folder that closes closes the stores left open, after what they have in flight", async () => {
  await withPath(async (path) => {
    const folder = await openDenoFolder(path);
    const kv = await folder.open("meta");
    const inFlight = kv.commit({ sets: [{ key: key(1), value: key(1) }] });
    await folder.close();
    assertEquals((await inFlight).kind, "ok");
    assertEquals((await kv.commit({ deletes: [key(1)] })).kind, "refused");
  });
});

Deno.test("Data folder tells its free space where the permission is granted", async () => {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  await withPath(async (path) => {
    const folder = await openDenoFolder(path);
    const bytes = await folder.freeBytes();
    if (state === "granted") assert(bytes !== null && bytes > 0);
    else assertEquals(bytes, null);
    await folder.close();
  });
});

Deno.test("Store keeps every commit that was answered before kill -9, each whole", async () => {
  await withPath(async (path) => {
    let next = 0;
    for (let round = 0; round < 4; round++) {
      const acknowledged = await killWhileWriting(path, next);
      const folder = await openDenoFolder(path);
      const kv = await folder.open("log-0");
      const stored = await storedPairs(kv);
      assert(stored >= acknowledged, `${acknowledged} were acknowledged, ${stored} are stored`);
      await folder.close();
      assert(stored > next, "the process wrote nothing");
      next = stored;
    }
  });
});

/** @returns how many pairs the process had acknowledged when it was killed, in the middle of its writing. */
async function killWhileWriting(path: string, from: number): Promise<number> {
  const child = startWriter(path, from);
  let printed = "";
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  for await (const text of lines) {
    printed += text;
    if (printed.split("\n").length > 100) {
      child.kill("SIGKILL");
      break;
    }
  }
  await child.status;
  assertEquals(await new Response(child.stderr).text(), "");
  return Number(printed.split("\n").at(-2)) + 1;
}

/** Counts pairs, and checks that they are whole and without a gap. */
async function storedPairs(kv: Kv): Promise<number> {
  let count = 0;
  for (const side of ["left", "right"]) {
    const range = prefixRange(side);
    let start = range.start;
    let expected = 0;
    while (true) {
      const page = await kv.list({ start, end: range.end }, { limit: 1_000 });
      if (page.length === 0) break;
      for (const entry of page) assertEquals(entry.key, key(side, expected++));
      start = Uint8Array.of(...page.at(-1)!.key, 0);
    }
    if (side === "right") assertEquals(expected, count);
    count = expected;
  }
  return count;
}
