/**
 * `txn list | describe | find-hanging | abort`.
 *
 * @module
 */
import type { Command } from "commander";
import {
  Admin,
  type HangingTransaction,
  type TransactionDescription,
  type TransactionToAbort,
} from "../client/mod.ts";
import {
  addClientOptions,
  type ClientArguments,
  clientOptions,
  collect,
  parseWhole,
} from "./client_options.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

interface ListArguments extends ClientArguments {
  readonly state?: readonly string[];
  readonly olderThanMs?: string;
  readonly pattern?: string;
}

interface HangingArguments extends ClientArguments {
  readonly topic?: readonly string[];
  readonly olderThanMs: string;
}

interface AbortArguments extends ClientArguments {
  readonly topic?: string;
  readonly partition?: string;
  readonly startOffset?: string;
}

const ABORT_HELP = `
With ids, their producers are fenced: what they have open is aborted, and they cannot go on.
With --topic, --partition and --start-offset a transaction that hangs is aborted, as find-hanging
tells it, in that partition alone, and whatever its coordinator knows.

Examples:
  txn abort orders-pipe-0
  txn abort --topic orders --partition 3 --start-offset 1042`;

/** Adds `txn` with its subcommands to the program. */
export function addTxnCommand(program: Command, terminal: Terminal): void {
  const txn = program.command("txn").description("List, describe and abort transactions");
  addClientOptions(txn.command("list"))
    .description("All transactional ids, one a line, with their states")
    .option("--state <name>", "only those in this state; repeatable", collect)
    .option("--older-than-ms <ms>", "only those whose transaction began so long ago")
    .option("--pattern <regex>", "only those that match, as a whole, in RE2's syntax")
    .action((typed: ListArguments) => list(typed, terminal));
  addClientOptions(txn.command("describe <id...>"))
    .description("Producers, states and partitions of transactional ids")
    .action((ids: string[], typed: ClientArguments) => describe(ids, typed, terminal));
  addClientOptions(txn.command("find-hanging"))
    .description("Open transactions that no coordinator is going to end")
    .option("--topic <name>", "repeatable (default: all)", collect)
    .option("--older-than-ms <ms>", "whose producers have been silent for so long", "900000")
    .action((typed: HangingArguments) => findHanging(typed, terminal));
  addClientOptions(txn.command("abort [id...]"))
    .description("Abort open transactions, and fence their producers")
    .option("--topic <name>", "where the transaction hangs")
    .option("--partition <n>", "where the transaction hangs")
    .option("--start-offset <n>", "where the transaction begins there")
    .addHelpText("after", ABORT_HELP)
    .action((ids: string[], typed: AbortArguments) => abort(ids, typed, terminal));
}

async function list(typed: ListArguments, terminal: Terminal): Promise<void> {
  const { state, olderThanMs, pattern } = typed;
  await using admin = new Admin(clientOptions(typed));
  const found = await admin.transactions.list({
    ...(state && { states: state }),
    ...(olderThanMs !== undefined && {
      olderThanMs: parseWhole(olderThanMs, "--older-than-ms", 0),
    }),
    ...(pattern !== undefined && { pattern }),
  });
  for (const { transactionalId, state, producerId } of found) {
    terminal.print(`${transactionalId}: ${state}, producer ${producerId}`);
  }
}

async function describe(
  ids: readonly string[],
  typed: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  await using admin = new Admin(clientOptions(typed));
  for (const id of ids) {
    for (const line of description(await admin.transactions.describe(id))) terminal.print(line);
  }
}

async function findHanging(typed: HangingArguments, terminal: Terminal): Promise<void> {
  const olderThanMs = parseWhole(typed.olderThanMs, "--older-than-ms", 0);
  await using admin = new Admin(clientOptions(typed));
  const names = typed.topic ?? await admin.listTopics({ includeInternal: true });
  const partitions = (await admin.describeTopics(names)).flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition }))
  );
  for (const hanging of await admin.transactions.hanging(partitions, { olderThanMs })) {
    terminal.print(hangingLine(hanging));
  }
}

async function abort(
  ids: readonly string[],
  typed: AbortArguments,
  terminal: Terminal,
): Promise<void> {
  const place = hangingPlace(ids, typed);
  await using admin = new Admin(clientOptions(typed));
  if (place === null) {
    await admin.transactions.fence(ids);
    for (const id of ids) terminal.print(`Aborted what ${id} had open, and fenced its producer`);
    return;
  }
  const { topic, partition, startOffset } = place;
  await admin.transactions.abort(await transactionAt(admin, place));
  terminal.print(`Aborted the transaction from ${startOffset} on in ${topic}-${partition}`);
}

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: bigint;
}

/** Where a transaction hangs; null when ids are named instead. */
function hangingPlace(
  ids: readonly string[],
  { topic, partition, startOffset }: AbortArguments,
): Place | null {
  const options = [topic, partition, startOffset].filter((text) => text !== undefined);
  if (ids.length > 0 && options.length === 0) return null;
  if (ids.length > 0 || topic === undefined || options.length < 3) {
    throw new UsageError("name transactional ids, or --topic, --partition and --start-offset");
  }
  return {
    topic,
    partition: parseWhole(partition!, "--partition", 0),
    startOffset: BigInt(parseWhole(startOffset!, "--start-offset", 0, Number.MAX_SAFE_INTEGER)),
  };
}

async function transactionAt(admin: Admin, place: Place): Promise<TransactionToAbort> {
  const { topic, partition, startOffset } = place;
  const producers = await admin.transactions.producers({ topic, partition });
  const found = producers.find(({ transactionStart }) => transactionStart === startOffset);
  if (!found) {
    throw new UsageError(`no open transaction begins at ${startOffset} in ${topic}-${partition}`);
  }
  const { producerId, producerEpoch, coordinatorEpoch } = found;
  return { topic, partition, producerId, producerEpoch, coordinatorEpoch: coordinatorEpoch ?? 0 };
}

function description(described: TransactionDescription): readonly string[] {
  const { transactionalId, state, producerId, producerEpoch } = described;
  const { coordinatorId, timeoutMs, startedMs, partitions } = described;
  const since = startedMs === null ? "" : `, begun ${new Date(startedMs).toISOString()}`;
  return [
    `${transactionalId}: ${state}, producer ${producerId} at epoch ${producerEpoch}, ` +
    `timeout ${timeoutMs} ms, coordinator ${coordinatorId}${since}`,
    ...partitions.map(({ topic, partition }) => `  ${topic}-${partition}`),
  ];
}

function hangingLine(hanging: HangingTransaction): string {
  const { topic, partition, transactionStart, producerId, producerEpoch } = hanging;
  const owner = hanging.transactionalId === null ? "" : ` of ${hanging.transactionalId}`;
  const last = new Date(hanging.lastTimestampMs).toISOString();
  return `${topic}-${partition}: from ${transactionStart} on, producer ${producerId}${owner} ` +
    `at epoch ${producerEpoch}, last heard of ${last}`;
}
