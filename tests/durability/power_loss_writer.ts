// Real time: a real process writes real files, and is stopped.
/** Started by power_loss.ts, to lose its power: appends to several partitions for ever and prints what is durable. */
import { BrokerConfig } from "../../config/broker_config.ts";
import { resolveTopicConfig } from "../../config/topic_config.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { readBatchHeader } from "../../protocol/records/batch_header.ts";
import { Checkpointer } from "../../storage/kv/deno/checkpointer.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import {
  hasRetention,
  LOG_OPTIONS,
  partitionIdOf,
  PARTITIONS,
  recordText,
} from "./power_loss_log.ts";

const LARGE_BYTES = 900_000;
const MIDDLE_BYTES = 200_000;
const PAUSE_MS_MAX = 8;
const CHECKPOINT_PAUSE_MS_MAX = 300;

const environment = denoEnvironment({ log: { write: () => {} } });
const retained = resolveTopicConfig(
  new Map([["retention.bytes", "600000"]]),
  BrokerConfig.parse([]),
);
const store = await openLogStore({
  folder: await openDenoFolder(Deno.args[0]),
  environment,
  options: { ...LOG_OPTIONS, cleanerIntervalMs: 50, retentionIntervalMs: 100 },
  policyOf: ({ partition }) => hasRetention(partition) ? retained : null,
});
// The folder's own begins when much has been written: here the files are to be small, and moved from all the time.
const checkpointer = new Checkpointer({ startBytes: 1 });
for (const name of ["log-0", "log-1"]) await checkpointer.add(`${Deno.args[0]}/${name}.kv`);
const encoder = new TextEncoder();

function sizeOf(offset: number): number {
  const chance = environment.random.next();
  if (chance < 0.002) return LARGE_BYTES; // staged before its commit
  if (chance < 0.01) return MIDDLE_BYTES; // spans chunks
  return offset % 7 === 0 ? 20_000 : Math.floor(environment.random.next() * 3_000);
}

function append(log: PartitionLog): Promise<void> {
  const offset = log.logEndOffset;
  const text = recordText(log.id.partition, offset, sizeOf(offset));
  const batch = buildBatch([{ value: encoder.encode(text), timestampMs: 1_000 }]);
  return new Promise((resolve, reject) =>
    log.append(batch, readBatchHeader(batch), (outcome) => {
      if (outcome.kind === "failed") return reject(outcome.error);
      Deno.stdout.writeSync(encoder.encode(`${log.id.partition} ${offset}\n`));
      resolve();
    })
  );
}

async function write(partition: number): Promise<void> {
  const log = await store.open(partitionIdOf(partition));
  while (true) {
    await append(log);
    // Many commits rather than many bytes: the files are copied at every point.
    await sleep(environment, environment.random.next() * PAUSE_MS_MAX);
  }
}

async function checkpoint(): Promise<void> {
  while (true) {
    await sleep(environment, environment.random.next() * CHECKPOINT_PAUSE_MS_MAX);
    checkpointer.wrote(1);
  }
}

checkpoint();
await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => write(partition)));
