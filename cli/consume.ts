/**
 * `consume`: prints the records of a topic.
 *
 * @module
 */
import type { Command } from "commander";
import { Admin, Consumer, type ConsumerRecord, type TopicPartition } from "../client/mod.ts";
import {
  addClientOptions,
  type ClientArguments,
  clientOptions,
  collect,
  parseWhole,
} from "./client_options.ts";
import { recordFormat } from "./record_format.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

interface ConsumeArguments extends ClientArguments {
  readonly partition?: readonly string[];
  readonly from: string;
  readonly max?: string;
  readonly exitAtEnd: boolean;
  readonly keySeparator?: string;
  readonly json: boolean;
}

/** How long a look whether all is read may be put off while nothing arrives. */
const POLL_MS = 200;

const EXAMPLES = `
Examples:
  odradek consume greetings --exit-at-end
  odradek consume orders --partition 0 --from 1000 --max 10 --json
  odradek consume orders --from 2026-11-22T12:00:00Z`;

/** Adds `consume` to the program. */
export function addConsumeCommand(program: Command, terminal: Terminal): void {
  addClientOptions(program.command("consume <topic>"))
    .description("Print the records of a topic, until it is stopped")
    .option("--partition <n>", "only this one; repeatable (default: all)", collect)
    .option("--from <where>", "earliest, latest, an offset, or a time in ISO 8601", "earliest")
    .option("--max <n>", "stop after so many records")
    .option("--exit-at-end", "stop where the topic ended at the start", false)
    .option("--key-separator <text>", "print the key too, and this behind it")
    .option("--json", "print everything of a record as one line of JSON", false)
    .addHelpText("after", EXAMPLES)
    .action((topic: string, typed: ConsumeArguments) => consume(topic, typed, terminal));
}

async function consume(topic: string, typed: ConsumeArguments, terminal: Terminal): Promise<void> {
  const seek = parseFrom(typed.from);
  const max = typed.max === undefined ? Infinity : parseWhole(typed.max, "--max", 1);
  const numbers = typed.partition?.map((text) => parseWhole(text, "--partition", 0));
  const format = recordFormat(typed);
  const options = clientOptions(typed);
  const partitions = await partitionsOf(topic, numbers, options);

  await using consumer = new Consumer({ ...options, allowAutoCreateTopics: false });
  terminal.onStop(() => void consumer.close());
  consumer.assign(partitions);
  seek(consumer);
  const ends = typed.exitAtEnd ? await consumer.endOffsets(partitions) : null;
  let printed = 0;
  for await (const record of untilEnd(consumer, ends)) {
    terminal.write(format(record));
    if (++printed >= max) break;
  }
}

async function partitionsOf(
  topic: string,
  numbers: readonly number[] | undefined,
  options: ConstructorParameters<typeof Admin>[0],
): Promise<readonly TopicPartition[]> {
  await using admin = new Admin(options);
  const [{ partitions }] = await admin.describeTopics([topic]);
  const existing = partitions.map(({ partition }) => partition);
  const missing = numbers?.find((number) => !existing.includes(number));
  if (missing !== undefined) {
    throw new UsageError(`--partition: ${topic} has partitions 0 to ${existing.length - 1}`);
  }
  return [...new Set(numbers ?? existing)].map((partition) => ({ topic, partition }));
}

/** The records up to offsets that were the ends once; all there will ever be without them. */
async function* untilEnd(
  consumer: Consumer,
  ends: readonly (TopicPartition & { readonly offset: bigint })[] | null,
): AsyncGenerator<ConsumerRecord, void, undefined> {
  if (ends === null) return yield* consumer;
  const open = new Map(ends.map((end) => [end.partition, end]));
  while (open.size > 0) {
    for (const end of [...open.values()]) {
      if (await consumer.position(end) >= end.offset) open.delete(end.partition);
    }
    if (open.size === 0) return;
    for (const record of await consumer.poll({ timeoutMs: POLL_MS })) {
      const end = ends.find(({ partition }) => partition === record.partition);
      if (end !== undefined && record.offset < end.offset) yield record;
    }
  }
}

/** What to do with a consumer so that it starts there. */
function parseFrom(text: string): (consumer: Consumer) => void {
  if (text === "earliest") return (consumer) => consumer.seekToBeginning();
  if (text === "latest") return (consumer) => consumer.seekToEnd();
  if (/^\d{1,15}$/.test(text)) {
    return (consumer) => {
      for (const partition of consumer.assignment()) consumer.seek(partition, BigInt(text));
    };
  }
  const timestampMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (timestampMs >= 0) return (consumer) => consumer.seekToTime(timestampMs);
  throw new UsageError(
    `--from: "${text}" is neither earliest, latest, an offset, nor a time in ISO 8601`,
  );
}
