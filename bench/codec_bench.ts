/**
 * The codec on the two messages of the hot path. Run: `deno bench bench/codec_bench.ts`.
 *
 * @module
 */
import { fetchRequest, fetchResponse } from "../protocol/messages/01_fetch.ts";
import { produceRequest, produceResponse } from "../protocol/messages/00_produce.ts";
import { decodeMessage, type Draft, encodeMessage, joined } from "../protocol/schema/mod.ts";

const TOPIC_ID = "MkU3OEVGRjRDMTk0M0Q2OA";
const batch = new Uint8Array(16 * 1024);

function produce(partitions: number): Draft<typeof produceRequest> {
  return {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{
      name: "orders-by-customer",
      partitionData: Array.from(
        { length: partitions },
        (_, index) => ({ index, records: [batch] }),
      ),
    }],
  };
}

function produced(partitions: number): Draft<typeof produceResponse> {
  const partitionResponses = Array.from({ length: partitions }, (_, index) => ({
    index,
    errorCode: 0,
    baseOffset: 123_456_789n,
    logStartOffset: 0n,
  }));
  return { responses: [{ name: "orders-by-customer", partitionResponses }] };
}

function fetch(partitions: number): Draft<typeof fetchRequest> {
  const asked = Array.from({ length: partitions }, (_, partition) => ({
    partition,
    fetchOffset: 123_456_789n,
    partitionMaxBytes: 1 << 20,
  }));
  return { maxWaitMs: 500, minBytes: 1, topics: [{ topicId: TOPIC_ID, partitions: asked }] };
}

function fetched(partitions: number): Draft<typeof fetchResponse> {
  return {
    responses: [{
      topicId: TOPIC_ID,
      partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
        partitionIndex,
        errorCode: 0,
        highWatermark: 123_456_789n,
        lastStableOffset: 123_456_789n,
        logStartOffset: 0n,
        abortedTransactions: null,
        records: [batch],
      })),
    }],
  };
}

for (const partitions of [1, 100]) {
  const group = `${partitions} partitions`;
  const messages = [
    { name: "Produce v9 request", schema: produceRequest, version: 9, draft: produce(partitions) },
    {
      name: "Produce v9 response",
      schema: produceResponse,
      version: 9,
      draft: produced(partitions),
    },
    { name: "Fetch v13 request", schema: fetchRequest, version: 13, draft: fetch(partitions) },
    { name: "Fetch v13 response", schema: fetchResponse, version: 13, draft: fetched(partitions) },
  ] as const;
  for (const { name, schema, version, draft } of messages) {
    const encode = () => encodeMessage(schema, version, draft as never);
    const bytes = joined(encode());
    Deno.bench(`decode ${name}`, { group }, () => {
      decodeMessage(schema, version, bytes);
    });
    Deno.bench(`encode ${name}`, { group }, () => {
      encode();
    });
  }
}
