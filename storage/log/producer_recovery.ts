import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { ClosedPart, PartitionIndex } from "./partition_index.ts";
import { type ProducerFacts, ProducerStates } from "./producer_states.ts";
import { rebuildPart } from "./rebuild_part.ts";
import type { ShardCatalogue } from "./shard_catalogue.ts";
import type { ShardReader } from "./shard_reader.ts";

/** Where the producers of a partition are looked for. */
export interface ProducerSource {
  /** For messages: `shard 2`. */
  readonly name: string;
  readonly shard: number;
  readonly kv: Kv;
  readonly environment: Environment;
  readonly catalogue: Pick<ShardCatalogue, "segments">;
  readonly reader: ShardReader;
}

/**
 * The producers of a partition as of its last durable batch: the newest snapshot, and what happened since. Aborted
 * transactions of the open segment come to light here, too.
 *
 * The open part keeps its events: a roll tells them until somebody writes a snapshot of the states.
 *
 * Damaged details are made up for from the chunks, as far as those can be read.
 *
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store fails.
 */
export async function loadProducers(
  source: ProducerSource,
  index: PartitionIndex,
): Promise<ProducerStates> {
  while (true) {
    const newest = index.closed.at(-1);
    const { generation } = index;
    const states = await closedProducers(source, index, index.closed);
    // A segment was closed or cleaned meanwhile.
    if (newest !== index.closed.at(-1) || generation !== index.generation) continue;
    for (const part of [index.rolling, index.open]) {
      for (const facts of part?.events ?? []) states.apply(facts);
    }
    const aborted = states.settle(index.endOffset);
    index.open?.addAborted(aborted);
    return states;
  }
}

/**
 * The producers of a partition as of the end of some of its closed parts, which begin with its first one.
 *
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store fails.
 */
export async function closedProducers(
  source: ProducerSource,
  index: PartitionIndex,
  closed: readonly ClosedPart[],
): Promise<ProducerStates> {
  const { reader } = source;
  const later: ProducerFacts[][] = [];
  let states: ProducerStates | null = null;
  for (const part of closed.toReversed()) {
    try {
      const { producers } = reader.cachedDetail(part) ?? await reader.detail(part);
      if (producers.kind === "snapshot") states = producers.states();
      else if (producers.kind === "events") later.push([...producers.events]);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      later.push(await rebuildFacts(source, index, part, error));
    }
    if (states) break;
  }
  states ??= new ProducerStates();
  for (const events of later.reverse()) for (const facts of events) states.apply(facts);
  return states;
}

/** What the batches of a part tell of their producers. */
async function rebuildFacts(
  { name, shard, kv, environment, catalogue }: ProducerSource,
  { id }: PartitionIndex,
  part: ClosedPart,
  error: Error,
): Promise<ProducerFacts[]> {
  const head = catalogue.segments.get(part.segment)!;
  const { facts, whole } = await rebuildPart({ kv, shard, head }, id, part);
  if (!whole) {
    environment.log.write(
      "error",
      `${name}: the producers of a partition are lost, duplicates may pass`,
      { topicId: id.topicId, partition: id.partition, error },
    );
  }
  return [...facts];
}

/** Whether details (KafkaError) or the snapshot in them (RangeError) are not what should have been written. */
function isUnreadable(error: unknown): error is Error {
  return error instanceof RangeError ||
    error instanceof KafkaError && error.kind === "CORRUPT_MESSAGE";
}
