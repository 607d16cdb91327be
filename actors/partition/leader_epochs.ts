/**
 * Questions about leader epochs (KIP-101, KIP-320), answered from the list of a partition's epochs.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { EpochEntry } from "../../storage/log/partition_log.ts";

/** "This leader never heard of that epoch." */
export const UNDEFINED_EPOCH_END = { leaderEpoch: -1, endOffset: -1 } as const;

/**
 * Checks what a client believes the leader epoch to be.
 *
 * @param claimed the client's epoch; -1 = it does not say.
 * @throws KafkaError FENCED_LEADER_EPOCH when the client is behind, UNKNOWN_LEADER_EPOCH when it is ahead.
 */
export function checkLeaderEpoch(claimed: number, current: number, partitionName: string): void {
  if (claimed < 0 || claimed === current) return;
  if (claimed < current) {
    throw new KafkaError(
      "FENCED_LEADER_EPOCH",
      `${partitionName} is at leader epoch ${current}, not ${claimed}`,
    );
  }
  throw new KafkaError(
    "UNKNOWN_LEADER_EPOCH",
    `${partitionName} is at leader epoch ${current}, not yet ${claimed}`,
  );
}

/**
 * The largest known epoch up to `epoch`, and where it ended: the start of the next one, or the log's end.
 * (Kafka: `LeaderEpochFileCache.endOffsetFor`.)
 *
 * @param epochs oldest first, the current one last.
 */
export function endOfEpoch(
  epochs: readonly EpochEntry[],
  epoch: number,
  logEndOffset: number,
): { readonly leaderEpoch: number; readonly endOffset: number } {
  const current = epochs.at(-1);
  if (epoch < 0 || current === undefined || epoch > current.epoch) return UNDEFINED_EPOCH_END;
  if (epoch === current.epoch) return { leaderEpoch: epoch, endOffset: logEndOffset };
  const next = epochs.findIndex((entry) => entry.epoch > epoch);
  if (next === 0) return { leaderEpoch: epoch, endOffset: epochs[0].startOffset };
  return { leaderEpoch: epochs[next - 1].epoch, endOffset: epochs[next].startOffset };
}

/** The epoch that `offset` was, or will be, written in. */
export function epochAt(epochs: readonly EpochEntry[], offset: number): number {
  let found = epochs[0]?.epoch ?? -1;
  for (const entry of epochs) {
    if (entry.startOffset > offset) break;
    found = entry.epoch;
  }
  return found;
}
