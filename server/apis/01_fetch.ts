import { KafkaError } from "../../protocol/errors.ts";
import {
  type FetchRequest,
  fetchRequest,
  fetchResponse,
} from "../../protocol/messages/01_fetch.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { FetchReader, type FetchTerms } from "../fetch/fetch_reader.ts";
import type { FetchedPartition } from "../fetch/partition.ts";
import { isolationOf } from "../isolation.ts";
import { nodeEndpoints } from "../leader.ts";

const ENDPOINTS_VERSION = 16;

type TopicAnswer = Draft<typeof fetchResponse>["responses"][number];

/**
 * Fetch: record batches from several partitions, after a wait if there are none yet.
 * - v4: isolation level, aborted transactions, last stable offset; a batch larger than the limits is sent all the same
 * - v5: log start offset
 * - v7: incremental sessions (KIP-227)
 * - v9: the client's idea of the leader epoch (KIP-320)
 * - v10: zstd
 * - v11: rack, preferred replica
 * - v12: flexible; diverging epochs, current leader
 * - v13: topics by id
 * - v15: the replica's state as a tag
 * - v16: node endpoints
 * - v17, v18: for replicas only
 */
export const fetch = defineApi({
  name: "Fetch",
  key: 1,
  versions: [4, 18],
  request: fetchRequest,
  response: fetchResponse,

  async handle(request, context) {
    const terms = termsOf(request, context);
    const scope = context.fetchSessions.open(request, context.apiVersion);
    const fetched = await new FetchReader(scope.partitions, terms, context).read();
    const { sessionId, told } = scope.conclude(fetched);
    return {
      errorCode: 0,
      sessionId,
      responses: byTopic(told),
      nodeEndpoints: nodeEndpoints(
        told.map(({ answer }) => answer),
        context,
        ENDPOINTS_VERSION,
      ),
    };
  },

  refuse(request, { code }, { apiVersion }) {
    // Before sessions there was no error of the whole request.
    const hasErrorCode = apiVersion >= 7;
    return { errorCode: code, responses: hasErrorCode ? [] : refusedPartitions(request, code) };
  },
});

function termsOf(request: FetchRequest, { broker }: RequestContext): FetchTerms {
  const { isolationLevel, minBytes, maxBytes, maxWaitMs } = request;
  if (maxBytes < 0 || minBytes < 0) throw new KafkaError("INVALID_REQUEST");
  const config = broker.config();
  return {
    isolation: isolationOf(isolationLevel),
    minBytes,
    maxBytes: Math.min(
      maxBytes,
      config.int("fetch.max.bytes"),
      config.int("odradek.response.max.bytes"),
    ),
    maxWaitMs: Math.max(0, maxWaitMs),
  };
}

/** Neighbours of the same topic go together; the order stays. */
function byTopic(fetched: readonly FetchedPartition[]): TopicAnswer[] {
  const topics: (TopicAnswer & { partitions: FetchedPartition["answer"][] })[] = [];
  for (const { wanted: { topic, topicId }, answer } of fetched) {
    const last = topics.at(-1);
    if (last !== undefined && last.topic === topic && last.topicId === topicId) {
      last.partitions.push(answer);
    } else {
      topics.push({ topic, topicId, partitions: [answer] });
    }
  }
  return topics;
}

function refusedPartitions({ topics }: FetchRequest, errorCode: number): TopicAnswer[] {
  return topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode,
      highWatermark: -1n,
      records: [],
    })),
  }));
}
