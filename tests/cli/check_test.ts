// Real time: commands against a real broker in this process.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createBroker, Producer } from "../../mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { key } from "../../storage/kv/key.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { chunkPartitions } from "../../storage/log/chunk.ts";
import { kindRange } from "../../storage/log/keys.ts";
import { listAll } from "../../storage/kv/list_all.ts";
import { Admin } from "../../client/mod.ts";
import { runMain } from "./command.ts";

/** Runs `use` on the data folder of a broker that had a topic with records, and was stopped. */
async function withData(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "odradek-check-" });
  try {
    {
      await using broker = await createBroker({ data: path });
      await using admin = new Admin(broker.client);
      await admin.createTopics([{ name: "orders", partitions: 2 }]);
      await using producer = new Producer(broker.client);
      for (let n = 0; n < 6; n++) {
        await producer.send({ topic: "orders", partition: n % 2, value: `order ${n}` });
      }
    }
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** Turns one bit of the first batch that the folder's log holds. Answers the partition. */
async function damageBatch(path: string): Promise<number> {
  const folder = await openDenoFolder(path);
  try {
    for (const name of ["log-0", "log-1"]) {
      const kv = await folder.open(name);
      try {
        for (const shard of [0, 1, 2, 3]) {
          for await (const { key, value } of listAll(kv, kindRange("c", shard))) {
            const changed = value.slice();
            const [{ id, entries }] = chunkPartitions(value);
            changed[entries[0].position + 60] ^= 1;
            await kv.commit({ sets: [{ key, value: changed }] });
            return id.partition;
          }
        }
      } finally {
        await kv.close();
      }
    }
    throw new Error("There are no chunks");
  } finally {
    await folder.close();
  }
}

Deno.test("check tells of a sound folder what it holds, twice the same", async () => {
  await withData(async (path) => {
    const { code, printed, complaints } = await runMain(["check", "--data", path]);
    assertEquals([code, complaints], [0, []]);
    assertEquals(printed.slice(0, 2), [
      "orders-0: offsets 0 to 2: sound",
      "orders-1: offsets 0 to 2: sound",
    ]);
    assertMatch(printed.at(-1)!, /^\d+ values, \d+ bytes: sound$/);
    assertEquals((await runMain(["check", "--data", path])).printed, printed);
  });
});

Deno.test("check answers 1 to damage, and tells the offsets that it costs", async () => {
  await withData(async (path) => {
    const partition = await damageBatch(path);
    const { code, printed, complaints } = await runMain(["check", "--data", path]);
    assertEquals([code, complaints], [1, [`odradek: the data in ${path} is damaged`]]);
    const lines = printed.join("\n");
    assertMatch(lines, new RegExp(`orders-${partition}: .* damaged\n  0 cannot be read: `));
    assertMatch(lines, new RegExp(`orders-${1 - partition}: offsets 0 to 2: sound`));
    const { printed: [json] } = await runMain(["check", "--data", path, "--json"]);
    const report = JSON.parse(json);
    assertEquals(report.sound, false);
    assertEquals(report.damage.length, 1);
    assert(report.partitions.some((each: { damaged: unknown[] }) => each.damaged.length === 1));
  });
});

Deno.test("check answers 2 where a broker runs, and where there is no data", async () => {
  await withData(async (path) => {
    await using _broker = await createBroker({ data: path });
    const { code, complaints } = await runMain(["check", "--data", path]);
    assertEquals([code, complaints.length], [2, 1]);
    assertMatch(complaints[0], /another broker has it open/);
  });
  const empty = await Deno.makeTempDir();
  const { code, complaints } = await runMain(["check", "--data", empty]);
  assertEquals([code, complaints], [2, [`odradek: --data: ${empty} holds no data of a broker`]]);
  assertEquals([...Deno.readDirSync(empty)], []);
  await Deno.remove(empty);
  const missing = await runMain(["check", "--data", `${empty}/none`]);
  assertEquals(missing.code, 2);
});

Deno.test("repair mends what check has found, and check is content then", async () => {
  await withData(async (path) => {
    await damageBatch(path);
    const dry = await runMain(["repair", "--data", path, "--dry-run"]);
    assertEquals(dry.code, 1);
    assertMatch(dry.printed[0], /^would: log-\d, c .*: bit \d+ is turned back/);
    const { code, printed, complaints } = await runMain(["repair", "--data", path]);
    assertEquals([code, complaints, printed.length], [0, [], 2]);
    assertEquals(printed[1], "1 change");
    assertEquals((await runMain(["check", "--data", path])).code, 0);
  });
});

Deno.test("A broker that cannot open its data says in one line what to do", async () => {
  await withData(async (path) => {
    const folder = await openDenoFolder(path);
    const kv = await folder.open("meta");
    const [entry] = await kv.list({ start: key("head"), end: key("heae") }, { limit: 1 });
    const value = entry.value.map((byte, at) => at === 9 ? byte ^ 2 : byte);
    await kv.commit({ sets: [{ key: entry.key, value }] });
    await kv.close();
    await folder.close();
    const { code, complaints } = await runMain(["serve", "--listen=127.0.0.1:0", "--data", path]);
    assertEquals([code, complaints.length], [2, 1]);
    assertMatch(complaints[0], /HEAD .* is damaged.*odradek check --data/);
  });
});

Deno.test("check and repair tell of a file of the log that is missing, and the next start of a broker does once", async () => {
  for (const name of ["log-0", "log-1"]) {
    await withData(async (path) => {
      await Deno.remove(`${path}/${name}.kv`);
      for (const command of [["check"], ["repair", "--dry-run"], ["repair"]]) {
        const { code, printed, complaints } = await runMain([...command, "--data", path]);
        assertEquals(code, 1, command.join(" "));
        assertMatch([...printed, ...complaints].join("\n"), /damaged/);
      }
      const { printed } = await runMain(["check", "--data", path]);
      assertMatch(
        printed.join("\n"),
        new RegExp(`Damaged: ${name}, .* is missing, and what it held`),
      );
      const lost: unknown[] = [];
      for (let start = 0; start < 2; start++) {
        const write = (level: string, message: string) => level === "error" && lost.push(message);
        const environment = denoEnvironment({ log: { write } });
        await using _ = await createBroker({ data: path, environment });
      }
      assertEquals(lost, [
        "A file of the log was missing and is begun anew: the records of these topics are lost",
      ]);
      assertEquals((await runMain(["check", "--data", path])).code, 0);
    });
  }
});
