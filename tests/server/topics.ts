/**
 * Topics and records for tests of APIs.
 *
 * @module
 */
import { produceRequest, produceResponse } from "../../protocol/messages/00_produce.ts";
import { fetchRequest, fetchResponse } from "../../protocol/messages/01_fetch.ts";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../protocol/messages/19_create_topics.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import type { WireClient } from "./support.ts";

export const CREATE = [createTopicsRequest, createTopicsResponse] as const;
export const PRODUCE = [produceRequest, produceResponse] as const;
export const FETCH = [fetchRequest, fetchResponse] as const;

/** Creates a topic and gives its id. */
export async function createTopic(
  client: WireClient,
  name: string,
  numPartitions = 1,
  configs: readonly { readonly name: string; readonly value: string }[] = [],
): Promise<string> {
  const { topics } = await client.ask(CREATE, 7, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs }],
  });
  if (topics[0].errorCode !== 0) throw new Error(topics[0].errorMessage ?? "");
  return topics[0].topicId;
}

/** A batch of records with these values. */
export function batchOf(...values: string[]): Uint8Array {
  const encoder = new TextEncoder();
  return buildBatch(values.map((value) => ({
    value: encoder.encode(value),
    timestampMs: 1_700_000_000_000,
  })));
}

/** A Produce request for one partition. */
export function produceTo(
  name: string,
  index: number,
  records: Uint8Array | null,
  acks = -1,
): Draft<typeof produceRequest> {
  return {
    acks,
    timeoutMs: 30_000,
    topicData: [{ name, partitionData: [{ index, records: records && [records] }] }],
  };
}

/** A partition to fetch. */
export interface Wanted {
  readonly partition: number;
  readonly offset?: number;
  readonly maxBytes?: number;
}

/** A Fetch request for partitions of one topic. */
export function fetchFrom(
  topic: { readonly topic: string } | { readonly topicId: string },
  partitions: readonly Wanted[],
  more: Partial<Draft<typeof fetchRequest>> = {},
): Draft<typeof fetchRequest> {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{
      ...topic,
      partitions: partitions.map(({ partition, offset = 0, maxBytes = 1_000_000 }) => ({
        partition,
        fetchOffset: BigInt(offset),
        partitionMaxBytes: maxBytes,
      })),
    }],
    forgottenTopicsData: [],
    ...more,
  };
}

/** The values of fetched records. */
export function valuesIn(records: readonly Uint8Array[] | null): string[] {
  const decoder = new TextDecoder();
  return (records ?? []).flatMap((slice) =>
    [...batchesIn(slice)].flatMap(({ bytes }) =>
      [...recordsIn(bytes)].map(({ value }) => decoder.decode(value ?? undefined))
    )
  );
}
