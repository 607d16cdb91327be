import { ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import type { GroupMetadata } from "../group/consumer_group.ts";
import { type OffsetToCommit, topicsToCommit } from "../group/offsets.ts";
import type { ProducerEpoch } from "./sequences.ts";

/** The first version that says which member commits (KIP-447). */
const MEMBER_VERSION = 3;
/** The first version that makes the group part of the transaction (KIP-890). */
const ADDING_VERSION = 5;

/** What the offsets of a transaction work with. */
export interface TransactionOffsetsParts {
  readonly transactionalId: string;
  readonly cluster: Cluster;
  /** Of the transaction. */
  readonly coordinator: Coordinator;
  readonly identity: () => ProducerEpoch;
  /** Whether the commit itself makes the group part of the transaction (KIP-890). */
  readonly isImplicit: () => boolean;
  /** Called before the coordinator may hear of it: from then on the transaction may be open. */
  readonly onAsking: () => void;
  /** Called when it is open for sure. */
  readonly onAdded: () => void;
}

/** Commits offsets of groups as part of a transaction. */
export class TransactionOffsets {
  readonly #parts: TransactionOffsetsParts;
  /** By group. */
  readonly #coordinators = new Map<string, Coordinator>();

  constructor(parts: TransactionOffsetsParts) {
    this.#parts = parts;
  }

  /**
   * Stores how far a group has read, if the transaction is committed. Tries again as long as that may help.
   *
   * @throws {KafkaError} what a coordinator says, or REQUEST_TIMED_OUT
   */
  async send(
    offsets: readonly OffsetToCommit[],
    group: GroupMetadata,
    timeoutMs: number,
  ): Promise<void> {
    const { cluster, isImplicit, onAdded } = this.#parts;
    if (!isImplicit()) {
      await cluster.retry(
        "add the group to the transaction",
        () => this.#add(group.groupId),
        timeoutMs,
      );
      onAdded();
    }
    await cluster.retry("store them", () => this.#commit(offsets, group), timeoutMs);
  }

  async #add(groupId: string): Promise<void> {
    const { transactionalId, coordinator, identity, onAsking } = this.#parts;
    onAsking();
    const { errorCode } = await coordinator.request(ADD_OFFSETS_TO_TXN, {
      transactionalId,
      ...identity(),
      groupId,
    });
    coordinator.check(errorCode);
  }

  async #commit(offsets: readonly OffsetToCommit[], group: GroupMetadata): Promise<void> {
    const { transactionalId, identity, isImplicit, onAsking } = this.#parts;
    const { groupId, generationId, memberId, groupInstanceId } = group;
    const coordinator = this.#coordinatorOf(groupId);
    const isMember = memberId !== "" || generationId >= 0 || groupInstanceId !== null;
    if (isImplicit()) onAsking();
    const { topics } = await coordinator.request(
      TXN_OFFSET_COMMIT,
      (version) => ({
        transactionalId,
        groupId,
        ...identity(),
        ...(version >= MEMBER_VERSION ? { generationId, memberId, groupInstanceId } : {}),
        topics: topicsToCommit(offsets),
      }),
      isImplicit()
        ? { versionMin: ADDING_VERSION }
        : { versionMin: isMember ? MEMBER_VERSION : 0, versionMax: ADDING_VERSION - 1 },
    );
    for (const { partitions } of topics) {
      for (const { errorCode } of partitions) coordinator.check(errorCode);
    }
  }

  #coordinatorOf(groupId: string): Coordinator {
    let coordinator = this.#coordinators.get(groupId);
    if (coordinator === undefined) {
      coordinator = new Coordinator(this.#parts.cluster, "group", groupId);
      this.#coordinators.set(groupId, coordinator);
    }
    return coordinator;
  }
}
