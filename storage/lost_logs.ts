/**
 * Logs that are gone: found at start, and told.
 *
 * @module
 */
import type { PartitionId } from "./log/partition_log.ts";
import type { StartGround } from "./stray_partitions.ts";

/**
 * Tells of topics whose partitions lie in a shard that this start has begun anew: a file of the data folder is missing.
 * Every start takes over the metadata and then each shard, and only then topics can be made: so at a later start than the
 * first (epoch 0), a shard of epoch 0 was not there.
 *
 * @param isInternal whether a topic lies beside the metadata, and is lost only with it.
 */
export function tellLostLogs(
  { logs, metadata, log }: StartGround,
  isInternal: (topicId: string) => boolean,
): void {
  if (metadata.epoch === 0) return;
  const isLost = (id: PartitionId) => logs.leaderEpochOf(id) === 0;
  const lost = metadata.loaded.topics.filter(({ id }) => !isInternal(id))
    .map(({ id: topicId, name, partitionCount }) => ({
      name,
      partitions: Array.from({ length: partitionCount }, (_, partition) => ({ topicId, partition }))
        .filter(isLost).length,
    }))
    .filter(({ partitions }) => partitions > 0);
  if (lost.length === 0) return;
  log.write(
    "error",
    "A file of the log was missing and is begun anew: the records of these topics are lost",
    { partitions: lost.map(({ name, partitions }) => `${name}: ${partitions}`).join(", ") },
  );
}
