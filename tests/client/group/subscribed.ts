import type { ConsumerOptions } from "../../../client/consumer/options.ts";
import { Consumer } from "../../../client/consumer/consumer.ts";
import type { ConsumerRecord } from "../../../client/consumer/record.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { FakeCluster } from "../support/fake_cluster.ts";
import { FakeGroup } from "../support/fake_group.ts";

/** A consumer of a topic `orders` with two partitions and ten records in each, and all that happens to it. */
export class Subscribed implements AsyncDisposable {
  readonly cluster = new FakeCluster();
  readonly group = new FakeGroup(this.cluster);
  /** What its listener was told: `assigned 0,1`. */
  readonly told: string[] = [];
  /** What its listener does when it is told, after it has been noted. */
  onTold: (what: string) => void = () => {};
  readonly consumer: Consumer;

  constructor(options: Partial<ConsumerOptions> = {}) {
    const { logs } = this.cluster.topic("orders", 2);
    for (const log of logs) log.append(batchOf(10));
    this.consumer = new Consumer({
      ...this.cluster.options,
      groupId: "packers",
      autoOffsetReset: "earliest",
      ...options,
    });
    const tell = (what: string) => (partitions: readonly { readonly partition: number }[]) => {
      const text = `${what} ${partitions.map(({ partition }) => partition).join()}`;
      this.told.push(text);
      this.onTold(text);
    };
    this.consumer.subscribe(["orders"], {
      onPartitionsAssigned: tell("assigned"),
      onPartitionsRevoked: tell("revoked"),
      onPartitionsLost: tell("lost"),
    });
  }

  /** Polls once, for some of the cluster's time. */
  async poll(timeoutMs = 100): Promise<ConsumerRecord[]> {
    const polled = this.consumer.poll({ timeoutMs });
    polled.catch(() => {}); // the caller sees it
    await this.cluster.environment.advance(timeoutMs);
    return await polled;
  }

  /** Polls again and again for that long. */
  async pollFor(durationMs: number): Promise<ConsumerRecord[]> {
    const records: ConsumerRecord[] = [];
    for (let spentMs = 0; spentMs < durationMs; spentMs += 100) records.push(...await this.poll());
    return records;
  }

  /** Closes it while time goes on. */
  async close(): Promise<void> {
    const closed = this.consumer.close();
    await this.cluster.environment.advance(1000);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
  }
}

/** A batch of records `0`, `1`, … */
export function batchOf(count: number): Uint8Array {
  const encoder = new TextEncoder();
  return buildBatch(
    Array.from({ length: count }, (_, index) => ({
      key: null,
      value: encoder.encode(`${index}`),
      timestampMs: 1000 + index,
    })),
    { partitionLeaderEpoch: 0 },
  );
}
