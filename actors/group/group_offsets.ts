import type { TopicPartition } from "./messages.ts";
import type { CommittedOffset } from "./records.ts";

/** The offsets that one group has committed. */
export class GroupOffsets {
  readonly #byTopic = new Map<string, Map<number, CommittedOffset>>();

  /** Whether nothing is committed. */
  get isEmpty(): boolean {
    return this.#byTopic.size === 0;
  }

  /** What is committed for a partition. */
  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#byTopic.get(topic)?.get(partition);
  }

  /** Remembers what was committed. */
  set({ topic, partition }: TopicPartition, committed: CommittedOffset): void {
    let partitions = this.#byTopic.get(topic);
    if (!partitions) this.#byTopic.set(topic, partitions = new Map());
    partitions.set(partition, committed);
  }

  /** Forgets what was committed. */
  delete({ topic, partition }: TopicPartition): void {
    const partitions = this.#byTopic.get(topic);
    if (partitions?.delete(partition) && partitions.size === 0) this.#byTopic.delete(topic);
  }

  /** The topics with committed offsets. */
  topics(): Iterable<string> {
    return this.#byTopic.keys();
  }

  /** The partitions of a topic with committed offsets. */
  partitionsOf(topic: string): Iterable<number> {
    return this.#byTopic.get(topic)?.keys() ?? [];
  }

  /** The partitions of which a rule, which is asked for once per topic, holds. */
  select(ruleOf: (topic: string) => (committed: CommittedOffset) => boolean): TopicPartition[] {
    const selected: TopicPartition[] = [];
    for (const [topic, partitions] of this.#byTopic) {
      const holds = ruleOf(topic);
      for (const [partition, committed] of partitions) {
        if (holds(committed)) selected.push({ topic, partition });
      }
    }
    return selected;
  }
}
