/**
 * What a topic's settings mean for the batches that are produced to it.
 *
 * @module
 */
import type { TopicConfig } from "../../config/topic_config.ts";
import type { ProduceRules } from "../../protocol/records/validate.ts";

/** The rules of a topic, but for the version of the request. */
export function produceRules(config: TopicConfig): Omit<ProduceRules, "requestVersion"> {
  return {
    maxMessageBytes: config.maxMessageBytes,
    segmentBytes: config.segmentBytes,
    timestampType: config.messageTimestampType,
    beforeMaxMs: config.messageTimestampBeforeMaxMs,
    afterMaxMs: config.messageTimestampAfterMaxMs,
    compacted: config.cleanupPolicy.has("compact"),
    compressionType: config.compressionType,
    compressionLevel: compressionLevel(config),
  };
}

/** The level for when the broker has to compress; undefined for a codec without levels. */
function compressionLevel(config: TopicConfig): number | undefined {
  switch (config.compressionType) {
    case "gzip":
      return config.compressionGzipLevel;
    case "zstd":
      return config.compressionZstdLevel;
    default:
      return undefined;
  }
}
