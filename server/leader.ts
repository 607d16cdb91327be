import { ERROR_CODES } from "../protocol/errors.ts";
import type { RequestContext } from "./api.ts";

/** Errors that send a client to look for another leader. */
const LEADER_ERRORS: ReadonlySet<number> = new Set([
  ERROR_CODES.NOT_LEADER_OR_FOLLOWER.code,
  ERROR_CODES.FENCED_LEADER_EPOCH.code,
]);

/** A partition that exists, or did when it was looked up. */
export interface PartitionPlace {
  readonly topicId: string;
  readonly partition: number;
}

/** Who leads a partition, as Produce and Fetch answer it beside an error (KIP-951): it saves a Metadata request. */
export interface CurrentLeader {
  readonly currentLeader?: { readonly leaderId: number; readonly leaderEpoch: number };
}

/** The leader of a partition, where the error is about leaders and the version can tell it; else nothing. */
export function leaderOf(
  errorCode: number,
  place: PartitionPlace | null,
  { broker, apiVersion }: Pick<RequestContext, "broker" | "apiVersion">,
  sinceVersion: number,
): CurrentLeader {
  if (place === null || !LEADER_ERRORS.has(errorCode) || apiVersion < sinceVersion) return {};
  const leaderEpoch = broker.leaderEpoch(place.topicId, place.partition);
  return { currentLeader: { leaderId: broker.nodeId, leaderEpoch } };
}

/** A broker, and where it is. */
export interface NodeEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** This broker, as the client of a request reaches it. */
export function thisNode(
  { broker, peer: { advertised: { host, port } } }: Pick<RequestContext, "broker" | "peer">,
): NodeEndpoint {
  return { nodeId: broker.nodeId, host, port, rack: broker.config().string("broker.rack") };
}

/** How to reach the leaders that an answer names: none, or this broker. */
export function nodeEndpoints(
  partitions: readonly { readonly currentLeader?: unknown }[],
  context: Pick<RequestContext, "broker" | "peer" | "apiVersion">,
  sinceVersion: number,
): readonly NodeEndpoint[] {
  if (context.apiVersion < sinceVersion) return [];
  return partitions.some(({ currentLeader }) => currentLeader) ? [thisNode(context)] : [];
}
