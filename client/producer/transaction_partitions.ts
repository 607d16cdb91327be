import { KafkaError } from "../../protocol/errors.ts";
import { ADD_PARTITIONS_TO_TXN } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import { byTopic, partitionKey, type TopicPartition } from "../topic_partition.ts";
import type { ProducerEpoch } from "./sequences.ts";

/** Later versions are for brokers. */
const VERSION_MAX = 3;
/** Longer than anybody waits: somebody else says when to stop. */
export const FOREVER_MS = 0x7fff_ffff;

/** What the partitions of a transaction work with. */
export interface TransactionPartitionsParts {
  readonly transactionalId: string;
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly identity: () => ProducerEpoch;
  /** Whether the transaction cannot be committed any more, so that nothing is to be added. */
  readonly isDoomed: () => boolean;
  /** Called before partitions are added for the first time: from then on the transaction may be open. */
  readonly onAsking: () => void;
  /** Called when partitions were added. */
  readonly onAdded: () => void;
  /** Called with why they cannot be. */
  readonly onError: (error: unknown) => void;
}

/**
 * The partitions of the open transaction, of which the coordinator has to know before the first batch goes there. Not
 * needed since KIP-890, where the batch itself says so.
 */
export class TransactionPartitions {
  readonly #parts: TransactionPartitionsParts;
  readonly #wanted = new Map<string, TopicPartition>();
  readonly #added = new Set<string>();
  #adding: Promise<void> | null = null;

  constructor(parts: TransactionPartitionsParts) {
    this.#parts = parts;
  }

  /** Whether a partition may be written to. */
  has(target: TopicPartition): boolean {
    return this.#added.has(partitionKey(target));
  }

  /** Makes a partition part of the transaction, in the background. */
  include(target: TopicPartition): void {
    const key = partitionKey(target);
    if (this.#added.has(key) || this.#wanted.has(key)) return;
    this.#wanted.set(key, target);
    this.#adding ??= this.#add();
  }

  /** Settles when nothing is being added. */
  async idle(): Promise<void> {
    await this.#adding;
  }

  /** Another transaction begins. */
  clear(): void {
    this.#wanted.clear();
    this.#added.clear();
  }

  async #add(): Promise<void> {
    const { cluster, onAdded, onError } = this.#parts;
    await Promise.resolve(); // so that what is included now goes along
    try {
      while (this.#wanted.size > 0) {
        const targets = [...this.#wanted.values()];
        const doing = `add ${targets.map(partitionKey).join(", ")} to the transaction`;
        await cluster.retry(doing, () => this.#ask(targets), FOREVER_MS);
        for (const target of targets) {
          this.#wanted.delete(partitionKey(target));
          this.#added.add(partitionKey(target));
        }
        onAdded();
      }
      this.#adding = null; // at once: nobody looks at what is wanted from here on
    } catch (error) {
      this.#wanted.clear();
      this.#adding = null;
      onError(error);
    }
  }

  async #ask(targets: readonly TopicPartition[]): Promise<void> {
    const { transactionalId, coordinator, identity, isDoomed, onAsking } = this.#parts;
    if (isDoomed()) throw new KafkaError("TRANSACTION_ABORTABLE");
    onAsking();
    const { producerId, producerEpoch } = identity();
    const answer = await coordinator.request(ADD_PARTITIONS_TO_TXN, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [...byTopic(targets)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition }) => partition),
      })),
    }, { versionMax: VERSION_MAX });
    const codes = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
      resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode)
    );
    // Of those that were not attempted the others tell why.
    const told = codes.filter((code) => code !== NOT_ATTEMPTED);
    for (const code of told.length > 0 ? told : codes) coordinator.check(code);
  }
}

const NOT_ATTEMPTED = new KafkaError("OPERATION_NOT_ATTEMPTED").code;
