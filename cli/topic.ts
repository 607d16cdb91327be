/**
 * `topic list | create | describe | delete`.
 *
 * @module
 */
import type { Command } from "commander";
import { Admin, type TopicView } from "../client/mod.ts";
import {
  addClientOptions,
  type ClientArguments,
  clientOptions,
  collect,
  parsePair,
  parseWhole,
} from "./client_options.ts";
import type { Terminal } from "./terminal.ts";

interface CreateArguments extends ClientArguments {
  readonly partitions?: string;
  readonly replicationFactor?: string;
  readonly config?: readonly string[];
}

/** Adds `topic` with its subcommands to the program. */
export function addTopicCommand(program: Command, terminal: Terminal): void {
  const topic = program.command("topic").description("List, create, describe and delete topics");
  addClientOptions(topic.command("list"))
    .description("The names of all topics, one a line")
    .option("--internal", "those too that brokers keep for themselves", false)
    .action((typed: ClientArguments & { internal: boolean }) => list(typed, terminal));
  addClientOptions(topic.command("create <name>"))
    .description("Create a topic")
    .option("--partitions <n>", "default: the broker's num.partitions")
    .option("--replication-factor <n>", "default: the broker's default.replication.factor")
    .option("--config <name=value>", "a setting of the topic; repeatable", collect)
    .action((name: string, typed: CreateArguments) => create(name, typed, terminal));
  addClientOptions(topic.command("describe <name...>"))
    .description("Partitions, offsets and settings of topics")
    .action((names: string[], typed: ClientArguments) => describe(names, typed, terminal));
  addClientOptions(topic.command("delete <name...>"))
    .description("Delete topics with all their records")
    .action((names: string[], typed: ClientArguments) => remove(names, typed, terminal));
}

async function list(
  { internal, ...typed }: ClientArguments & { readonly internal: boolean },
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  for (const name of await admin.listTopics({ includeInternal: internal })) terminal.print(name);
}

async function create(name: string, typed: CreateArguments, terminal: Terminal): Promise<void> {
  const { partitions, replicationFactor, config = [] } = typed;
  const topic = {
    name,
    partitions: partitions === undefined ? -1 : parseWhole(partitions, "--partitions", 1),
    replicationFactor: replicationFactor === undefined
      ? -1
      : parseWhole(replicationFactor, "--replication-factor", 1, 32_767),
    configs: Object.fromEntries(config.map((text) => parsePair(text, "--config"))),
  };
  await using admin = new Admin(clientOptions(typed));
  const [created] = await admin.createTopics([topic]);
  terminal.print(`Created topic ${name}: ${count(created.partitions, "partition")}`);
}

async function describe(
  names: readonly string[],
  typed: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  for (const topic of await admin.describeTopics(names)) {
    for (const line of await description(topic, admin)) terminal.print(line);
  }
}

async function remove(
  names: readonly string[],
  typed: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  await admin.deleteTopics(names);
  for (const name of names) terminal.print(`Deleted topic ${name}`);
}

async function description(topic: TopicView, admin: Admin): Promise<readonly string[]> {
  const partitions = topic.partitions.map(({ partition }) => ({ topic: topic.name, partition }));
  const [starts, ends, settings] = await Promise.all([
    admin.listOffsets(partitions.map((partition) => ({ ...partition, at: "earliest" }))),
    admin.listOffsets(partitions.map((partition) => ({ ...partition, at: "latest" }))),
    admin.describeConfigs({ type: "topic", name: topic.name }),
  ]);
  const id = topic.id === null ? "" : `, id ${topic.id}`;
  return [
    `${topic.name}: ${count(topic.partitions.length, "partition")}${id}`,
    ...settings.filter(({ source }) => source === "dynamicTopic")
      .map(({ name, value }) => `  ${name}=${value}`),
    ...topic.partitions.map(({ partition, leaderId, replicas }, index) =>
      `  partition ${partition}: offsets ${starts[index].offset} to ${ends[index].offset}, ` +
      `leader ${leaderId}, replicas ${replicas.join(",")}`
    ),
  ];
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}
