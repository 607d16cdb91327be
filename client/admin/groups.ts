import {
  CONSUMER_PROTOCOL_TYPE,
  decodeAssignment,
  decodeSubscription,
} from "../../protocol/assignors/mod.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { DescribeGroupsResponse } from "../../protocol/messages/15_describe_groups.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { cannot, errorFrom, throwIfError } from "../errors.ts";
import { DELETE_GROUPS, DESCRIBE_GROUPS, LIST_GROUPS, OFFSET_DELETE } from "../group/apis.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import { type CommittedOffset, GroupOffsets, type OffsetToCommit } from "../group/offsets.ts";
import { byTopic, partitionKey, type TopicPartition } from "../topic_partition.ts";
import { throwFailures } from "./failures.ts";

/** A group, in short. */
export interface GroupListing {
  /** Its id. */
  readonly groupId: string;
  /** `consumer` for groups of consumers; empty for groups that only have offsets. */
  readonly protocolType: string;
  /** E.g. `Stable`; empty = the broker does not say. */
  readonly state: string;
  /** `Classic`, `Consumer`, …; empty = the broker does not say. */
  readonly type: string;
}

/** A member of a group. */
export interface MemberDescription {
  /** Given by the coordinator. */
  readonly memberId: string;
  /** Of a static member, else null. */
  readonly groupInstanceId: string | null;
  /** What it calls itself. */
  readonly clientId: string;
  /** Where it connects from. */
  readonly clientHost: string;
  /** What it subscribes to; empty unless the group is one of consumers. */
  readonly topics: readonly string[];
  /** What it is assigned; empty unless the group is one of consumers. */
  readonly assignment: readonly TopicPartition[];
}

/** A group. */
export interface GroupDescription {
  /** Its id. */
  readonly groupId: string;
  /** `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`. */
  readonly state: string;
  /** `consumer` for groups of consumers. */
  readonly protocolType: string;
  /** The assignor that it has chosen; empty without members. */
  readonly assignor: string;
  /** In no order. */
  readonly members: readonly MemberDescription[];
}

/** Who commits for a group without being a member. */
const NOBODY = { memberId: "", generationId: -1, groupInstanceId: null };

/** Manages groups: `admin.groups`. */
export class GroupAdmin {
  readonly #cluster: Cluster;

