import { errorName } from "../../../protocol/mod.ts";
import type { Codec } from "../../../protocol/compression/mod.ts";
import { codecOf, lastOffset } from "../../../protocol/records/batch_header.ts";
import { type Batch, batchesIn } from "../../../protocol/records/batches.ts";
import { type LogRecord, recordsIn } from "../../../protocol/records/records.ts";
import type { WireClient } from "../../server/support.ts";
import { createTopic as createTopicOn, FETCH, fetchFrom } from "../../server/topics.ts";
import { type BrokerUnderTest, uniqueName } from "./broker.ts";
import { dial } from "./wire.ts";

/** The codecs of Kafka. */
export const CODECS: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];

const PATIENCE_MS = 10_000;
const PARTITION_BYTES_MAX = 8 * 1024 * 1024;

/** Makes a topic with a name of its own, which is returned when all its partitions answer. */
export async function createTopic(
  broker: BrokerUnderTest,
  { what = "topic", partitions = 1, configs = {} }: {
    what?: string;
    partitions?: number;
    configs?: Readonly<Record<string, string>>;
  } = {},
): Promise<string> {
  const name = uniqueName(what);
  using wire = await dial(broker);
  const settings = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await createTopicOn(wire, name, partitions, settings);
  for (let partition = 0; partition < partitions; partition++) {
    await eventually(() => readFrom(wire, name, partition, 0));
  }
  return name;
}

/** Tries again until it succeeds, or the time is up: in a cluster, not all brokers know of a change at once. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The codecs of the batches that a partition holds, each once, as they are stored. */
export async function storedCodecs(
  broker: BrokerUnderTest,
  topic: string,
  partition = 0,
): Promise<readonly Codec[]> {
  const batches = await storedBatches(broker, topic, partition);
  return [...new Set(batches.map(({ header }) => codecOf(header)))];
}

/** The records that a partition holds. */
export async function storedRecords(
  broker: BrokerUnderTest,
  topic: string,
  partition = 0,
): Promise<readonly LogRecord[]> {
  const batches = await storedBatches(broker, topic, partition);
  return batches.flatMap(({ bytes }) => [...recordsIn(bytes)]);
}

/** The values that a partition holds, as text. */
export async function storedTexts(
  broker: BrokerUnderTest,
  topic: string,
  partition = 0,
): Promise<readonly string[]> {
  const decoder = new TextDecoder();
  const records = await storedRecords(broker, topic, partition);
  return records.map(({ value }) => decoder.decode(value ?? undefined));
}

/** The bytes of the batches that a partition holds. */
export async function storedBatchBytes(
  broker: BrokerUnderTest,
  topic: string,
  partition: number,
): Promise<number> {
  const batches = await storedBatches(broker, topic, partition);
  return batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function storedBatches(
  broker: BrokerUnderTest,
  topic: string,
  partition: number,
): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  using wire = await dial(broker);
  for (let from = 0;;) {
    const { records, highWatermark } = await readFrom(wire, topic, partition, from);
    for (const slice of records ?? []) batches.push(...batchesIn(slice));
    if (batches.length > 0) from = lastOffset(batches.at(-1)!.header) + 1;
    if (from >= highWatermark) return batches;
  }
}

async function readFrom(wire: WireClient, topic: string, partition: number, offset: number) {
  const wanted = fetchFrom({ topic }, [{ partition, offset, maxBytes: PARTITION_BYTES_MAX }]);
  const { responses: [{ partitions: [found] }] } = await wire.ask(FETCH, 12, wanted);
  if (found.errorCode !== 0) {
    throw new Error(`${topic}-${partition}: ${errorName(found.errorCode)}`);
  }
  return found;
}
