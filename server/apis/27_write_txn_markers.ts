import type { TopicImage } from "../../actors/controller/metadata_image.ts";
import { GROUP_TOPIC } from "../../actors/group/group_coordinators.ts";
import type { Marker } from "../../actors/transaction/markers.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type WriteTxnMarkersRequest,
  writeTxnMarkersRequest,
  writeTxnMarkersResponse,
} from "../../protocol/messages/27_write_txn_markers.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerPartitions } from "../item_turns.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";
import { checkPartition, lookedUp, topicNamed } from "../topics.ts";

/** The transactions in which each end comes with a new epoch (KIP-890). */
const BUMPING_VERSION = 2;

type WantedMarker = WriteTxnMarkersRequest["markers"][number];

/**
 * WriteTxnMarkers: ends transactions in partitions, whatever their coordinators know: for operators, with
 * `kafka-transactions abort` (KIP-664).
 * - v2: the version of the transaction (KIP-890)
 */
export const writeTxnMarkers = defineApi({
  name: "WriteTxnMarkers",
  key: 27,
  versions: [1, 2],
  request: writeTxnMarkersRequest,
  response: writeTxnMarkersResponse,

  async handle({ markers }, context) {
    authorize(context, "Alter", "Cluster", CLUSTER);
    const everything = markers.flatMap((wanted) =>
      wanted.topics.map(({ name, partitionIndexes }) => ({ wanted, name, partitionIndexes }))
    );
    const answers = await answerPartitions(everything, context.broker.environment.timers, {
      partitions: ({ partitionIndexes }) => partitionIndexes,
      topic: ({ wanted, name }) => {
        const topic = lookedUp(() => topicNamed(name, context.broker.metadata()));
        const marker = markerOf(wanted);
        return async (partitionIndex) => ({
          partitionIndex,
          errorCode: await write(name, topic, partitionIndex, marker, context),
        });
      },
    });
    let next = 0;
    return {
      markers: markers.map(({ producerId, topics }) => ({
        producerId,
        topics: topics.map(({ name }) => ({ name, partitions: answers[next++] })),
      })),
    };
  },

  refuse: ({ markers }, { code }) => ({
    markers: markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode: code })),
      })),
    })),
  }),
});

function markerOf(wanted: WantedMarker) {
  const { producerId, producerEpoch, transactionResult, coordinatorEpoch } = wanted;
  return {
    producerId,
    epoch: producerEpoch,
    commit: transactionResult,
    coordinatorEpoch,
    bumped: wanted.transactionVersion >= BUMPING_VERSION,
  };
}

/** The error code. */
async function write(
  name: string,
  known: () => TopicImage,
  partition: number,
  { bumped, ...marker }: Marker & { readonly bumped: boolean },
  context: RequestContext,
): Promise<number> {
  const { broker } = context;
  try {
    const topic = checkPartition(partition, known());
    const place = broker.partition(topic.id, partition);
    const foreign = { ...marker, bumped, foreign: true };
    if (name === GROUP_TOPIC) {
      await place.ask("checkMarker", foreign);
      await broker.coordinators.groupsAt(partition).ask("endTransaction", marker);
    } else if (topic.internal) {
      throw new KafkaError("INVALID_TOPIC_EXCEPTION", `${name} takes part in no transaction`);
    } else {
      await place.ask("writeMarker", foreign);
    }
    return 0;
  } catch (error) {
    return outcomeError(error, "WriteTxnMarkers", context).code;
  }
}
