import { FIND_COORDINATOR } from "../../../client/apis.ts";
import {
  HEARTBEAT,
  JOIN_GROUP,
  LEAVE_GROUP,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  SYNC_GROUP,
} from "../../../client/group/apis.ts";
import type { ErrorName } from "../../../protocol/errors.ts";
import type { Draft } from "../../../protocol/schema/mod.ts";
import { addressOf, code, type FakeCluster } from "./fake_cluster.ts";

/** What was committed of a partition. */
export interface FakeCommit {
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

/** The coordinator of a group with one member, which so always leads. Errors are scripted with `FakeCluster.next`. */
export class FakeGroup {
  /** By partition, `orders-0`. */
  readonly committed = new Map<string, FakeCommit>();
  generationId = 0;
  members = 0;
  /** Node that coordinates. */
  nodeId = 1;

  constructor(cluster: FakeCluster) {
    cluster.on(FIND_COORDINATOR, ({ coordinatorKeys }) => {
      const place = { nodeId: this.nodeId, ...addressOf(this.nodeId), errorCode: 0 };
      return coordinatorKeys.length === 0
        ? place
        : { coordinators: coordinatorKeys.map((key) => ({ key, ...place, errorMessage: null })) };
    });
    cluster.on(JOIN_GROUP, ({ memberId, groupInstanceId, protocols: [protocol] }) => {
      if (memberId === "" && groupInstanceId === null) {
        return refusedJoin("MEMBER_ID_REQUIRED", `member-${++this.members}`);
      }
      const id = memberId || `member-${++this.members}`;
      return {
        errorCode: 0,
        generationId: ++this.generationId,
        protocolType: "consumer",
        protocolName: protocol.name,
        leader: id,
        memberId: id,
        members: [{ memberId: id, groupInstanceId, metadata: protocol.metadata }],
      };
    });
    cluster.on(SYNC_GROUP, ({ assignments: [mine] }) => ({
      errorCode: 0,
      assignment: mine.assignment,
    }));
    cluster.on(HEARTBEAT, () => ({ errorCode: 0 }));
    cluster.on(LEAVE_GROUP, ({ members }) => ({
      errorCode: 0,
      members: members.map(({ memberId, groupInstanceId }) => ({
        memberId,
        groupInstanceId,
        errorCode: 0,
      })),
    }));
    cluster.on(OFFSET_COMMIT, ({ topics }) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((commit) => {
          this.committed.set(`${name}-${commit.partitionIndex}`, {
            offset: commit.committedOffset,
            leaderEpoch: commit.committedLeaderEpoch,
            metadata: commit.committedMetadata,
          });
          return { partitionIndex: commit.partitionIndex, errorCode: 0 };
        }),
      })),
    }));
    cluster.on(OFFSET_FETCH, ({ topics, groups: [group] }) => {
      if (group === undefined) return { topics: this.#found(topics ?? []) };
      const found = this.#found(group.topics ?? []);
      return { groups: [{ groupId: group.groupId, topics: found, errorCode: 0 }] };
    });
  }

  #found(topics: readonly { name: string; partitionIndexes: readonly number[] }[]) {
    return topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => {
        const commit = this.committed.get(`${name}-${partitionIndex}`);
        return {
          partitionIndex,
          committedOffset: commit?.offset ?? -1n,
          committedLeaderEpoch: commit?.leaderEpoch ?? -1,
          metadata: commit?.metadata ?? "",
          errorCode: 0,
        };
      }),
    }));
  }
}

/** JoinGroup's answer with an error. */
export function refusedJoin(
  error: ErrorName,
  memberId = "",
): Draft<typeof JOIN_GROUP.response> {
  return {
    errorCode: code(error),
    protocolName: "",
    leader: "",
    memberId,
    members: [],
  };
}
