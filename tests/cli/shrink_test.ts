// Real time: a command against a real broker in this process.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Admin, Consumer, Producer } from "../../client/mod.ts";
import { createBroker } from "../../mod.ts";
import { key } from "../../storage/kv/key.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { runMain } from "./command.ts";

const RECORDS = 20;

/** Runs `use` on a data folder with some records, and pages of many values that were deleted. */
async function withEmptyPages(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "odradek-shrink-" });
  try {
    {
      await using broker = await createBroker({ data: path });
      await using admin = new Admin(broker.client);
      await admin.createTopics([{ name: "orders", partitions: 1 }]);
      await using producer = new Producer(broker.client);
      for (let n = 0; n < RECORDS; n++) {
        await producer.send({ topic: "orders", value: "x".repeat(50_000) });
      }
    }
    await fillAndEmpty(path);
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function fillAndEmpty(path: string): Promise<void> {
  const folder = await openDenoFolder(path);
  const kv = await folder.open("log-0");
  const value = new Uint8Array(60_000);
  for (const sets of [true, false]) {
    for (let n = 0; n < 20; n++) {
      const keys = Array.from({ length: 10 }, (_, at) => key("filler", n, at));
      await kv.commit(sets ? { sets: keys.map((key) => ({ key, value })) } : { deletes: keys });
    }
  }
  await kv.close();
  await folder.close();
}

async function recordsIn(path: string): Promise<number> {
  await using broker = await createBroker({ data: path });
  await using consumer = new Consumer(broker.client);
  const partition = { topic: "orders", partition: 0 };
  consumer.assign([partition]);
  consumer.seekToBeginning();
  let count = 0;
  while (await consumer.position(partition) < RECORDS) count += (await consumer.poll()).length;
  return count;
}

const sizeOf = async (path: string) => (await Deno.stat(path)).size;

Deno.test("shrink makes the files smaller and leaves every record", async () => {
  await withEmptyPages(async (path) => {
    const before = await sizeOf(`${path}/log-0.kv`);
    assert(before > 12_000_000, `only ${before} bytes`);
    await Deno.writeTextFile(`${path}/log-0.kv.new`, "of a shrink that was killed");
    const { code, printed, complaints } = await runMain(["shrink", "--data", path]);
    assertEquals([code, complaints], [0, []]);
    assertEquals(printed.length, 3);
    assertMatch(printed[1], /^log-0: \d+ bytes, \d+ before$/);
    const after = await sizeOf(`${path}/log-0.kv`);
    assert(after < before / 4, `${after} of ${before} bytes are left`);
    assertEquals(await recordsIn(path), RECORDS);
    const check = await runMain(["check", "--data", path]);
    assertEquals(check.code, 0, check.printed.join("; "));
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    assert(!names.some((name) => name.includes(".new")), names.join(" "));
  });
});

Deno.test("shrink leaves a store alone that somebody has open", async () => {
  await withEmptyPages(async (path) => {
    await using _broker = await createBroker({ data: path });
    const { code, complaints } = await runMain(["shrink", "--data", path]);
    assertEquals(code, 2);
    assertMatch(complaints[0], /another broker has it open/);
  });
});
