/**
 * The entries of the metadata store, as bytes. Each ends with its checksum: a changed setting must not pass for a setting.
 *
 * @module
 */
import { withChecksum, withoutChecksum } from "../checksum.ts";
import { int16, int32, int64, string, structs } from "../../protocol/schema/fields.ts";
import { message } from "../../protocol/schema/message.ts";
import { decodeVersioned, encodeVersioned } from "../../protocol/schema/versioned.ts";
import type { DeletedTopic, StoredTopic } from "./metadata.ts";

const overridesField = structs({ fields: { name: string(), value: string() } });

const topicValue = message({
  name: "StoredTopic",
  versions: "0",
  flexible: "0",
  fields: {
    name: string(),
    partitionCount: int32(),
    replicationFactor: int16(),
    overrides: overridesField,
  },
});

const deletedTopicValue = message({
  name: "DeletedTopic",
  versions: "0",
  flexible: "0",
  fields: { name: string(), partitionCount: int32() },
});

const brokerValue = message({
  name: "BrokerOverrides",
  versions: "0",
  flexible: "0",
  fields: { overrides: overridesField },
});

/** A broker that knows version 0 only does not open a folder that says of a feature what it would not keep to. */
const CLUSTER_VERSION = 1;

const clusterValue = message({
  name: "Cluster",
  versions: "0-1",
  flexible: "0+",
  fields: {
    clusterId: string(),
    nextProducerId: int64(),
    features: structs({ versions: "1+", fields: { name: string(), level: int16() } }),
  },
});

type Overrides = ReadonlyMap<string, string>;

function listOf(overrides: Overrides): { name: string; value: string }[] {
  return Array.from(overrides, ([name, value]) => ({ name, value }));
}

function mapOf(list: readonly { readonly name: string; readonly value: string }[]): Overrides {
  return new Map(list.map(({ name, value }) => [name, value]));
}

export function encodeTopic(
  { name, partitionCount, replicationFactor, overrides }: StoredTopic,
): Uint8Array {
  const draft = { name, partitionCount, replicationFactor, overrides: listOf(overrides) };
  return withChecksum(encodeVersioned(topicValue, 0, draft));
}

/** @throws RangeError when the bytes are damaged; so do the others. */
export function decodeTopic(id: string, value: Uint8Array): StoredTopic {
  const { name, partitionCount, replicationFactor, overrides } = decodeVersioned(
    topicValue,
    withoutChecksum(value, "entry of a topic"),
  );
  return { id, name, partitionCount, replicationFactor, overrides: mapOf(overrides) };
}

export function encodeDeletedTopic({ name, partitionCount }: DeletedTopic): Uint8Array {
  return withChecksum(encodeVersioned(deletedTopicValue, 0, { name, partitionCount }));
}

export function decodeDeletedTopic(id: string, value: Uint8Array): DeletedTopic {
  const { name, partitionCount } = decodeVersioned(
    deletedTopicValue,
    withoutChecksum(value, "note of a deleted topic"),
  );
  return { id, name, partitionCount };
}

export function encodeBrokerOverrides(overrides: Overrides): Uint8Array {
  return withChecksum(encodeVersioned(brokerValue, 0, { overrides: listOf(overrides) }));
}

export function decodeBrokerOverrides(value: Uint8Array): Overrides {
  return mapOf(
    decodeVersioned(brokerValue, withoutChecksum(value, "entry of broker settings")).overrides,
  );
}

/** What is stored once for the whole cluster. */
export interface Cluster {
  readonly clusterId: string;
  readonly nextProducerId: bigint;
  /** By name. */
  readonly featureLevels: ReadonlyMap<string, number>;
}

export function encodeCluster(
  { clusterId, nextProducerId, featureLevels }: Cluster,
): Uint8Array {
  const features = Array.from(featureLevels, ([name, level]) => ({ name, level }));
  const draft = { clusterId, nextProducerId, features };
  return withChecksum(encodeVersioned(clusterValue, CLUSTER_VERSION, draft));
}

export function decodeCluster(value: Uint8Array): Cluster {
  const { clusterId, nextProducerId, features } = decodeVersioned(
    clusterValue,
    withoutChecksum(value, "entry of the cluster"),
  );
  const featureLevels = new Map(features.map(({ name, level }) => [name, level]));
  return { clusterId, nextProducerId, featureLevels };
}
