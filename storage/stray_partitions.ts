/**
 * Records that belong to no topic: found at start, and removed. (Kafka calls such logs stray: `LogManager.isStrayReplica`.)
 *
 * A topic's deletion is remembered until its records are removed, so there should be none. But nothing else would ever
 * take them away: retention asks for a topic's settings.
 *
 * @module
 */
import type { LogSink } from "../environment/environment.ts";
import type { LogStore, PartitionId } from "./log/partition_log.ts";
import type { MetadataStore } from "./metadata/metadata_store.ts";

/** What there is at start, before anybody writes. */
export interface StartGround {
  readonly logs: LogStore;
  /** As loaded by this start, which has taken the logs over after it. */
  readonly metadata: MetadataStore;
  readonly log: LogSink;
}

/**
 * Removes the partitions that the log has stored and the metadata does not know, as the topic of none that lives and of
 * none whose deletion is under way. To be called before the first topic of this start is made. Whatever stops it is
 * logged, and tried again at the next start.
 *
 * Every start takes the metadata over, and only then the shards, so the metadata's epoch is never behind a shard's. If it
 * is, the metadata was lost or comes from an older copy (or a repair has written the shards alone): its word is not enough
 * to delete anything, and all is kept.
 *
 * A start that stood still between the two may find the shards of a successor, who knows more topics than it does: so it
 * asks whether the metadata is still its own. A successor that comes later fences it off the shards before it makes any.
 */
export async function removeStray(ground: StartGround): Promise<void> {
  const { logs, metadata, log } = ground;
  try {
    const strays = straysOf(ground);
    if (strays.length === 0 || await metadata.isTakenOver()) return;
    await logs.remove(strays);
    for (const [topicId, partitions] of countsOf(strays)) {
      log.write("warn", "Removed the records of a topic that the metadata does not know", {
        topicId,
        partitions,
      });
    }
  } catch (error) {
    const message = "Cannot remove the records of topics that the metadata does not know yet";
    log.write("warn", message, { error });
  }
}

function straysOf({ logs, metadata, log }: StartGround): PartitionId[] {
  const { topics, deletedTopics } = metadata.loaded;
  const known = new Set([...topics, ...deletedTopics].map(({ id }) => id));
  const strays = [...logs.stored()].filter(({ topicId }) => !known.has(topicId));
  if (strays.every((id) => logs.leaderEpochOf(id) <= metadata.epoch)) return strays;
  log.write(
    "warn",
    "Records of topics that the metadata does not know are kept: it seems to be older than they are",
    { topicIds: [...countsOf(strays).keys()].join(", "), partitions: strays.length },
  );
  return [];
}

/** How many partitions there are of each topic. */
function countsOf(ids: readonly PartitionId[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { topicId } of ids) counts.set(topicId, (counts.get(topicId) ?? 0) + 1);
  return counts;
}
