import { errorName } from "../../../protocol/mod.ts";
import { fetchRequest, fetchResponse } from "../../../protocol/messages/01_fetch.ts";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../../protocol/messages/19_create_topics.ts";
import type { Codec } from "../../../protocol/compression/mod.ts";
import { codecOf } from "../../../protocol/records/batch_header.ts";
import { batchesIn } from "../../../protocol/records/batches.ts";
import { type BrokerUnderTest, uniqueName } from "./broker.ts";
import { Wire } from "./wire.ts";

/** The codecs of Kafka. */
export const CODECS: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];

const PARTITION_BYTES_MAX = 8 * 1024 * 1024;

/** Makes a topic with a name of its own, which is returned. */
export async function createTopic(
  broker: BrokerUnderTest,
  { what = "topic", partitions = 1, configs = {} }: {
    what?: string;
    partitions?: number;
    configs?: Readonly<Record<string, string>>;
  } = {},
): Promise<string> {
  const name = uniqueName(what);
  using wire = await Wire.connect(broker);
  const { topics: [{ errorCode, errorMessage }] } = await wire.call(
    createTopicsRequest,
    createTopicsResponse,
    7,
    {
      topics: [{
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      }],
    },
  );
  if (errorCode !== 0) throw new Error(`${name}: ${errorName(errorCode)} ${errorMessage}`);
  return name;
}

/** The codecs of the batches that a partition holds, each once, as they are stored. */
export async function storedCodecs(
  broker: BrokerUnderTest,
  topic: string,
  partition = 0,
): Promise<readonly Codec[]> {
  const codecs = new Set<Codec>();
  using wire = await Wire.connect(broker);
  for (let from = 0n;;) {
    const { responses: [{ partitions: [{ errorCode, records, highWatermark }] }] } = await wire
      .call(fetchRequest, fetchResponse, 12, {
        maxWaitMs: 1000,
        minBytes: 1,
        maxBytes: PARTITION_BYTES_MAX,
        topics: [{
          topic,
          partitions: [{ partition, fetchOffset: from, partitionMaxBytes: PARTITION_BYTES_MAX }],
        }],
        forgottenTopicsData: [],
      });
    if (errorCode !== 0) throw new Error(`${topic}-${partition}: ${errorName(errorCode)}`);
    for (const slice of records ?? []) {
      for (const { header } of batchesIn(slice)) {
        codecs.add(codecOf(header));
        from = BigInt(header.baseOffset + header.lastOffsetDelta + 1);
      }
    }
    if (from >= highWatermark) return [...codecs];
  }
}
