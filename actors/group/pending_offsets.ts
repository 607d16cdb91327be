/**
 * Offsets that were committed within transactions, until those end (KIP-98, KIP-447).
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { TopicPartition } from "./messages.ts";
import type { CommittedOffset } from "./records.ts";

/** An offset of a group that becomes visible. */
export interface SettledOffset {
  readonly group: string;
  readonly place: TopicPartition;
  readonly committed: CommittedOffset;
}

interface Pending {
  readonly place: TopicPartition;
  readonly committed: CommittedOffset;
  /** Counts what was written: of two offsets of a partition the later one counts. */
  readonly ordinal: number;
  /** A later offset of the partition is visible already. */
  superseded: boolean;
}

/** Of one group: by place, then by producer. */
type PendingPlaces = Map<string, Map<bigint, Pending>>;

interface PendingProducer {
  epoch: number;
  readonly groups: Set<string>;
}

/** The offsets of one coordinator's groups that wait for the end of a transaction. */
export class PendingOffsets {
  readonly #groups = new Map<string, PendingPlaces>();
  readonly #producers = new Map<bigint, PendingProducer>();
  #ordinal = 0;

  /** Whether a transaction has offsets here. */
  isOpen(producerId: bigint, epoch: number): boolean {
    return this.#producers.get(producerId)?.epoch === epoch;
  }

  /** Whether the offsets of a group may change when a transaction ends. */
  hasGroup(group: string): boolean {
    return this.#groups.has(group);
  }

  /** The groups that a transaction has offsets of. */
  groupsOf(producerId: bigint): Iterable<string> {
    return this.#producers.get(producerId)?.groups ?? [];
  }

  /** Of the partitions that wait, those of which a rule, which is asked for by topic, holds for one of the offsets. */
  select(
    group: string,
    ruleOf: (topic: string) => (committed: CommittedOffset) => boolean,
  ): TopicPartition[] {
    const selected: TopicPartition[] = [];
    for (const pending of this.#groups.get(group)?.values() ?? []) {
      for (const { place, committed } of pending.values()) {
        if (!ruleOf(place.topic)(committed)) continue;
        selected.push(place);
        break;
      }
    }
    return selected;
  }

  /** Whether the offset of a partition may change when a transaction ends. */
  has(group: string, { topic, partition }: TopicPartition): boolean {
    return this.#groups.get(group)?.has(keyOf({ topic, partition })) ?? false;
  }

  /** An offset was written within a transaction. */
  add(producerId: bigint, epoch: number, { group, place, committed }: SettledOffset): void {
    const producer = this.#producers.get(producerId);
    if (producer) {
      producer.epoch = epoch;
      producer.groups.add(group);
    } else {
      this.#producers.set(producerId, { epoch, groups: new Set([group]) });
    }
    let places = this.#groups.get(group);
    if (!places) this.#groups.set(group, places = new Map());
    let pending = places.get(keyOf(place));
    if (!pending) places.set(keyOf(place), pending = new Map());
    pending.set(producerId, { place, committed, ordinal: this.#ordinal++, superseded: false });
  }

  /** An offset was written outside of transactions: those written before it no longer matter. */
  supersede(group: string, place: TopicPartition, beforeOrdinal = Infinity): void {
    for (const pending of this.#groups.get(group)?.get(keyOf(place))?.values() ?? []) {
      if (pending.ordinal < beforeOrdinal) pending.superseded = true;
    }
  }

  /**
   * The offset of a partition was taken back, and so are those that wait: they would come back with the end of their
   * transactions. (Kafka: `OffsetMetadataManager.replay` of a tombstone.)
   */
  drop(group: string, place: TopicPartition): void {
    const places = this.#groups.get(group);
    if (places?.delete(keyOf(place)) && places.size === 0) this.#groups.delete(group);
  }

  /**
   * Refuses the end of a transaction whose producer is further already.
   *
   * @throws KafkaError INVALID_PRODUCER_EPOCH
   */
  checkEnd(producerId: bigint, epoch: number): void {
    const known = this.#producers.get(producerId)?.epoch ?? -1;
    if (epoch >= known) return;
    throw new KafkaError(
      "INVALID_PRODUCER_EPOCH",
      `Producer ${producerId} is at epoch ${known}; the marker has ${epoch}`,
    );
  }

  /** A transaction has ended. Returns what becomes visible. */
  end(producerId: bigint, commit: boolean): readonly SettledOffset[] {
    const settled: SettledOffset[] = [];
    for (const group of this.groupsOf(producerId)) {
      const places = this.#groups.get(group);
      if (!places) continue; // all were dropped
      for (const [key, pending] of places) {
        const ended = pending.get(producerId);
        if (!ended) continue;
        pending.delete(producerId);
        const { place, committed, ordinal, superseded } = ended;
        if (commit && !superseded) {
          settled.push({ group, place, committed });
          this.supersede(group, place, ordinal);
        }
        if (pending.size === 0) places.delete(key);
      }
      if (places.size === 0) this.#groups.delete(group);
    }
    this.#producers.delete(producerId);
    return settled;
  }
}

/** Names of topics have no slash. */
function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
