import { KafkaError } from "../../protocol/errors.ts";
import type { ClosedPart, PartitionIndex } from "./partition_index.ts";
import { type ProducerFacts, ProducerStates } from "./producer_states.ts";
import type { RebuiltPart } from "./rebuild_part.ts";
import type { ShardReader } from "./shard_reader.ts";

/** What to do about damaged details. */
export interface ProducerRescue {
  /** What the chunks of a part tell. */
  rebuild(part: ClosedPart): Promise<RebuiltPart>;
  /** Told when something of the producers is lost: duplicates may pass. */
  onLost(error: Error): void;
}

/**
 * The producers of a partition as of its last durable batch: the newest snapshot, and what happened since. Aborted
 * transactions of the open segment come to light here, too.
 *
 * Damaged details are made up for from the chunks, as far as those can be read.
 *
 * @throws KafkaError KAFKA_STORAGE_ERROR when the store fails.
 */
export async function loadProducers(
  index: PartitionIndex,
  reader: ShardReader,
  rescue: ProducerRescue,
): Promise<ProducerStates> {
  while (true) {
    const newest = index.closed.at(-1);
    const { generation } = index;
    const { base, events } = await closedProducers(index, reader, rescue);
    // A segment was closed or cleaned meanwhile.
    if (newest !== index.closed.at(-1) || generation !== index.generation) continue;
    const states = base ?? new ProducerStates();
    for (const facts of events) states.apply(facts);
    for (const part of [index.rolling, index.open]) {
      for (const facts of part?.events ?? []) states.apply(facts);
    }
    const aborted = states.settle(index.endOffset);
    if (index.open) {
      index.open.addAborted(aborted);
      index.open.events = [];
    }
    return states;
  }
}

async function closedProducers(
  index: PartitionIndex,
  reader: ShardReader,
  rescue: ProducerRescue,
): Promise<{ readonly base: ProducerStates | null; readonly events: readonly ProducerFacts[] }> {
  const events: ProducerFacts[] = [];
  for (const part of index.closed.toReversed()) {
    try {
      const { producers } = reader.cachedDetail(part) ?? await reader.detail(part);
      if (producers.kind === "snapshot") return { base: producers.states(), events };
      if (producers.kind === "events") events.unshift(...producers.events);
    } catch (error) {
      if (!(error instanceof KafkaError) || error.kind !== "CORRUPT_MESSAGE") throw error;
      const { facts, whole } = await rescue.rebuild(part);
      events.unshift(...facts);
      if (!whole) rescue.onLost(error);
    }
  }
  return { base: null, events };
}
