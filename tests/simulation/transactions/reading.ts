/**
 * How the scenarios of transactions read: what there is, and how far the group has come.
 *
 * @module
 */
import {
  type CommittedOffset,
  Consumer,
  type IsolationLevel,
  KafkaError,
} from "../../../client/mod.ts";
import type {
  SeenFacts,
  SimulatedProcess,
  Simulation,
  TransactionRecorder,
  Violation,
} from "../../../testing/mod.ts";
import { GROUP, INPUT, OUTPUT, partitionsOf, persistently } from "./stage.ts";

/** So often is nothing got before one is content with what there is: what is missing is found then. */
const EMPTY_MAX = 30;
const decoder = new TextDecoder();

/** Somebody who reads topics from their start. */
export function readerOf(
  simulation: Simulation,
  { environment }: SimulatedProcess,
  isolationLevel: IsolationLevel,
  topics: readonly string[],
): Consumer {
  const consumer = new Consumer({
    environment,
    bootstrapServers: simulation.broker.bootstrapServers,
    isolationLevel,
    autoOffsetReset: "none",
    requestTimeoutMs: 3000,
  });
  consumer.assign(topics.flatMap(partitionsOf));
  consumer.seekToBeginning();
  return consumer;
}

/** Somebody who sees the group's positions and takes no part in it. */
export function observerOf(simulation: Simulation, { environment }: SimulatedProcess): Consumer {
  return new Consumer({
    environment,
    bootstrapServers: simulation.broker.bootstrapServers,
    groupId: GROUP,
    isolationLevel: "read_committed",
    enableAutoCommit: false,
    requestTimeoutMs: 3000,
    defaultApiTimeoutMs: 5000,
  });
}

/** How far the group has come; null when that is not told, because a transaction that may change it never ends. */
export async function positionsOf(
  simulation: Simulation,
  process: SimulatedProcess,
): Promise<CommittedOffset[] | null> {
  await using consumer = observerOf(simulation, process);
  const committed = () => consumer.committed(partitionsOf(INPUT));
  return await persistently(process, committed, { withinMs: 10_000 }).catch(() => null);
}

/** What a consumer gets; nothing when the world is too rough. */
export async function polled(consumer: Consumer): Promise<SeenFacts[]> {
  try {
    const records = await consumer.poll({ timeoutMs: 300 });
    return records.map(({ topic, partition, offset, value }) => ({
      topic,
      partition,
      offset,
      value: decoder.decode(value!),
    }));
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return [];
  }
}

/** All records of topics. */
export async function allRecords(
  simulation: Simulation,
  process: SimulatedProcess,
  isolationLevel: IsolationLevel,
  topics: readonly string[],
): Promise<SeenFacts[]> {
  await using consumer = readerOf(simulation, process, isolationLevel, topics);
  const found: SeenFacts[] = [];
  for (const { topic, partition, offset } of await consumer.endOffsets(consumer.assignment())) {
    let empty = 0;
    while (empty < EMPTY_MAX && await consumer.position({ topic, partition }) < offset) {
      const records = await polled(consumer);
      empty = records.length > 0 ? 0 : empty + 1;
      found.push(...records);
    }
  }
  return found;
}

/** Writes down what there is in the end. Returns what cannot be found out. */
export async function recordEnd(
  simulation: Simulation,
  process: SimulatedProcess,
  recorder: TransactionRecorder,
): Promise<Violation[]> {
  const topics = [INPUT, OUTPUT];
  for (const record of await allRecords(simulation, process, "read_committed", topics)) {
    recorder.shows(record);
  }
  for (const record of await allRecords(simulation, process, "read_uncommitted", topics)) {
    recorder.holds(record);
  }
  const positions = await positionsOf(simulation, process);
  for (const position of positions ?? []) recorder.endsAt(GROUP, position);
  const text = `The positions of group ${GROUP} are not told`;
  return positions === null ? [{ kind: "hanging transaction", text }] : [];
}
