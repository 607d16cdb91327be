import type { RandomSource } from "../../environment/environment.ts";
import { partitionForKey } from "../../protocol/murmur2.ts";
import type { RecordDraft } from "../../protocol/records/builder.ts";
import type { TopicView } from "../cluster/cluster_view.ts";

/** Chooses the partition, from 0 on, of a record of `topic` that names none. */
export type Partitioner = (record: RecordDraft, partitionCount: number, topic: string) => number;

/** What the sticky choice takes into account. */
export interface StickyOptions {
  readonly random: RandomSource;
  /** Bytes that go to one partition before another one is chosen: `batch.size`. */
  readonly batchSize: number;
  /** Whether partitions with a long queue are chosen less often. */
  readonly adaptive: boolean;
  /** Batches that wait for a partition. */
  readonly queueLength: (topic: string, partition: number) => number;
  /** Whether a record of so many bytes would join a batch that is begun already. */
  readonly hasRoom: (topic: string, partition: number, bytes: number) => boolean;
}

interface Stuck {
  readonly partition: number;
  bytes: number;
}

/**
 * The partition of a key, as Java's producer chooses it; without a key one partition for about `batch.size` bytes, then
 * another one: so batches are full, and all partitions get the same share however slow their brokers are (KIP-794).
 */
export class DefaultPartitioner {
  readonly #options: StickyOptions;
  readonly #ignoreKeys: boolean;
  readonly #current = new Map<string, Stuck>();

  constructor(options: StickyOptions, ignoreKeys: boolean) {
    this.#options = options;
    this.#ignoreKeys = ignoreKeys;
  }

  /** The partition of a record of so many bytes. */
  choose(record: RecordDraft, topic: TopicView, recordBytes: number): number {
    if (record.key && !this.#ignoreKeys) {
      return partitionForKey(record.key, topic.partitions.length);
    }
    const { batchSize, hasRoom } = this.#options;
    let stuck = this.#current.get(topic.name);
    // A batch that is begun is filled first, but not for ever: small records would never leave it.
    const isDone = stuck === undefined || stuck.partition >= topic.partitions.length ||
      stuck.bytes >= 2 * batchSize ||
      stuck.bytes >= batchSize && !hasRoom(topic.name, stuck.partition, recordBytes);
    if (isDone) this.#current.set(topic.name, stuck = { partition: this.#next(topic), bytes: 0 });
    stuck!.bytes += recordBytes;
    return stuck!.partition;
  }

  /** A random partition that has a leader, if any has; the shorter its queue the likelier. */
  #next(topic: TopicView): number {
    const { random, adaptive, queueLength } = this.#options;
    const led = topic.partitions.filter(({ leaderId }) => leaderId >= 0);
    const partitions = (led.length > 0 ? led : topic.partitions).map(({ partition }) => partition);
    const lengths = adaptive
      ? partitions.map((partition) => queueLength(topic.name, partition))
      : partitions.map(() => 0);
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    let ticket = random.next() *
      lengths.reduce((sum, length) => sum + longest + 1 - length, 0);
    for (let i = 0; i < partitions.length; i++) {
      ticket -= longest + 1 - lengths[i];
      if (ticket < 0) return partitions[i];
    }
    return partitions[partitions.length - 1];
  }
}
