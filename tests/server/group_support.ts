/**
 * What the tests of groups have in common: members that speak the protocol by hand.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../protocol/messages/19_create_topics.ts";
import { heartbeatRequest, heartbeatResponse } from "../../protocol/messages/12_heartbeat.ts";
import {
  joinGroupRequest,
  type JoinGroupResponse,
  joinGroupResponse,
} from "../../protocol/messages/11_join_group.ts";
import {
  syncGroupRequest,
  type SyncGroupResponse,
  syncGroupResponse,
} from "../../protocol/messages/14_sync_group.ts";
import { consumerProtocolSubscription } from "../../protocol/messages/consumer_protocol.ts";
import { encodeVersioned } from "../../protocol/schema/mod.ts";
import { startBroker, type WireClient } from "./support.ts";

export type World = Awaited<ReturnType<typeof startBroker>>;

const encoder = new TextEncoder();

/** Text as bytes. */
export const bytes = (text: string): Uint8Array => encoder.encode(text);

/** Metadata of a consumer of these topics. */
export const subscription = (...topics: string[]): Uint8Array =>
  encodeVersioned(consumerProtocolSubscription, 1, { topics, userData: null });

/** How a member joins. */
export interface Joining {
  readonly group?: string;
  readonly version?: number;
  readonly memberId?: string;
  readonly instanceId?: string | null;
  readonly protocols?: readonly (readonly [name: string, metadata: Uint8Array])[];
  readonly protocolType?: string;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
}

/** A member with a connection of its own. */
export class Member implements Disposable {
  readonly client: WireClient;
  memberId = "";
  generation = -1;

  constructor(readonly world: World, readonly joining: Joining = {}) {
    this.client = world.connect();
    this.memberId = joining.memberId ?? "";
  }

  get group(): string {
    return this.joining.group ?? "g";
  }

  /** Sends one JoinGroup. The answer may take until others have joined. */
  async joinOnce(more: Joining = {}): Promise<JoinGroupResponse> {
    const { version = 5, ...joining } = { ...this.joining, ...more };
    const answer = await this.client.ask([joinGroupRequest, joinGroupResponse], version, {
      groupId: this.group,
      sessionTimeoutMs: joining.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: joining.rebalanceTimeoutMs ?? 20_000,
      memberId: joining.memberId ?? this.memberId,
      ...(version >= 5 && { groupInstanceId: joining.instanceId ?? null }),
      protocolType: joining.protocolType ?? "consumer",
      protocols: (joining.protocols ?? [["range", subscription("t")]]).map(([name, metadata]) => ({
        name,
        metadata,
      })),
    });
    if (answer.errorCode === 0) {
      this.memberId = answer.memberId;
      this.generation = answer.generationId;
    }
    return answer;
  }

  /** Joins, also where it is first told its id. */
  async join(more: Joining = {}): Promise<JoinGroupResponse> {
    const answer = await this.joinOnce(more);
    if (answer.errorCode !== 79) return answer;
    this.memberId = answer.memberId;
    return await this.joinOnce({ ...more, memberId: this.memberId });
  }

  /** Asks for its assignment; a leader brings everybody's. */
  async sync(
    assignments: Readonly<Record<string, string>> = {},
    version = 3,
    protocol: { readonly protocolType: string | null; readonly protocolName: string | null } = {
      protocolType: "consumer",
      protocolName: "range",
    },
  ): Promise<SyncGroupResponse> {
    return await this.client.ask([syncGroupRequest, syncGroupResponse], version, {
      groupId: this.group,
      generationId: this.generation,
      memberId: this.memberId,
      ...(version >= 3 && { groupInstanceId: this.joining.instanceId ?? null }),
      ...(version >= 5 && protocol),
      assignments: Object.entries(assignments).map(([memberId, text]) => ({
        memberId,
        assignment: bytes(text),
      })),
    });
  }

  /** Its error code. */
  async heartbeat(version = 3): Promise<number> {
    const { errorCode } = await this.client.ask([heartbeatRequest, heartbeatResponse], version, {
      groupId: this.group,
      generationId: this.generation,
      memberId: this.memberId,
      ...(version >= 3 && { groupInstanceId: this.joining.instanceId ?? null }),
    });
    return errorCode;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}

/** A broker whose groups do not wait for more members, with a topic `t` of four partitions. */
export async function startGroups(config: Readonly<Record<string, string>> = {}): Promise<World> {
  const world = await startBroker({ "group.initial.rebalance.delay.ms": "0", ...config });
  await createTopic(world, "t");
  return world;
}

/** Creates a topic of four partitions. */
export async function createTopic(world: World, name: string): Promise<void> {
  using client = world.connect();
  const { topics } = await client.ask([createTopicsRequest, createTopicsResponse], 4, {
    topics: [{ name, numPartitions: 4, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 1000,
  });
  assertEquals(topics[0].errorCode, 0);
}

/** Lets time pass until something is there. */
export async function after<T>(world: World, promise: Promise<T>, ms = 0): Promise<T> {
  let done = false;
  const settled = promise.finally(() => done = true);
  settled.catch(() => {});
  for (let step = 0; step < 50 && !done; step++) {
    await world.environment.advance(step === 0 ? ms : 1);
  }
  return await promise;
}

/** Two members in a stable group: the leader has `one`, the other `two`. */
export async function pair(
  world: World,
  joining: Joining = {},
): Promise<readonly [leader: Member, follower: Member]> {
  const some = new Member(world, joining);
  await after(world, some.join());
  await some.sync({ [some.memberId]: "alone" });
  const other = new Member(world, joining);
  const otherJoined = other.join();
  await world.environment.advance(10);
  await some.joinOnce();
  await otherJoined;
  await Promise.all([some.sync({ [some.memberId]: "one", [other.memberId]: "two" }), other.sync()]);
  return [some, other];
}
