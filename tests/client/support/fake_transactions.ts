import {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  API_VERSIONS,
  END_TXN,
  FIND_COORDINATOR,
  INIT_PRODUCER_ID,
  TXN_OFFSET_COMMIT,
} from "../../../client/apis.ts";
import type { ErrorName } from "../../../protocol/errors.ts";
import type { Draft } from "../../../protocol/schema/mod.ts";
import { addressOf, code, type FakeCluster } from "./fake_cluster.ts";

/**
 * The coordinator of transactions, and of groups as far as transactions concern them, at a level of `transaction.version`.
 * It gives out ids and epochs and agrees with everything; errors are scripted with `FakeCluster.next`.
 */
export class FakeTransactions {
  readonly level: number;
  producerId = 7n;
  epoch = -1;
  /** How each transaction ended. */
  readonly ended: ("commit" | "abort")[] = [];
  /** Node that coordinates. */
  nodeId = 1;

  constructor(cluster: FakeCluster, level: number) {
    this.level = level;
    cluster.on(API_VERSIONS, () => ({
      ...cluster.apiVersions(),
      finalizedFeaturesEpoch: 1n,
      finalizedFeatures: [
        { name: "transaction.version", minVersionLevel: level, maxVersionLevel: level },
      ],
    }));
    cluster.on(FIND_COORDINATOR, ({ coordinatorKeys }) => ({
      coordinators: coordinatorKeys.map((key) => ({
        key,
        nodeId: this.nodeId,
        ...addressOf(this.nodeId),
        errorCode: 0,
        errorMessage: null,
      })),
    }));
    cluster.on(INIT_PRODUCER_ID, () => ({
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: this.producerId,
      producerEpoch: ++this.epoch,
    }));
    cluster.on(ADD_PARTITIONS_TO_TXN, ({ v3AndBelowTopics }) => ({
      throttleTimeMs: 0,
      resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({
          partitionIndex,
          partitionErrorCode: 0,
        })),
      })),
    }));
    cluster.on(ADD_OFFSETS_TO_TXN, () => ({ throttleTimeMs: 0, errorCode: 0 }));
    cluster.on(TXN_OFFSET_COMMIT, ({ topics }) => offsetsAnswer(topics, "NONE"));
    cluster.on(END_TXN, ({ committed }, { version }) => this.end(committed, version));
  }

  /** What EndTxn does. */
  end(committed: boolean, version: number): Draft<typeof END_TXN.response> {
    this.ended.push(committed ? "commit" : "abort");
    const answer = { throttleTimeMs: 0, errorCode: 0 };
    if (version < 5) return answer;
    return { ...answer, producerId: this.producerId, producerEpoch: ++this.epoch };
  }
}

type Offsets = readonly {
  readonly name: string;
  readonly partitions: readonly { readonly partitionIndex: number }[];
}[];

/** TxnOffsetCommit's answer with one error for all partitions. */
export function offsetsAnswer(
  topics: Offsets,
  error: ErrorName,
): Draft<typeof TXN_OFFSET_COMMIT.response> {
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: code(error),
      })),
    })),
  };
}
