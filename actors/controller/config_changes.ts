/**
 * Changes of settings, as changes of the metadata.
 *
 * @module
 */
import { applyChanges, type ConfigTarget, replaceAll } from "../../config/alter.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { MetadataChange } from "../../storage/metadata/metadata.ts";
import type { ConfigChange, ConfigResource } from "./messages.ts";
import { type MetadataImage, storedTopic } from "./metadata_image.ts";

type Overrides = ReadonlyMap<string, string>;

/**
 * IncrementalAlterConfigs (KIP-339).
 *
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, INVALID_CONFIG
 */
export function alteredOverrides(
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  seen: MetadataImage,
  nodeId: number,
): MetadataChange {
  const target = targetOf(resource, seen, nodeId);
  return changeOf(
    resource,
    seen,
    applyChanges(target, overridesOf(resource, seen), changes, seen.brokerConfig),
  );
}

/**
 * AlterConfigs: what is not named goes back to its default.
 *
 * @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, INVALID_CONFIG
 */
export function replacedOverrides(
  resource: ConfigResource,
  configs: readonly { readonly name: string; readonly value: string | null }[],
  seen: MetadataImage,
  nodeId: number,
): MetadataChange {
  const target = targetOf(resource, seen, nodeId);
  return changeOf(resource, seen, replaceAll(target, configs, seen.brokerConfig));
}

function targetOf(resource: ConfigResource, seen: MetadataImage, nodeId: number): ConfigTarget {
  if (resource.type === "topic") {
    if (!seen.topics.has(resource.name)) {
      throw new KafkaError(
        "UNKNOWN_TOPIC_OR_PARTITION",
        `The topic '${resource.name}' does not exist.`,
      );
    }
    return "topic";
  }
  if (resource.name === "") return "brokers";
  if (resource.name !== String(nodeId)) {
    throw new KafkaError(
      "INVALID_REQUEST",
      `Unexpected broker id, expected ${nodeId}, but received ${resource.name}`,
    );
  }
  return "broker";
}

function overridesOf(resource: ConfigResource, seen: MetadataImage): Overrides {
  const overrides = resource.type === "topic"
    ? seen.topics.get(resource.name)?.overrides
    : seen.brokerOverrides.get(resource.name);
  return overrides ?? new Map();
}

function changeOf(
  resource: ConfigResource,
  seen: MetadataImage,
  overrides: Overrides,
): MetadataChange {
  if (resource.type === "broker") {
    return { kind: "brokerOverrides", broker: resource.name, overrides };
  }
  return { kind: "topic", topic: { ...storedTopic(seen.topics.get(resource.name)!), overrides } };
}
