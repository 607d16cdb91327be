/**
 * What an assignor is: the rule by which the leader of a classic group shares partitions out among its members.
 *
 * Assignors are pure. They are given the members as their subscriptions describe them, and the partitions that exist.
 *
 * @module
 */

/** Partitions of one topic. */
export interface TopicPartitions {
  /** Its name. */
  readonly topic: string;
  /** Their numbers. */
  readonly partitions: readonly number[];
}

/** A member of a group, as its subscription describes it to the leader. */
export interface GroupMember {
  /** Given by the coordinator; a new one each time that it comes. */
  readonly memberId: string;
  /** Of a static member (KIP-345), else null. */
  readonly groupInstanceId: string | null;
  /** What it wants to read. */
  readonly topics: readonly string[];
  /** What it owns as it joins: nothing under the eager protocol (KIP-429). */
  readonly ownedPartitions: readonly TopicPartitions[];
  /** The generation in which it was given what it owns; -1 = none, or not said (KIP-792). */
  readonly generationId: number;
  /** Where it runs (KIP-881); null = not said. */
  readonly rackId: string | null;
  /** What its assignor has to say, in that assignor's own form. */
  readonly userData: Uint8Array | null;
}

/** What there is of a topic. */
export interface TopicLayout {
  /** How many partitions, numbered from 0. */
  readonly partitions: number;
  /** For each partition, the racks of its replicas. Left out: not known. */
  readonly racks?: readonly (readonly string[])[];
}

/** For each member id what it gets: topics in order, partitions ascending; an empty list for who gets nothing. */
export type GroupAssignment = ReadonlyMap<string, readonly TopicPartitions[]>;

/** How a group goes over to a new assignment. Source: `ConsumerPartitionAssignor.RebalanceProtocol`, KIP-429. */
export type RebalanceProtocol =
  /** Members give everything up before they join. */
  | "eager"
  /** Members keep what they own while they join; what changes owner is given up first and given out one rebalance later. */
  | "cooperative";

/** What a member was given last. */
export interface PreviousAssignment {
  /** What it was given. */
  readonly partitions: readonly TopicPartitions[];
  /** In which generation. */
  readonly generationId: number;
}

/** A rule to share partitions out. */
export interface Assignor {
  /** What the group votes on: the `protocolName` in JoinGroup. */
  readonly name: string;
  /** What it can work with, best first. */
  readonly rebalanceProtocols: readonly RebalanceProtocol[];
  /**
   * Shares out all partitions of `topics` that somebody subscribes to. Topics that are not in `topics` do not exist;
   * topics that nobody subscribes to are left alone.
   */
  assign(
    members: readonly GroupMember[],
    topics: ReadonlyMap<string, TopicLayout>,
  ): GroupAssignment;
  /** What goes as user data into the subscription of a member that was given `previous` last; null = nothing. */
  userData(previous: PreviousAssignment | null): Uint8Array | null;
}
