import { KafkaError } from "../../protocol/errors.ts";
import {
  electLeadersRequest,
  electLeadersResponse,
} from "../../protocol/messages/43_elect_leaders.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { namedOnce, union } from "../named_once.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";
import { checkPartition, topicNamed } from "../topics.ts";

const PREFERRED = 0;
const UNCLEAN = 1;
/** Made once, as it may be the answer for very many partitions. */
const NOT_NEEDED = new KafkaError("ELECTION_NOT_NEEDED", "The partition has its leader already.");

/**
 * ElectLeaders: makes the preferred or any replica the leader (KIP-460). Every partition has its leader already, so each
 * one that is named is answered ELECTION_NOT_NEEDED; when all are meant, Kafka leaves those out.
 * - v1: unclean elections
 * - v2: flexible
 */
export const electLeaders = defineApi({
  name: "ElectLeaders",
  key: 43,
  versions: [0, 2],
  note: "Every partition has its leader: ELECTION_NOT_NEEDED.",
  request: electLeadersRequest,
  response: electLeadersResponse,

  handle({ electionType, topicPartitions }, context) {
    authorize(context, "Alter", "Cluster", CLUSTER);
    if (electionType !== PREFERRED && electionType !== UNCLEAN) {
      throw new KafkaError("INVALID_REQUEST", `There is no election type ${electionType}`);
    }
    const wanted = namedOnce(topicPartitions ?? [], ({ topic }) => topic, (same) => ({
      ...same[0],
      partitions: union(same.map(({ partitions }) => partitions)),
    }));
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      replicaElectionResults: wanted.map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partition) => outcome(topic, partition, context)),
      })),
    };
  },

  refuse: ({ topicPartitions }, { code, message }, { apiVersion }) => ({
    throttleTimeMs: 0,
    ...(apiVersion >= 1 && { errorCode: code }),
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        errorCode: code,
        errorMessage: message,
      })),
    })),
  }),
});

function outcome(name: string, partitionId: number, context: RequestContext) {
  try {
    checkPartition(partitionId, topicNamed(name, context.broker.metadata()));
    throw NOT_NEEDED;
  } catch (error) {
    const { code, message } = outcomeError(error, "ElectLeaders", context);
    return { partitionId, errorCode: code, errorMessage: message };
  }
}
