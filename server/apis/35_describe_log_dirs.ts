import type { MetadataImage, TopicImage } from "../../actors/controller/metadata_image.ts";
import {
  describeLogDirsRequest,
  describeLogDirsResponse,
} from "../../protocol/messages/35_describe_log_dirs.ts";
import { defineApi } from "../api.ts";
import { namedOnce, union } from "../named_once.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";

/** The first version that tells of the disk. */
const VOLUME_VERSION = 4;
const UNKNOWN_BYTES = -1;

/**
 * DescribeLogDirs: how much each partition has stored, and how much room is left (KIP-113).
 * - v2: flexible
 * - v3: an error for who may not ask
 * - v4: bytes of the disk (KIP-827); how large all of it is is not told
 * - v5: cordoned directories, of which there are none
 */
export const describeLogDirs = defineApi({
  name: "DescribeLogDirs",
  key: 35,
  versions: [1, 5],
  request: describeLogDirsRequest,
  response: describeLogDirsResponse,

  async handle({ topics }, context) {
    authorize(context, "Describe", "Cluster", CLUSTER);
    const { metadata, logDir } = context.broker;
    const usableBytes = await logDir.freeBytes() ?? UNKNOWN_BYTES;
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      results: [{
        errorCode: 0,
        logDir: logDir.name,
        topics: wantedPartitions(topics, metadata()).map(({ topic, partitions }) => ({
          name: topic.name,
          partitions: partitions.map((partitionIndex) => ({
            partitionIndex,
            partitionSize: BigInt(logDir.sizeBytes(topic.id, partitionIndex)),
            offsetLag: 0n,
            isFutureKey: false,
          })),
        })),
        ...(context.apiVersion >= VOLUME_VERSION && { usableBytes: BigInt(usableBytes) }),
      }],
    };
  },

  refuse: (_request, { code }) => ({ throttleTimeMs: 0, errorCode: code, results: [] }),
});

/** The partitions asked for that exist; null asks for all. */
function wantedPartitions(
  wanted: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null,
  { topics }: MetadataImage,
): { readonly topic: TopicImage; readonly partitions: readonly number[] }[] {
  if (wanted === null) {
    return Array.from(topics.values(), (topic) => ({
      topic,
      partitions: Array.from({ length: topic.partitionCount }, (_, index) => index),
    }));
  }
  const once = namedOnce(wanted, ({ topic }) => topic, (same) => ({
    ...same[0],
    partitions: union(same.map(({ partitions }) => partitions)),
  }));
  return once.flatMap(({ topic: name, partitions }) => {
    const topic = topics.get(name);
    if (!topic) return [];
    const existing = partitions.filter((index) => index >= 0 && index < topic.partitionCount);
    return [{ topic, partitions: existing }];
  });
}
