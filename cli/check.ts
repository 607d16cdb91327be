/**
 * `check`: looks at every stored value of a data folder, and changes none.
 *
 * @module
 */
import type { Command } from "commander";
import { readOnly } from "../storage/kv/read_only.ts";
import { checkStores } from "../storage/log/check/check_folder.ts";
import {
  type CheckedPartition,
  type CheckReport,
  isSound,
  type OrphanedValues,
} from "../storage/log/check/report.ts";
import { openDataFolder } from "./data_folder.ts";
import type { Terminal } from "./terminal.ts";

interface CheckArguments {
  readonly data: string;
  readonly json: boolean;
}

/** Adds `check` to the program. */
export function addCheckCommand(program: Command, terminal: Terminal): void {
  program.command("check")
    .description("Look for damage in the data folder of a broker that does not run")
    .option("--data <dir>", "the data folder", "./data")
    .option("--json", "one JSON object instead of lines", false)
    .addHelpText(
      "after",
      "\nReads every value once and changes none. Exit code: 0 sound, 1 damaged, 2 cannot look.",
    )
    .action((typed: CheckArguments) => check(typed, terminal));
}

async function check({ data, json }: CheckArguments, terminal: Terminal): Promise<void> {
  await using folder = await openDataFolder(data);
  const stores = new Map([...folder.stores].map(([name, kv]) => [name, readOnly(kv)]));
  const { report } = await checkStores(stores);
  if (json) terminal.print(jsonOf(report));
  else for (const line of linesOf(report)) terminal.print(line);
  if (!isSound(report)) throw new Error(`the data in ${data} is damaged`);
}

function jsonOf({ damage, orphans, ...report }: CheckReport): string {
  return JSON.stringify({
    sound: isSound({ ...report, damage, orphans }),
    ...report,
    damage: damage.map(({ store, name, what }) => ({ store, key: name, what })),
    orphans: orphans.map(({ store, what, keys, bytes }) => ({
      store,
      what,
      values: keys.length,
      bytes,
    })),
  });
}

/** What a check found, for people. */
export function linesOf(report: CheckReport): string[] {
  const { partitions, damage, orphans, values, bytes } = report;
  return [
    ...partitions.toSorted(byName).flatMap(partitionLines),
    ...damage.map(({ store, name, what }) => `Damaged: ${store}, ${name}: ${what}`),
    ...orphans.map((orphan) => `Left over: ${orphanText(orphan)}`),
    `${values} values, ${bytes} bytes: ${isSound(report) ? "sound" : "damaged"}`,
  ];
}

/** Values that nothing leads to, in a few words. */
export function orphanText({ store, what, keys, bytes }: OrphanedValues): string {
  return `${store}: ${keys.length} ${what}, ${bytes} bytes, that nothing leads to`;
}

/** A partition's name: that of its topic, or the topic's id, and its number. */
export function partitionText(
  { topic, topicId, partition }: Pick<CheckedPartition, "topic" | "topicId" | "partition">,
): string {
  return `${topic ?? topicId}-${partition}`;
}

function partitionLines(checked: CheckedPartition): string[] {
  const { logStartOffset, endOffset, damaged } = checked;
  const name = partitionText(checked);
  const offsets = logStartOffset === endOffset
    ? `empty, next offset ${endOffset}`
    : `offsets ${rangeText(logStartOffset, endOffset - 1)}`;
  return [
    `${name}: ${offsets}: ${damaged.length === 0 ? "sound" : "damaged"}`,
    ...damaged.map(({ from, to, why }) => `  ${rangeText(from, to)} cannot be read: ${why}`),
  ];
}

function rangeText(from: number, to: number): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}

function byName(a: CheckedPartition, b: CheckedPartition): number {
  const [first, second] = [a.topic ?? a.topicId, b.topic ?? b.topicId];
  if (first !== second) return first < second ? -1 : 1;
  return a.partition - b.partition;
}
