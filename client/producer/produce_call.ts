import { ERROR_CODES, type ErrorName, errorName } from "../../protocol/errors.ts";
import type { ProduceResponse } from "../../protocol/messages/00_produce.ts";
import type { produceRequest } from "../../protocol/messages/00_produce.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { ClusterView, LeaderHint } from "../cluster/cluster_view.ts";
import { byTopic } from "../topic_partition.ts";
import type { ProducerBatch } from "./batch.ts";

/** What the broker made of one batch. */
export interface BatchOutcome {
  readonly kind: ErrorName;
  /** What the broker says about it, if anything. */
  readonly message: string | null;
  readonly baseOffset: bigint;
  /** -1 = CreateTime. */
  readonly logAppendTimeMs: number;
  /** Who leads the partition now, if the broker says so. */
  readonly leader: LeaderHint | null;
}

/** The last version that names topics; later ones have their ids only. */
const NAMED_VERSION_MAX = 12;

/** A Produce request with one batch of each of several partitions, and how to read its answer. */
export class ProduceCall {
  readonly batches: readonly ProducerBatch[];
  readonly draft: Draft<typeof produceRequest>;
  /** The newest version that can carry it. */
  readonly versionMax: number | undefined;
  /** By topic name or id, and partition. */
  readonly #batches = new Map<string, ProducerBatch>();

  constructor(
    batches: readonly ProducerBatch[],
    view: ClusterView,
    options: {
      readonly acks: number;
      readonly timeoutMs: number;
      readonly transactionalId: string | null;
    },
  ) {
    this.batches = batches;
    let allHaveIds = true;
    const topicData = [...byTopic(batches.map((batch) => ({ ...batch.target, batch })))].map(
      ([name, items]) => {
        const topicId = view.topics.get(name)?.id ?? ZERO_UUID;
        allHaveIds &&= topicId !== ZERO_UUID;
        for (const { partition, batch } of items) {
          this.#batches.set(`${name}/${partition}`, batch);
          this.#batches.set(`${topicId}/${partition}`, batch);
        }
        const partitionData = items.map(({ partition, batch }) => ({
          index: partition,
          records: [batch.encoded()],
        }));
        return { name, topicId, partitionData };
      },
    );
    this.versionMax = allHaveIds ? undefined : NAMED_VERSION_MAX;
    this.draft = { ...options, topicData };
  }

  /** What became of each batch. A batch that the answer does not mention has the fate of a lost answer. */
  outcomes(answer: ProduceResponse): Map<ProducerBatch, BatchOutcome> {
    const outcomes = new Map<ProducerBatch, BatchOutcome>();
    for (const batch of this.batches) outcomes.set(batch, LOST);
    for (const { name, topicId, partitionResponses } of answer.responses) {
      for (const partition of partitionResponses) {
        const batch = this.#batches.get(`${name || topicId}/${partition.index}`);
        if (batch === undefined) continue;
        outcomes.set(batch, {
          kind: errorName(partition.errorCode),
          message: explanation(partition),
          baseOffset: partition.baseOffset,
          logAppendTimeMs: Number(partition.logAppendTimeMs),
          leader: partition.currentLeader.leaderId < 0 ? null : {
            ...batch.target,
            ...partition.currentLeader,
            brokers: answer.nodeEndpoints,
          },
        });
      }
    }
    return outcomes;
  }
}

const LOST: BatchOutcome = {
  kind: "NETWORK_EXCEPTION",
  message: "The broker's answer does not mention it",
  baseOffset: -1n,
  logAppendTimeMs: -1,
  leader: null,
};

type PartitionAnswer = ProduceResponse["responses"][number]["partitionResponses"][number];

function explanation({ errorCode, errorMessage, recordErrors }: PartitionAnswer): string | null {
  if (errorCode === ERROR_CODES.NONE.code) return null;
  const [first] = recordErrors;
  if (first === undefined) return errorMessage;
  const why = first.batchIndexErrorMessage ?? errorMessage ?? "no reason given";
  return `record ${first.batchIndex} of the batch: ${why}`;
}
