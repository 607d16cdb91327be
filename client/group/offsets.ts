import type { OffsetFetchResponse } from "../../protocol/messages/09_offset_fetch.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { byTopic, partitionKey, type TopicPartition } from "../topic_partition.ts";
import { OFFSET_COMMIT, OFFSET_FETCH } from "./apis.ts";
import type { Coordinator } from "../cluster/coordinator.ts";

/** An offset that a group is to go on from. */
export interface OffsetToCommit extends TopicPartition {
  /** Of the next record to be read. */
  readonly offset: bigint;
  /** Epoch of the last record read; left out: unknown (KIP-320). */
  readonly leaderEpoch?: number;
  /** Anything to go with it. Default empty. */
  readonly metadata?: string;
}

/** An offset that a group has committed. */
export interface CommittedOffset extends Required<OffsetToCommit> {}

/** Who commits: a member of a generation, or nobody in particular. */
export interface Committer {
  /** Empty without membership. */
  readonly memberId: string;
  /** -1 without membership. */
  readonly generationId: number;
  /** Of a static member, else null. */
  readonly groupInstanceId: string | null;
}

/** Later versions name topics by id alone. */
const NAMED_VERSION_MAX = 9;
/** The first version of OffsetFetch that asks for several groups at once (KIP-709). */
const BATCHED_VERSION = 8;
/** The first version of OffsetFetch that can wait for open transactions (KIP-447). */
const STABLE_VERSION = 7;

/** Commits and looks up the offsets of one group. */
export class GroupOffsets {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  readonly #coordinator: Coordinator;

  constructor(cluster: Cluster, groupId: string, coordinator: Coordinator) {
    this.#cluster = cluster;
    this.#groupId = groupId;
    this.#coordinator = coordinator;
  }

  /**
   * Commits offsets, again as long as that may help.
   *
   * @throws {KafkaError} ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID when the committer is not of the group any
   * more, REBALANCE_IN_PROGRESS when it has to join again first, REQUEST_TIMED_OUT, or what else the broker says
   */
  async commit(
    offsets: readonly OffsetToCommit[],
    committer: () => Committer,
    timeoutMs?: number,
  ): Promise<void> {
    if (offsets.length === 0) return;
    const doing = `commit offsets of group ${this.#groupId}`;
    await this.#cluster.retry(doing, () => this.commitOnce(offsets, committer()), timeoutMs);
  }

  /** {@linkcode commit}, a single attempt. */
  async commitOnce(offsets: readonly OffsetToCommit[], committer: Committer): Promise<void> {
    const { topics } = await this.#coordinator.request(OFFSET_COMMIT, {
      groupId: this.#groupId,
      generationIdOrMemberEpoch: committer.generationId,
      memberId: committer.memberId,
      groupInstanceId: committer.groupInstanceId,
      topics: topicsToCommit(offsets),
    }, { versionMax: NAMED_VERSION_MAX });
    for (const { partitions } of topics) {
      for (const { errorCode } of partitions) this.#coordinator.check(errorCode);
    }
  }

  /**
   * Looks up what the group has committed, by partition key; partitions without a commit are left out. `partitions` null =
   * all that there are. `stable`: waits for transactions that commit offsets.
   *
   * @throws {KafkaError} what the broker says, or REQUEST_TIMED_OUT
   */
  async committed(
    partitions: readonly TopicPartition[] | null,
    { stable, timeoutMs }: { readonly stable: boolean; readonly timeoutMs?: number },
  ): Promise<Map<string, CommittedOffset>> {
    if (partitions?.length === 0) return new Map();
    const doing = `look up offsets of group ${this.#groupId}`;
    return await this.#cluster.retry(doing, () => this.#committed(partitions, stable), timeoutMs);
  }

  async #committed(
    partitions: readonly TopicPartition[] | null,
    stable: boolean,
  ): Promise<Map<string, CommittedOffset>> {
    const groupId = this.#groupId;
    const topics = partitions && [...byTopic(partitions)].map(([name, partitions]) => ({
      name,
      partitionIndexes: partitions.map(({ partition }) => partition),
    }));
    const answer = await this.#coordinator.request(OFFSET_FETCH, (version) => ({
      ...(version >= BATCHED_VERSION ? { groups: [{ groupId, topics }] } : { groupId, topics }),
      requireStable: stable && version >= STABLE_VERSION,
    }), { versionMax: NAMED_VERSION_MAX });
    const group = answer.groups.find((group) => group.groupId === groupId);
    this.#coordinator.check(group?.errorCode ?? answer.errorCode);
    return this.#offsetsIn(group?.topics ?? answer.topics);
  }

  #offsetsIn(topics: OffsetFetchResponse["topics"]): Map<string, CommittedOffset> {
    const offsets = new Map<string, CommittedOffset>();
    for (const { name, partitions } of topics) {
      for (const found of partitions) {
        const target = { topic: name, partition: found.partitionIndex };
        try {
          this.#coordinator.check(found.errorCode);
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          throw new KafkaError(error.kind, `${partitionKey(target)}: ${error.message}`);
        }
        if (found.committedOffset < 0n) continue;
        offsets.set(partitionKey(target), {
          ...target,
          offset: found.committedOffset,
          leaderEpoch: found.committedLeaderEpoch,
          metadata: found.metadata ?? "",
        });
      }
    }
    return offsets;
  }
}

/** Offsets as OffsetCommit and TxnOffsetCommit carry them. */
export function topicsToCommit(offsets: readonly OffsetToCommit[]): TopicToCommit[] {
  return [...byTopic(offsets)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch ?? -1,
      committedMetadata: metadata ?? "",
    })),
  }));
}

interface TopicToCommit {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: bigint;
    readonly committedLeaderEpoch: number;
    readonly committedMetadata: string;
  }[];
}
