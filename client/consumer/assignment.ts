import type { OffsetSpec } from "../cluster/list_offsets.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";

/** A place in a partition's log. */
export interface Position {
  /** Of the next record to be read. */
  readonly offset: number;
  /** Epoch of the last record read; -1 = unknown. */
  readonly epoch: number;
}

/** Where a position is to be looked up: at a place, where `auto.offset.reset` says, or where the group has got to. */
export type Lookup = OffsetSpec | "policy" | "committed";

/** One partition that a consumer reads, and how far it has got. */
export class AssignedPartition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** `orders-3` */
  readonly key: string;
  isPaused = false;
  /** Whether a request for it is on its way, or what it brought is not read yet. */
  isBusy = false;
  /** Not to be asked about before, by the monotonic clock: the last answer was an error. */
  notBeforeMs = 0;
  /** Lookups of its position in a row that found none. */
  lookups = 0;
  /** Why it cannot be read on; not to be asked about before that was thrown. */
  failure: Error | null = null;
  /** Raised whenever the position jumps: what was asked for before is void. */
  generation = 0;
  #position: Position | null = null;
  #lookup: Lookup;

  constructor({ topic, partition }: TopicPartition, lookup: Lookup) {
    this.#lookup = lookup;
    this.topic = topic;
    this.partition = partition;
    this.key = partitionKey({ topic, partition });
  }

  /** null while it has to be looked up. */
  get position(): Position | null {
    return this.#position;
  }

  /** Where the position is to be looked up while there is none. */
  get lookup(): Lookup {
    return this.#lookup;
  }

  /** Reading has got here. */
  advance(position: Position): void {
    this.lookups = 0;
    this.#position = position;
  }

  /** Goes on from elsewhere. */
  seek(to: number | Lookup): void {
    this.generation++;
    this.isBusy = false;
    this.notBeforeMs = 0;
    this.lookups = 0;
    this.failure = null;
    this.#position = typeof to === "number" ? { offset: to, epoch: -1 } : null;
    if (typeof to !== "number") this.#lookup = to;
  }
}

/** The partitions that a consumer reads. Who assigns them, the user or a group, is not its business. */
export class Assignment {
  readonly #lookup: Lookup;
  #partitions = new Map<string, AssignedPartition>();

  /** `lookup`: where partitions begin that are new. */
  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** All of them, in the order in which they were assigned. */
  get partitions(): Iterable<AssignedPartition> {
    return this.#partitions.values();
  }

  /** Whether a partition is still one of them. */
  includes(partition: AssignedPartition): boolean {
    return this.#partitions.get(partition.key) === partition;
  }

  /** Replaces the partitions. Those that stay keep their positions. */
  assign(wanted: Iterable<TopicPartition>): void {
    const before = this.#partitions;
    this.#partitions = new Map();
    for (const target of wanted) {
      const key = partitionKey(target);
      this.#partitions.set(key, before.get(key) ?? new AssignedPartition(target, this.#lookup));
    }
    for (const [key, partition] of before) {
      if (!this.#partitions.has(key)) partition.generation++;
    }
  }

  /**
   * One of them.
   *
   * @throws {TypeError} when it is not assigned
   */
  get(target: TopicPartition): AssignedPartition {
    const partition = this.#partitions.get(partitionKey(target));
    if (partition) return partition;
    throw new TypeError(`Partition ${partitionKey(target)} is not assigned to this consumer`);
  }
}
