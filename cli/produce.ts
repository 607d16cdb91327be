/**
 * `produce`: sends the lines of standard input.
 *
 * @module
 */
import type { Command } from "commander";
import { type Codec, Producer, type ProducerRecord, producerStream } from "../client/mod.ts";
import { CODECS } from "../protocol/compression/codec.ts";
import {
  addClientOptions,
  type ClientArguments,
  clientOptions,
  collect,
  parsePair,
  parseWhole,
} from "./client_options.ts";
import { linesOf } from "./lines.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

interface ProduceArguments extends ClientArguments {
  readonly partition?: string;
  readonly keySeparator?: string;
  readonly compression: string;
  readonly acks: string;
  readonly header?: readonly string[];
}

const ACKS = { all: "all", 0: 0, 1: 1 } as const;
/** Brokers take batches of about a megabyte; a line is to leave room for the rest of its batch. */
const LINE_BYTES_MAX = 1_000_000;

const EXAMPLES = `
Examples:
  echo hello | odradek produce greetings
  odradek produce orders --key-separator : --compression zstd < orders.txt`;

/** Adds `produce` to the program. */
export function addProduceCommand(program: Command, terminal: Terminal): void {
  addClientOptions(program.command("produce <topic>"))
    .description("Send the lines of standard input as records")
    .option("--partition <n>", "default: by the key, or spread")
    .option("--key-separator <text>", "what is in front of it is the record's key")
    .option("--compression <codec>", CODECS.join(", "), "none")
    .option("--acks <acks>", "all, 1 or 0", "all")
    .option("--header <name=value>", "a header for every record; repeatable", collect)
    .addHelpText("after", EXAMPLES)
    .action((topic: string, typed: ProduceArguments) => produce(topic, typed, terminal));
}

async function produce(topic: string, typed: ProduceArguments, terminal: Terminal): Promise<void> {
  const toRecord = recordMaker(topic, typed);
  const options = clientOptions(typed);
  await using producer = new Producer({
    ...options,
    acks: chosen(ACKS, typed.acks, "--acks"),
    compressionType: chosenCodec(typed.compression),
    maxBlockMs: options.defaultApiTimeoutMs,
    deliveryTimeoutMs: options.defaultApiTimeoutMs,
  });
  await ReadableStream.from(linesOf(terminal.input(), LINE_BYTES_MAX))
    .pipeTo(producerStream(producer, toRecord));
}

/** Makes records of lines, as the options say. */
export function recordMaker(
  topic: string,
  typed: Pick<ProduceArguments, "partition" | "keySeparator" | "header">,
): (line: Uint8Array) => ProducerRecord {
  const { partition, keySeparator = "", header = [] } = typed;
  const separator = new TextEncoder().encode(keySeparator);
  const common = {
    topic,
    ...(partition !== undefined && { partition: parseWhole(partition, "--partition", 0) }),
    headers: header.map((text) => {
      const [key, value] = parsePair(text, "--header");
      return { key, value };
    }),
  };
  return (line) => {
    const at = separator.length === 0 ? -1 : indexOf(line, separator);
    if (at < 0) return { ...common, value: line };
    return {
      ...common,
      key: line.subarray(0, at),
      value: line.subarray(at + separator.length),
    };
  };
}

function indexOf(line: Uint8Array, wanted: Uint8Array): number {
  for (let at = line.indexOf(wanted[0]); at >= 0; at = line.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, index) => line[at + index] === byte)) return at;
  }
  return -1;
}

function chosenCodec(text: string): Codec {
  return chosen(Object.fromEntries(CODECS.map((codec) => [codec, codec])), text, "--compression");
}

function chosen<T>(choices: Readonly<Record<string, T>>, text: string, what: string): T {
  if (Object.hasOwn(choices, text)) return choices[text];
  throw new UsageError(`${what}: "${text}" is none of ${Object.keys(choices).join(", ")}`);
}
