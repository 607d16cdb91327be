/**
 * What a group coordinator can be asked.
 *
 * @module
 */
import type { ErrorName } from "../../protocol/errors.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Message } from "../core/message.ts";
import type { Guard } from "../transaction/guards.ts";
import type { Marker } from "../transaction/markers.ts";
import type { GroupStateName } from "./group_machine.ts";

/** A protocol that a member offers: a way to share out the work, and what the member says for it. Opaque. */
export interface OfferedProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** Who speaks: a member, by the id that it was given, and its own name if it is a static one (KIP-345). */
export interface MemberIdentity {
  /** Empty = it has none yet. */
  readonly memberId: string;
  /** null = a dynamic member. */
  readonly instanceId: string | null;
}

/** A JoinGroup. Its bytes are the receiver's to keep. */
export interface JoinRequest extends MemberIdentity {
  readonly groupId: string;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly OfferedProtocol[];
  readonly reason: string | null;
  /** Version 4 and up: a new dynamic member is first given its id (KIP-394). */
  readonly needsKnownMember: boolean;
  /** Version 9 and up: a leader can be told to leave the assignment as it is (KIP-814). */
  readonly canSkipAssignment: boolean;
}

/** The join phase has ended. */
export interface Joined {
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  /** All members for the leader, nobody for the others. */
  readonly members: readonly (MemberIdentity & { readonly metadata: Uint8Array })[];
  readonly skipAssignment: boolean;
}

/** A SyncGroup. Its bytes are the receiver's to keep. */
export interface SyncRequest extends MemberIdentity {
  readonly groupId: string;
  readonly generation: number;
  /** What the member takes the group's protocol to be; null = it does not say. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

/** A member's share of the work. */
export interface Synced {
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** How far a group has read a partition. */
export interface OffsetToCommit extends TopicPartition {
  readonly topicId: string;
  readonly offset: bigint;
  /** -1 = unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** What a group has committed for a partition. */
export interface FetchedOffset {
  readonly partition: number;
  /** -1 = nothing. */
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** A transaction that has not ended may change it, and only stable offsets were asked for. */
  readonly unstable: boolean;
}

/** A member as DescribeGroups tells it. */
export interface MemberDescription extends MemberIdentity {
  readonly clientId: string;
  readonly clientHost: string;
  readonly metadata: Uint8Array;
  readonly assignment: Uint8Array;
}

/** A group as DescribeGroups tells it. */
export interface GroupDescription {
  readonly state: GroupStateName;
  readonly protocolType: string;
  /** The elected protocol while the group is stable, else empty. */
  readonly protocolName: string;
  readonly members: readonly MemberDescription[];
}

/** A group as ListGroups tells it. */
export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: GroupStateName;
  readonly type: "classic";
}

/** MEMBER_ID_REQUIRED, with the id that the member is to join with (KIP-394). */
export class MemberIdRequired extends KafkaError {
  constructor(readonly memberId: string) {
    super("MEMBER_ID_REQUIRED");
  }
}

export type GroupMessage =
  | Message<"join", JoinRequest, Joined>
  | Message<"sync", SyncRequest, Synced>
  | Message<
    "heartbeat",
    MemberIdentity & { readonly groupId: string; readonly generation: number },
    void
  >
  | Message<
    "leave",
    {
      readonly groupId: string;
      readonly members: readonly (MemberIdentity & { readonly reason: string | null })[];
    },
    /** In the order of the request. */
    readonly (ErrorName | null)[]
  >
  | Message<
    "commitOffsets",
    MemberIdentity & {
      readonly groupId: string;
      /** -1 = not as a member. */
      readonly generation: number;
      /** How long the offsets are to be kept; null = as configured. */
      readonly retentionMs: number | null;
      /** What a member of a group that is not here is told. */
      readonly unknownGroup: ErrorName;
      readonly offsets: readonly OffsetToCommit[];
    },
    /** In the order of the request. */
    readonly (ErrorName | null)[]
  >
  | Message<
    "fetchOffsets",
    {
      readonly groupId: string;
      /** null = all that is committed. */
      readonly topics:
        | readonly { readonly topic: string; readonly partitions: readonly number[] }[]
        | null;
      /** KIP-447: offsets that an open transaction may change are told as unstable. */
      readonly requireStable: boolean;
    },
    readonly { readonly topic: string; readonly partitions: readonly FetchedOffset[] }[]
  >
  | Message<"describe", { readonly groupId: string }, GroupDescription | null>
  | Message<"list", Record<never, never>, readonly GroupListing[]>
  | Message<"delete", { readonly groupId: string }, void>
  | Message<
    "deleteOffsets",
    { readonly groupId: string; readonly offsets: readonly TopicPartition[] },
    /** In the order of the request. */
    readonly (ErrorName | null)[]
  >
  | Message<
    /**
     * Whether offsets may be committed within a transaction at once (null), or its coordinator has to be asked first; the
     * commit is then to come with the guard.
     */
    "guardOffsets",
    { readonly producerId: bigint; readonly producerEpoch: number },
    Guard | null
  >
  | Message<
    "commitOffsetsInTransaction",
    MemberIdentity & {
      readonly groupId: string;
      /** -1 = not as a member. */
      readonly generation: number;
      readonly producerId: bigint;
      readonly producerEpoch: number;
      readonly guard: Guard | null;
      readonly offsets: readonly OffsetToCommit[];
    },
    /** In the order of the request. */
    readonly (ErrorName | null)[]
  >
  | Message<
    /** A transaction with offsets here has ended. Answered when that is durable. */
    "endTransaction",
    Marker,
    void
  >
  | Message<
    /** Topics were deleted: what was committed for them goes. */
    "forgetDeletedTopics",
    Record<never, never>,
    void
  >;
