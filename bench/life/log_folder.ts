/**
 * A log in a folder, without a broker: for what is measured in one process.
 *
 * @module
 */
import { BrokerConfig } from "../../config/broker_config.ts";
import { resolveTopicConfig } from "../../config/topic_config.ts";
import { readBatchHeader } from "../../protocol/records/batch_header.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { recordReader } from "../../protocol/records/records.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import type { LogStore, PartitionId, PartitionLog } from "../../storage/log/partition_log.ts";
import { environment } from "../support/wire.ts";

/** The topic that is compacted. */
export const COMPACTED: PartitionId = { topicId: "AAAAAAAAAAAAAAAAAAAAAA", partition: 0 };
/** The topic of many partitions. */
export const MIXED_TOPIC = "BBBBBBBBBBBBBBBBBBBBBA";
const IN_FLIGHT_BYTES = 16_000_000;

const config = (overrides: [string, string][]) =>
  resolveTopicConfig(new Map(overrides), BrokerConfig.parse([]));
const compact = config([["cleanup.policy", "compact"]]);
const plain = config([]);

/** Works on the log in a folder; nothing is cleaned but by `upkeep`. */
export async function withStore<T>(
  path: string,
  work: (store: LogStore) => Promise<T>,
): Promise<T> {
  const folder = await openDenoFolder(path);
  const store = await openLogStore({
    folder,
    environment,
    options: { cleanerIntervalMs: 1e9, retentionIntervalMs: 1e9 },
    policyOf: ({ topicId }: PartitionId) => topicId === COMPACTED.topicId ? compact : plain,
  });
  try {
    return await work(store);
  } finally {
    await store.close();
    await folder.close();
  }
}

/** Lets the cleaner go on until nothing is left to do. */
export async function cleanedWholly(store: LogStore): Promise<void> {
  while (await store.upkeep({ retention: false }));
}

/** A batch for a log. */
export interface Appended {
  readonly log: PartitionLog;
  readonly batch: Uint8Array;
}

/** Appends what `next` gives, until it gives null, with a bounded number of bytes in flight. */
export function appendAll(next: (n: number) => Appended | null): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let sent = 0;
    let settled = 0;
    let openBytes = 0;
    const fill = (): void => {
      while (openBytes < IN_FLIGHT_BYTES) {
        const wanted = next(sent);
        if (wanted === null) {
          if (settled === sent) resolve();
          return;
        }
        const { log, batch } = wanted;
        sent++;
        openBytes += batch.length;
        log.append(batch, readBatchHeader(batch), (outcome) => {
          if (outcome.kind === "failed") return reject(outcome.error);
          settled++;
          openBytes -= batch.length;
          fill();
        });
      }
    };
    fill();
  });
}

/** Reads a log from start to end; returns how many records it has. */
export async function readAll(log: PartitionLog): Promise<number> {
  let records = 0;
  const beforeOffset = log.highWatermark;
  for (let offset = log.logStartOffset; offset < beforeOffset;) {
    const read = await log.read({ offset, beforeOffset, maxBytes: 1_048_576, minOneBatch: true });
    for (const { header, bytes } of batchesIn(read.slices)) {
      for (const reader = recordReader(bytes, header); reader.next();) records++;
    }
    offset = read.nextOffset;
  }
  return records;
}
