import type { ConfigResource } from "../actors/controller/messages.ts";
import { KafkaError } from "../protocol/errors.ts";
import type { RequestContext } from "./api.ts";
import { authorize, CLUSTER } from "./security/authorizer.ts";

/** What settings can be made for, as numbers on the wire. (Kafka: `ConfigResource.Type`.) */
export const CONFIG_RESOURCE_TYPES = {
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
  CLIENT_METRICS: 16,
  GROUP: 32,
} as const;

/** A resource as requests name it. */
export interface WireResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/**
 * The resource that a request names.
 *
 * @throws KafkaError INVALID_REQUEST when it is of a type without settings here
 */
export function configResource({ resourceType, resourceName }: WireResource): ConfigResource {
  switch (resourceType) {
    case CONFIG_RESOURCE_TYPES.TOPIC:
      return { type: "topic", name: resourceName };
    case CONFIG_RESOURCE_TYPES.BROKER:
      return { type: "broker", name: resourceName };
    default:
      throw new KafkaError("INVALID_REQUEST", `Unsupported resource type ${resourceType}`);
  }
}

/** Refuses a client that may not read or change the settings of a resource. */
export function authorizeConfigs(
  context: RequestContext,
  operation: "DescribeConfigs" | "AlterConfigs",
  { type, name }: ConfigResource,
): void {
  if (type === "topic") authorize(context, operation, "Topic", name);
  else authorize(context, operation, "Cluster", CLUSTER);
}

/** What one resource is answered by AlterConfigs and IncrementalAlterConfigs. */
export interface AlterAnswer extends WireResource {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** The answer for a resource whose settings were changed, or could not be. */
export function alterAnswer(
  { resourceType, resourceName }: WireResource,
  error?: KafkaError,
): AlterAnswer {
  return {
    errorCode: error?.code ?? 0,
    errorMessage: error?.message ?? null,
    resourceType,
    resourceName,
  };
}

/** What a resource is about, in one text. */
export function resourceKey({ resourceType, resourceName }: WireResource): string {
  return `Resource ${resourceName} of type ${resourceType}`;
}
