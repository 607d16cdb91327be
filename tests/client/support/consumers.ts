import { Consumer } from "../../../client/consumer/consumer.ts";
import type { ConsumerOptions } from "../../../client/consumer/options.ts";
import type { ConsumerRecord } from "../../../client/consumer/record.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import type { FakeCluster } from "./fake_cluster.ts";
import type { FakeLog } from "./fake_log.ts";

/** A log with a batch for each group of values. */
export function fill(log: FakeLog, ...batches: string[][]): void {
  for (const values of batches) {
    log.append(buildBatch(values.map((value) => ({
      value: new TextEncoder().encode(value),
      timestampMs: 1000 * Number(value.replace(/\D/g, "")),
    }))));
  }
}

/** The records' values as text. */
export function texts(records: readonly ConsumerRecord[]): string[] {
  return records.map(({ value }) => new TextDecoder().decode(value!));
}

/** A consumer of that cluster that begins at the beginning. */
export function consumerOf(cluster: FakeCluster, options: Partial<ConsumerOptions> = {}): Consumer {
  return new Consumer({ ...cluster.options, autoOffsetReset: "earliest", ...options });
}

/** Polls until so many records have come, letting time pass. */
export async function read(
  cluster: FakeCluster,
  consumer: Consumer,
  count: number,
): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < 100 && found.length < count; i++) {
    const polled = consumer.poll({ timeoutMs: 600 });
    await cluster.environment.advance(600);
    found.push(...texts(await polled));
  }
  return found;
}
