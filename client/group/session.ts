import { CONSUMER_PROTOCOL_TYPE } from "../../protocol/assignors/mod.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { JoinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import { HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP } from "./apis.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import type { Committer } from "./offsets.ts";
import type { GroupSettings } from "./options.ts";

/** Who a consumer is in its group. */
export interface Identity extends Committer {
  /** Name of the assignor that the group has chosen; null until then. */
  readonly protocolName: string | null;
}

/** A protocol that a member can take part in: an assignor's name, and its subscription. */
export interface OfferedProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** What a member is to be told: its assignment, encoded. */
export interface EncodedAssignment {
  readonly memberId: string;
  readonly assignment: Uint8Array;
}

/** The first version in which members leave in batches. */
const BATCHED_LEAVE_VERSION = 3;
/** What a request that the coordinator holds is given beyond the time for which it may hold it. */
const HELD_EXTRA_MS = 5000;

/**
 * A consumer's side of the classic group protocol, request by request: who it is, and what the coordinator says to that.
 * Errors that say that it is not who it thought it was change that.
 */
export class Session {
  readonly #settings: GroupSettings;
  readonly #coordinator: Coordinator;
  readonly #heldMs: number;
  #identity: Identity;

  constructor(settings: GroupSettings, coordinator: Coordinator, requestTimeoutMs: number) {
    this.#settings = settings;
    this.#coordinator = coordinator;
    this.#heldMs = Math.max(requestTimeoutMs, settings.maxPollIntervalMs + HELD_EXTRA_MS);
    this.#identity = this.#nobody();
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Whether it is a member of a generation, as far as it knows. */
  get isMember(): boolean {
    return this.#identity.generationId >= 0;
  }

  /**
   * Joins the group. Waits until all members have joined, or the time for that is over.
   *
   * @throws {KafkaError} MEMBER_ID_REQUIRED: it has an id now, and is to join again with it; or what else the coordinator says
   */
  async join(
    protocols: readonly OfferedProtocol[],
    reason: string,
  ): Promise<JoinGroupResponse> {
    const { groupId, groupInstanceId, sessionTimeoutMs, maxPollIntervalMs } = this.#settings;
    const asked = this.#identity;
    const answer = await this.#coordinator.request(JOIN_GROUP, {
      groupId,
      groupInstanceId,
      memberId: asked.memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: maxPollIntervalMs,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocols,
      reason,
    }, { purpose: "group", timeoutMs: this.#heldMs });
    this.#check(answer.errorCode, asked, answer.memberId);
    const { memberId, generationId, protocolName, protocolType } = answer;
    if ((protocolType ?? CONSUMER_PROTOCOL_TYPE) !== CONSUMER_PROTOCOL_TYPE) {
      throw new KafkaError("INCONSISTENT_GROUP_PROTOCOL", `${groupId} is of type ${protocolType}`);
    }
    this.#identity = { memberId, generationId, groupInstanceId, protocolName };
    return answer;
  }

  /**
   * Tells the others' assignments, as the leader, and asks for the own one.
   *
   * @throws {KafkaError} what the coordinator says
   */
  async sync(assignments: readonly EncodedAssignment[]): Promise<Uint8Array> {
    const asked = this.#identity;
    const answer = await this.#coordinator.request(SYNC_GROUP, {
      groupId: this.#settings.groupId,
      ...asked,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      assignments,
    }, { purpose: "group", timeoutMs: this.#heldMs });
    this.#check(answer.errorCode, asked);
    return answer.assignment;
  }

  /**
   * Says that it is alive.
   *
   * @throws {KafkaError} REBALANCE_IN_PROGRESS when it is to join again, or what else the coordinator says
   */
  async heartbeat(): Promise<void> {
    const asked = this.#identity;
    const { errorCode } = await this.#coordinator.request(HEARTBEAT, {
      groupId: this.#settings.groupId,
      generationId: asked.generationId,
      memberId: asked.memberId,
      groupInstanceId: asked.groupInstanceId,
    }, { purpose: "group", timeoutMs: this.#settings.sessionTimeoutMs });
    this.#check(errorCode, asked);
  }

  /** Leaves the group, unless it is a static member: that one may come back. */
  async leave(reason: string): Promise<void> {
    const { groupId } = this.#settings;
    const { memberId, groupInstanceId } = this.#identity;
    this.#identity = this.#nobody();
    if (memberId === "" || groupInstanceId !== null) return;
    const answer = await this.#coordinator.request(
      LEAVE_GROUP,
      (version) =>
        version >= BATCHED_LEAVE_VERSION
          ? { groupId, members: [{ memberId, reason }] }
          : { groupId, memberId },
    );
    this.#coordinator.check(answer.errorCode);
  }

  /**
   * Takes in that the coordinator does not know the member that `asked`. Source of what stays: `AbstractCoordinator`, which
   * keeps the member id after ILLEGAL_GENERATION only.
   */
  disown(error: KafkaError, asked: Committer): void {
    const { memberId, generationId } = this.#identity;
    if (asked.memberId !== memberId || asked.generationId !== generationId) return; // old news
    if (error.kind === "ILLEGAL_GENERATION") this.#identity = { ...this.#nobody(), memberId };
    else if (DISOWNED.has(error.kind)) this.#identity = this.#nobody();
  }

  #check(code: number, asked: Identity, newMemberId = ""): void {
    try {
      this.#coordinator.check(code);
    } catch (error) {
      if (error instanceof KafkaError) {
        this.disown(error, asked);
        if (error.kind === "MEMBER_ID_REQUIRED") {
          this.#identity = { ...this.#nobody(), memberId: newMemberId };
        }
      }
      throw error;
    }
  }

  #nobody(): Identity {
    const { groupInstanceId } = this.#settings;
    return { memberId: "", generationId: -1, groupInstanceId, protocolName: null };
  }
}

/** What a member hears that the group goes on without. */
const DISOWNED: ReadonlySet<string> = new Set(["UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"]);
