/**
 * Who may do what. Every API asks here; for now everybody may do everything.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";

/** Who a client is, e.g. `User:ANONYMOUS`. */
export interface Principal {
  readonly type: string;
  readonly name: string;
}

/** Everybody on a listener without authentication. */
export const ANONYMOUS: Principal = { type: "User", name: "ANONYMOUS" };

/** What can be done. (Kafka: `org.apache.kafka.common.acl.AclOperation`.) */
export type Operation =
  | "Read"
  | "Write"
  | "Create"
  | "Delete"
  | "Alter"
  | "Describe"
  | "ClusterAction"
  | "DescribeConfigs"
  | "AlterConfigs"
  | "IdempotentWrite";

/** What it can be done to. */
export type ResourceType = "Topic" | "Group" | "Cluster" | "TransactionalId";

/** The name of the one resource of type `Cluster`. */
export const CLUSTER = "kafka-cluster";

/** Decides who may do what. */
export interface Authorizer {
  allows(
    principal: Principal,
    operation: Operation,
    resourceType: ResourceType,
    resourceName: string,
  ): boolean;
}

/** Everybody may do everything. */
export const ALLOW_ALL: Authorizer = { allows: () => true };

const REFUSALS: Readonly<Record<ResourceType, ErrorName>> = {
  Topic: "TOPIC_AUTHORIZATION_FAILED",
  Group: "GROUP_AUTHORIZATION_FAILED",
  Cluster: "CLUSTER_AUTHORIZATION_FAILED",
  TransactionalId: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
};

/** Who asks, and whom to ask whether they may. */
export interface Asker {
  readonly authorizer: Authorizer;
  readonly peer: { readonly principal: Principal };
}

/** Whether whoever sent the request may do this. */
export function isAllowed(
  { authorizer, peer }: Asker,
  operation: Operation,
  resourceType: ResourceType,
  resourceName: string,
): boolean {
  return authorizer.allows(peer.principal, operation, resourceType, resourceName);
}

/**
 * Refuses what the sender of a request may not do.
 *
 * @throws KafkaError TOPIC_AUTHORIZATION_FAILED and the like
 */
export function authorize(
  asker: Asker,
  operation: Operation,
  resourceType: ResourceType,
  resourceName: string,
): void {
  if (isAllowed(asker, operation, resourceType, resourceName)) return;
  throw new KafkaError(REFUSALS[resourceType]);
}
