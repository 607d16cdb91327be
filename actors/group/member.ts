import type { Deadline } from "../core/deadline.ts";
import type { HandlerContext } from "../core/message.ts";
import type { Joined, JoinRequest, MemberIdentity, OfferedProtocol, Synced } from "./messages.ts";

/** No assignment, no metadata. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A member of a group. */
export interface Member {
  readonly id: string;
  /** null = a dynamic member. */
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  /** What it offers, the one it likes best first. */
  protocols: readonly OfferedProtocol[];
  /** Its share of the work in the current generation. */
  assignment: Uint8Array;
  /** Its JoinGroup that waits for the join phase to end. */
  join: HandlerContext<Joined> | null;
  /** Its SyncGroup that waits for the leader's. */
  sync: HandlerContext<Synced> | null;
  /** Whether it has asked for its assignment in this generation. */
  synced: boolean;
  /** Whether it has never been told that it is a member: it cannot send heartbeats yet. */
  isNew: boolean;
  /** The end of its session, unless it is heard of before. */
  readonly session: Deadline;
}

/** A member that joins. */
export function memberOf(id: string, request: JoinRequest, session: Deadline): Member {
  return {
    id,
    instanceId: request.instanceId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols: request.protocols,
    assignment: NO_BYTES,
    join: null,
    sync: null,
    synced: false,
    isNew: true,
    session,
  };
}

/** What a member says for a protocol. */
export function metadataFor({ protocols }: Member, protocolName: string | null): Uint8Array {
  return protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_BYTES;
}

/** Whether a member offers exactly this, in this order. */
export function offers({ protocols }: Member, others: readonly OfferedProtocol[]): boolean {
  return protocols.length === others.length && protocols.every(({ name, metadata }, index) => {
    const other = others[index];
    return name === other.name && isSameBytes(metadata, other.metadata);
  });
}

/** How a member is named in answers. */
export function identityOf({ id, instanceId }: Member): MemberIdentity {
  return { memberId: id, instanceId };
}

/** Whether bytes are the same. */
export function isSameBytes(some: Uint8Array, others: Uint8Array): boolean {
  return some.length === others.length && some.every((byte, index) => byte === others[index]);
}
