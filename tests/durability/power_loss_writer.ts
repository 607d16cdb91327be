// Real time: a real process writes real files, and is stopped.
/** Started by power_loss.ts, to lose its power: appends to several partitions for ever and prints what is durable. */
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { readBatchHeader } from "../../protocol/records/batch_header.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import { LOG_OPTIONS, partitionIdOf, PARTITIONS, recordText } from "./power_loss_log.ts";

const LARGE_BYTES = 900_000;
const MIDDLE_BYTES = 200_000;
const PAUSE_MS_MAX = 8;

const environment = denoEnvironment({ log: { write: () => {} } });
const store = await openLogStore({
  folder: await openDenoFolder(Deno.args[0]),
  environment,
  options: LOG_OPTIONS,
});
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

await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => write(partition)));
