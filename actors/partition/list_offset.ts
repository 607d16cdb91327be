/**
 * ListOffsets: from a time, or one of the special timestamps, to an offset.
 *
 * @module
 */
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import { epochAt } from "./leader_epochs.ts";
import { EARLIEST, EARLIEST_LOCAL, LATEST, MAX_TIMESTAMP } from "./messages.ts";

/** An offset with the time and epoch of its record; -1 where there is none. */
export interface ListedOffset {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

const NOTHING: ListedOffset = { offset: -1, timestampMs: -1, leaderEpoch: -1 };

/** As in Kafka, a latest record that is out of sight makes the answer empty: the one before it is not looked for. */
async function latest(log: PartitionLog, beforeOffset: number): Promise<ListedOffset> {
  const found = await log.findMaxTimestamp();
  return found !== null && found.offset < beforeOffset ? found : NOTHING;
}

/**
 * Looks an offset up.
 *
 * @param timestamp milliseconds since the epoch, or a special timestamp. Nothing is ever tiered here, so the local log is
 * all there is: "earliest local" is the earliest, and "latest tiered" and "earliest pending upload" find nothing.
 * @param beforeOffset high watermark or last stable offset: what lies beyond does not exist.
 */
export async function lookUpOffset(
  log: PartitionLog,
  timestamp: number,
  beforeOffset: number,
): Promise<ListedOffset> {
  switch (timestamp) {
    case LATEST:
      return { offset: beforeOffset, timestampMs: -1, leaderEpoch: log.leaderEpoch };
    case EARLIEST:
    case EARLIEST_LOCAL:
      return {
        offset: log.logStartOffset,
        timestampMs: -1,
        leaderEpoch: epochAt(log.epochs, log.logStartOffset),
      };
    case MAX_TIMESTAMP:
      return await latest(log, beforeOffset);
    default:
      return timestamp < 0
        ? NOTHING
        : await log.findByTimestamp(timestamp, beforeOffset) ?? NOTHING;
  }
}
