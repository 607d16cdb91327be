/**
 * `group list | describe | reset | delete`.
 *
 * @module
 */
import type { Command } from "commander";
import {
  Admin,
  type CommittedOffset,
  type GroupDescription,
  type TopicPartition,
} from "../client/mod.ts";
import {
  addClientOptions,
  type ClientArguments,
  clientOptions,
  collect,
} from "./client_options.ts";
import { parseGoal, targetOffsets } from "./group_reset.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

interface ResetArguments extends ClientArguments {
  readonly to: string;
  readonly topic?: readonly string[];
  readonly dryRun: boolean;
}

const RESET_EXAMPLES = `
Examples:
  group reset packers --to earliest
  group reset packers --to -100 --topic orders       a hundred records back
  group reset packers --to 2026-11-22T12:00:00Z --dry-run`;

/** Adds `group` with its subcommands to the program. */
export function addGroupCommand(program: Command, terminal: Terminal): void {
  const group = program.command("group").description("List, describe, reset and delete groups");
  addClientOptions(group.command("list"))
    .description("All groups, one a line, with their states")
    .action((typed: ClientArguments) => list(typed, terminal));
  addClientOptions(group.command("describe <id...>"))
    .description("Members, committed offsets and lag of groups")
    .action((ids: string[], typed: ClientArguments) => describe(ids, typed, terminal));
  addClientOptions(group.command("reset <id>"))
    .description("Have a group without members go on from elsewhere")
    .requiredOption("--to <where>", "earliest, latest, an offset, a time in ISO 8601, or +n or -n")
    .option("--topic <name>", "repeatable (default: all that the group has committed)", collect)
    .option("--dry-run", "only tell what would be done", false)
    .addHelpText("after", RESET_EXAMPLES)
    .action((id: string, typed: ResetArguments) => reset(id, typed, terminal));
  addClientOptions(group.command("delete <id...>"))
    .description("Delete groups without members, with what they have committed")
    .action((ids: string[], typed: ClientArguments) => remove(ids, typed, terminal));
}

async function list(typed: ClientArguments, terminal: Terminal): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  for (const { groupId, state } of await admin.groups.list()) {
    terminal.print(state === "" ? groupId : `${groupId}: ${state}`);
  }
}

async function describe(
  ids: readonly string[],
  typed: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  for (const id of ids) {
    const group = await admin.groups.describe(id);
    for (const line of await description(group, admin)) terminal.print(line);
  }
}

async function reset(id: string, typed: ResetArguments, terminal: Terminal): Promise<void> {
  const goal = parseGoal(typed.to);
  await using admin = new Admin(clientOptions(typed));
  const committed = await admin.groups.offsets(id);
  const partitions = typed.topic === undefined
    ? committed
    : (await admin.describeTopics(typed.topic)).flatMap(({ name, partitions }) =>
      partitions.map(({ partition }) => ({ topic: name, partition }))
    );
  if (partitions.length === 0) {
    throw new UsageError(`group ${id} has committed nothing: name its topics with --topic`);
  }
  const targets = await targetOffsets(admin, partitions, committed, goal);
  if (!typed.dryRun) await admin.groups.alterOffsets(id, targets);
  for (const { topic, partition, offset } of targets) {
    const before = find(committed, { topic, partition })?.offset ?? "none";
    terminal.print(`${topic}-${partition}: ${before} to ${offset}`);
  }
}

async function remove(
  ids: readonly string[],
  typed: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  await admin.groups.delete(ids);
  for (const id of ids) terminal.print(`Deleted group ${id}`);
}

async function description(group: GroupDescription, admin: Admin): Promise<readonly string[]> {
  const { groupId, state, assignor, members } = group;
  const committed = await admin.groups.offsets(groupId);
  const read = members.flatMap(({ memberId, assignment }) =>
    assignment.map((target) => ({ ...target, memberId }))
  );
  const partitions = [...committed, ...read.filter((target) => !find(committed, target))];
  const existing = new Set(await admin.listTopics({ includeInternal: true }));
  const ends = await admin.listOffsets(
    partitions.filter(({ topic }) => existing.has(topic))
      .map(({ topic, partition }) => ({ topic, partition, at: "latest" })),
  );
  const by = assignor === "" ? "" : `, ${assignor}`;
  return [
    `${groupId}: ${state}, ${members.length === 1 ? "1 member" : `${members.length} members`}${by}`,
    ...partitions.toSorted(byName).map((target) => {
      const owner = find(read, target)?.memberId;
      return `  ${progress(find(committed, target), find(ends, target)?.offset, target)}` +
        (owner === undefined ? "" : `, member ${owner}`);
    }),
  ];
}

function progress(
  committed: CommittedOffset | undefined,
  end: bigint | undefined,
  { topic, partition }: TopicPartition,
): string {
  const at = `${topic}-${partition}: committed ${committed?.offset ?? "nothing"}`;
  if (end === undefined) return `${at}, the topic does not exist`;
  return `${at}, end ${end}` + (committed === undefined ? "" : `, lag ${end - committed.offset}`);
}

function find<T extends TopicPartition>(
  all: readonly T[],
  { topic, partition }: TopicPartition,
): T | undefined {
  return all.find((one) => one.topic === topic && one.partition === partition);
}

function byName(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}
