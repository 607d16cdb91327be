import type { fetchRequest } from "../../protocol/messages/01_fetch.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { isolationCode } from "../cluster/list_offsets.ts";
import { byTopic } from "../topic_partition.ts";
import type { FetchTarget, SessionStep } from "./fetch_session.ts";
import type { ConsumerSettings } from "./options.ts";

/** The request that says what is to be said in a session. */
export function requestOf(
  { targets, forgotten, sessionId, sessionEpoch }: SessionStep,
  settings: ConsumerSettings,
): Draft<typeof fetchRequest> {
  return {
    maxWaitMs: settings.fetchMaxWaitMs,
    minBytes: settings.fetchMinBytes,
    maxBytes: settings.fetchMaxBytes,
    isolationLevel: isolationCode(settings.isolationLevel),
    sessionId,
    sessionEpoch,
    topics: grouped(targets).map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map((target) => ({
        partition: target.partition,
        currentLeaderEpoch: target.leaderEpoch,
        fetchOffset: BigInt(target.offset),
        lastFetchedEpoch: target.lastFetchedEpoch,
        partitionMaxBytes: target.maxBytes,
      })),
    })),
    forgottenTopicsData: grouped(forgotten).map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => partition),
    })),
  };
}

function grouped(targets: readonly FetchTarget[]) {
  return [...byTopic(targets)].map(([topic, partitions]) => {
    return { topic, topicId: partitions[0].topicId ?? ZERO_UUID, partitions };
  });
}
