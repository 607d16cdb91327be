import { type Asker, isAllowed, type Operation, type ResourceType } from "./authorizer.ts";

/** Says that a client did not ask for the operations that it may do. */
export const OPERATIONS_NOT_ASKED = -2147483648;

/** Numbers on the wire. (Kafka: `org.apache.kafka.common.acl.AclOperation`.) */
const CODES: Readonly<Record<Operation, number>> = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
};

/** What can be done to a resource at all. (Kafka: `AclEntry.supportedOperations`.) */
const POSSIBLE = {
  Topic: [
    "Read",
    "Write",
    "Create",
    "Delete",
    "Alter",
    "Describe",
    "DescribeConfigs",
    "AlterConfigs",
  ],
  Cluster: [
    "Create",
    "Alter",
    "Describe",
    "ClusterAction",
    "DescribeConfigs",
    "AlterConfigs",
    "IdempotentWrite",
  ],
  Group: ["Read", "Describe", "Delete", "DescribeConfigs", "AlterConfigs"],
} as const satisfies Partial<Record<ResourceType, readonly Operation[]>>;

/** The operations that whoever asks may do, as a bit field (KIP-430). */
export function authorizedOperations(
  asker: Asker,
  resourceType: keyof typeof POSSIBLE,
  resourceName: string,
): number {
  let bits = 0;
  for (const operation of POSSIBLE[resourceType]) {
    if (isAllowed(asker, operation, resourceType, resourceName)) bits |= 1 << CODES[operation];
  }
  return bits;
}