  /** Sends its requests to a cluster. */
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * All groups, by id.
   *
   * @throws {KafkaError} CLUSTER_AUTHORIZATION_FAILED, … or that a broker cannot be reached: each knows its own groups only
   */
  async list(): Promise<GroupListing[]> {
    const found = await this.#cluster.retry("list groups", async () => {
      await this.#cluster.metadata.refresh();
      const nodes = [...this.#cluster.metadata.view.brokers.keys()];
      return await Promise.all(nodes.map(async (nodeId) => {
        const answer = await this.#cluster.request(nodeId, LIST_GROUPS, {});
        throwIfError(answer.errorCode);
        return answer.groups;
      }));
    });
    const listings = found.flat().map(({ groupId, protocolType, groupState, groupType }) => ({
      groupId,
      protocolType,
      state: groupState,
      type: groupType,
    }));
    return listings.sort((a, b) => a.groupId < b.groupId ? -1 : 1);
  }

  /**
   * A group with its members.
   *
   * @throws {KafkaError} GROUP_ID_NOT_FOUND, GROUP_AUTHORIZATION_FAILED, …
   */
  async describe(groupId: string): Promise<GroupDescription> {
    const coordinator = this.#coordinator(groupId);
    return await this.#cluster.retry(`describe group ${groupId}`, async () => {
      const { groups: [group] } = await coordinator.request(DESCRIBE_GROUPS, {
        groups: [groupId],
      });
      coordinator.check(group.errorCode);
      // What brokers before Kafka 4.0 say of a group that does not exist.
      if (group.groupState === "Dead") throw new KafkaError("GROUP_ID_NOT_FOUND");
      return describeGroup(group);
    });
  }

  /**
   * What a group has committed, of these partitions or of all.
   *
   * @throws {KafkaError} GROUP_AUTHORIZATION_FAILED, …
   */
  async offsets(
    groupId: string,
    partitions: Iterable<TopicPartition> | null = null,
  ): Promise<CommittedOffset[]> {
    const found = await this.#offsets(groupId).committed(partitions && [...partitions], {
      stable: false,
    });
    return [...found.values()];
  }

  /**
   * Has a group go on from other offsets.
   *
   * @throws {KafkaError} UNKNOWN_MEMBER_ID while it has members: they would overwrite it; …
   */
  async alterOffsets(groupId: string, offsets: Iterable<OffsetToCommit>): Promise<void> {
    await this.#offsets(groupId).commit([...offsets], () => NOBODY);
  }

  /**
   * Deletes groups with what they have committed.
   *
   * @throws {KafkaError} NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, …
   * @throws {AggregateError} when that happened to several
   */
  async delete(groupIds: readonly string[]): Promise<void> {
    const outcomes = await Promise.allSettled(groupIds.map((groupId) => this.#delete(groupId)));
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as KafkaError] : []
    );
    throwFailures("delete groups", failures, groupIds.length);
  }

  /**
   * Forgets what a group has committed of these partitions.
   *
   * @throws {KafkaError} GROUP_SUBSCRIBED_TO_TOPIC while members read them, GROUP_ID_NOT_FOUND, …
   * @throws {AggregateError} when that happened to several
   */
  async deleteOffsets(groupId: string, partitions: Iterable<TopicPartition>): Promise<void> {
    const targets = [...partitions];
    const doing = `delete offsets of group ${groupId}`;
    const coordinator = this.#coordinator(groupId);
    const topics = await this.#cluster.retry(doing, async () => {
      const answer = await coordinator.request(OFFSET_DELETE, {
        groupId,
        topics: [...byTopic(targets)].map(([name, partitions]) => ({
          name,
          partitions: partitions.map(({ partition }) => ({ partitionIndex: partition })),
        })),
      });
      coordinator.check(answer.errorCode);
      return answer.topics;
    });
    const failures = topics.flatMap(({ name, partitions }) =>
      partitions.flatMap(({ partitionIndex, errorCode }) => {
        const error = errorFrom(errorCode);
        const target = partitionKey({ topic: name, partition: partitionIndex });
        return error === null ? [] : [cannot(`${doing} in ${target}`, error) as KafkaError];
      })
    );
    throwFailures(doing, failures, targets.length);
  }

  async #delete(groupId: string): Promise<void> {
    const coordinator = this.#coordinator(groupId);
    await this.#cluster.retry(`delete group ${groupId}`, async () => {
      const { results } = await coordinator.request(DELETE_GROUPS, { groupsNames: [groupId] });
      for (const { errorCode } of results) coordinator.check(errorCode);
    });
  }

  #coordinator(groupId: string): Coordinator {
    return new Coordinator(this.#cluster, "group", groupId);
  }

  #offsets(groupId: string): GroupOffsets {
    return new GroupOffsets(this.#cluster, groupId, this.#coordinator(groupId));
  }
}

type DescribedGroup = DescribeGroupsResponse["groups"][number];

function describeGroup(group: DescribedGroup): GroupDescription {
  const { groupId, groupState, protocolType, protocolData, members } = group;
  const isOfConsumers = protocolType === CONSUMER_PROTOCOL_TYPE;
  return {
    groupId,
    state: groupState,
    protocolType,
    assignor: protocolData,
    members: members.map(({ memberMetadata, memberAssignment, ...member }) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topics: isOfConsumers ? readable(() => decodeSubscription(memberMetadata).topics) : [],
      assignment: isOfConsumers
        ? readable(() => decodeAssignment(memberAssignment).partitions).flatMap(
          ({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })),
        )
        : [],
    })),
  };
}

/** Members may say anything: what cannot be read is nothing. */
function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}
