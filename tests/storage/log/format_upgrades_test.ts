import { assertEquals, assertRejects } from "@std/assert";
import { LogFormatError } from "../../../storage/log/format_record.ts";
import {
  type FormatUpgrade,
  LOG_FORMAT,
  type LogFormat,
  upgradePath,
} from "../../../storage/log/format_upgrades.ts";
import { FORMAT_KEY } from "../../../storage/log/keys.ts";
import { openLogStore } from "../../../storage/log/log_store.ts";
import { key } from "../../../storage/kv/key.ts";
import type { Kv } from "../../../storage/kv/kv.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { appendValues, environmentOf, partitionId, recordsFrom } from "./log_world.ts";

const NEXT = LOG_FORMAT.version + 1;
const MARK = key("mark");

/** A step that leaves a mark in every store, and tells of its work. */
function marking(from: number, told: string[], mark = (kv: Kv) => markIn(kv, from)): FormatUpgrade {
  return {
    from,
    what: `leaves the mark ${from}`,
    run: async (stores) => {
      told.push(`${from} in ${stores.length} stores`);
      for (const kv of stores) await mark(kv);
    },
  };
}

async function markIn(kv: Kv, mark: number): Promise<void> {
  await kv.commit({ sets: [{ key: MARK, value: Uint8Array.of(mark) }] });
}

async function open(disk: MemoryDisk, format?: LogFormat) {
  const folder = disk.openFolder();
  const environment = environmentOf(1);
  return await openLogStore({ folder, environment, format, options: { files: 2 } });
}

Deno.test("A log of an older format is upgraded step by step when it is opened, once", async () => {
  const disk = new MemoryDisk();
  const old = await open(disk);
  await appendValues(await old.open(partitionId()), "as it was");
  await old.close();

  const told: string[] = [];
  const steps = [marking(NEXT - 1, told), marking(NEXT, told)];
  const format = { version: NEXT + 1, upgrades: steps };
  for (let start = 0; start < 2; start++) {
    const store = await open(disk, format);
    assertEquals(told, [`${NEXT - 1} in 2 stores`, `${NEXT} in 2 stores`]);
    assertEquals(await recordsFrom(await store.open(partitionId())), [[0, "as it was"]]);
    await store.close();
  }
  const error = await assertRejects(() => open(disk), LogFormatError);
  assertEquals(
    error.message,
    `Cannot open the log in "memory:": it has log format ${
      NEXT + 1
    }, this program supports log format 1`,
  );
});

Deno.test("An upgrade that was cut off begins again with its step, not with those that are done", async () => {
  const disk = new MemoryDisk();
  await (await open(disk)).close();
  const told: string[] = [];
  let dies = true;
  const failing = marking(NEXT, told, (kv) => {
    if (dies) throw new Error("no power");
    return markIn(kv, NEXT);
  });
  const format = { version: NEXT + 1, upgrades: [marking(NEXT - 1, told), failing] };
  await assertRejects(() => open(disk, format), Error, "no power");
  dies = false;
  await (await open(disk, format)).close();
  assertEquals(told.map((line) => line.split(" ")[0]), [`${NEXT - 1}`, `${NEXT}`, `${NEXT}`]);
});

Deno.test("A new log has the format of the program, and is not upgraded", async () => {
  const told: string[] = [];
  const format = { version: NEXT, upgrades: [marking(NEXT - 1, told)] };
  const disk = new MemoryDisk();
  await (await open(disk, format)).close();
  await (await open(disk, format)).close();
  assertEquals(told, []);
  const [record] = await (await disk.openFolder().open("log-0")).get([FORMAT_KEY]);
  assertEquals(record!.value[1], NEXT);
});

Deno.test("There is a way from every format that an upgrade begins with to that of this program, and from no other", () => {
  const format = { version: 4, upgrades: [marking(2, []), marking(3, [])] };
  assertEquals(upgradePath(format, 2)?.map(({ from }) => from), [2, 3]);
  assertEquals(upgradePath(format, 4), []);
  assertEquals(upgradePath(format, 1), null);
  assertEquals(upgradePath(format, 5), null);
  for (const { from } of LOG_FORMAT.upgrades) {
    assertEquals(upgradePath(LOG_FORMAT, from) !== null, true);
  }
});
