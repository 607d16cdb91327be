/**
 * How much of a log its topic's settings let go: `retention.ms` and `retention.bytes`.
 *
 * Kafka deletes whole segment files. Here the unit is what a partition has in one chunk, in the segment that is being filled,
 * too: so a log is cut no earlier than Kafka promises, and closer to what the settings say. The rules are those of
 * `UnifiedLog.deleteRetentionMsBreachedSegments` and `deleteRetentionSizeBreachedSegments`.
 *
 * @module
 */
import type { TopicConfig } from "../../../config/topic_config.ts";
import { type ClosedPart, OpenPart, type PartitionIndex, type Runs } from "../partition_index.ts";
import type { ShardReader } from "../shard_reader.ts";

/** The settings that retention goes by. */
export type RetentionRules = Pick<TopicConfig, "cleanupPolicy" | "retentionMs" | "retentionBytes">;

/**
 * Where a log should begin now: its present start, or a later offset.
 *
 * @throws KafkaError when the details of a segment cannot be read.
 */
export async function retainedFrom(
  index: PartitionIndex,
  config: RetentionRules,
  reader: ShardReader,
  nowMs: number,
): Promise<number> {
  if (!config.cleanupPolicy.has("delete")) return index.logStartOffset;
  const cut = new Cut(index, reader);
  const expiredBeforeMs = nowMs - config.retentionMs;
  if (config.retentionMs >= 0) {
    await cut.while(({ maxTimestampMs }) =>
      maxTimestampMs >= 0 && maxTimestampMs < expiredBeforeMs
    );
  }
  if (config.retentionBytes >= 0) {
    let excess = await cut.bytesLeft() - config.retentionBytes;
    await cut.while(({ bytes }) => {
      if (bytes > excess) return false;
      excess -= bytes;
      return true;
    });
  }
  return cut.offset;
}

/** Something that is let go as a whole, or not. */
interface Piece {
  readonly bytes: number;
  readonly maxTimestampMs: number;
}

/** Moves forward over a log, by parts and then by chunks. */
class Cut {
  offset: number;

  constructor(private readonly index: PartitionIndex, private readonly reader: ShardReader) {
    this.offset = index.logStartOffset;
  }

  /** Lets pieces go as long as `expired` says so. */
  async while(expired: (piece: Piece) => boolean): Promise<void> {
    for (const part of this.#partsLeft) {
      const whole = this.offset <= part.firstOffset;
      if (whole && expired(part)) this.offset = part.endOffset;
      else if (!await this.#cutInto(part, expired)) return;
    }
  }

  /** Bytes from here to the end; those of a chunk that is cut in the middle count. */
  async bytesLeft(): Promise<number> {
    let bytes = 0;
    for (const part of this.#partsLeft) {
      if (this.offset <= part.firstOffset) {
        bytes += part.bytes;
        continue;
      }
      const runs = await this.#runsOf(part);
      for (let at = Math.max(0, runs.find(this.offset)); at < runs.length; at++) {
        bytes += runs.at(at).bytes;
      }
    }
    return bytes;
  }

  get #partsLeft(): readonly (ClosedPart | OpenPart)[] {
    return this.index.parts.filter(({ endOffset }) => endOffset > this.offset);
  }

  /** Returns whether the part is gone to its end. */
  async #cutInto(
    part: ClosedPart | OpenPart,
    expired: (piece: Piece) => boolean,
  ): Promise<boolean> {
    const { firstTimestampMs } = part;
    if (!expired({ bytes: 0, maxTimestampMs: firstTimestampMs })) return false;
    const runs = await this.#runsOf(part);
    for (let at = Math.max(0, runs.find(this.offset)); at < runs.length; at++) {
      if (!expired(runs.at(at))) return false;
      this.offset = at + 1 < runs.length ? runs.at(at + 1).firstOffset : part.endOffset;
    }
    return true;
  }

  async #runsOf(part: ClosedPart | OpenPart): Promise<Runs> {
    if (part instanceof OpenPart) return part.runs;
    return (this.reader.cachedDetail(part) ?? await this.reader.detail(part)).runs;
  }
}
