/**
 * Bare members of a group, for load: one connection each, requests by hand.
 *
 * @module
 */
import { Admin } from "../../client/mod.ts";
import { encodeRequest } from "../../protocol/frames.ts";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import { joinGroupRequest, joinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import { heartbeatRequest } from "../../protocol/messages/12_heartbeat.ts";
import { syncGroupRequest, syncGroupResponse } from "../../protocol/messages/14_sync_group.ts";
import { WireClient } from "../../tests/server/support.ts";
import { environment } from "./wire.ts";

const JOIN_VERSION = 9;
const SYNC_VERSION = 5;
const HEARTBEAT_VERSION = 4;
const COMMIT_VERSION = 9;
const MEMBER_ID_REQUIRED = 79;
const PROTOCOL = "range";

/** A member of a group. */
export class BareMember implements Disposable {
  #memberId = "";
  #generation = -1;
  /** Other metadata each time: the leader's makes the group rebalance. */
  #round = 0;

  private constructor(private readonly wire: WireClient, private readonly groupId: string) {}

  static async dial(port: number, groupId: string): Promise<BareMember> {
    const stream = await environment.network.dial({ host: "127.0.0.1", port });
    return new BareMember(new WireClient(stream), groupId);
  }

  /** Joins, as often as it takes, and asks for the assignment: as the leader, brings everybody's. */
  async share(): Promise<void> {
    for (;;) {
      const answer = await this.wire.ask([joinGroupRequest, joinGroupResponse], JOIN_VERSION, {
        groupId: this.groupId,
        memberId: this.#memberId,
        sessionTimeoutMs: 45_000,
        rebalanceTimeoutMs: 60_000,
        protocolType: "consumer",
        protocols: [{ name: PROTOCOL, metadata: Uint8Array.of(0, 1, this.#round) }],
      });
      this.#memberId = answer.memberId;
      if (answer.errorCode === MEMBER_ID_REQUIRED) continue;
      if (answer.errorCode !== 0) throw new Error(`JoinGroup was answered ${answer.errorCode}`);
      this.#generation = answer.generationId;
      const { errorCode } = await this.wire.ask(
        [syncGroupRequest, syncGroupResponse],
        SYNC_VERSION,
        {
          groupId: this.groupId,
          generationId: answer.generationId,
          memberId: answer.memberId,
          protocolType: "consumer",
          protocolName: PROTOCOL,
          assignments: answer.members.map(({ memberId }) => ({
            memberId,
            assignment: new Uint8Array(100),
          })),
        },
      );
      if (errorCode === 0) {
        this.#round = (this.#round + 1) % 256;
        return;
      }
    }
  }

  /** A heartbeat as it goes over the wire. */
  heartbeatFrame(): readonly Uint8Array[] {
    return encodeRequest({
      schema: heartbeatRequest,
      version: HEARTBEAT_VERSION,
      correlationId: 1,
      clientId: "bench",
    }, { groupId: this.groupId, generationId: this.#generation, memberId: this.#memberId });
  }

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }
}

/** Commits for a group without members: one request at a time. */
export class Committer implements Disposable {
  #offset = 0n;

  private constructor(
    private readonly wire: WireClient,
    private readonly groupId: string,
    private readonly topic: string,
  ) {}

  static async dial(port: number, groupId: string, topic: string): Promise<Committer> {
    const stream = await environment.network.dial({ host: "127.0.0.1", port });
    return new Committer(new WireClient(stream), groupId, topic);
  }

  /** One offset more, of one partition. */
  async commit(partitionIndex = 0): Promise<void> {
    const { topics: [{ partitions: [{ errorCode }] }] } = await this.wire.ask(
      [offsetCommitRequest, offsetCommitResponse],
      COMMIT_VERSION,
      {
        groupId: this.groupId,
        generationIdOrMemberEpoch: -1,
        memberId: "",
        topics: [{
          name: this.topic,
          partitions: [{
            partitionIndex,
            committedOffset: this.#offset++,
            committedMetadata: "",
          }],
        }],
      },
    );
    if (errorCode !== 0) throw new Error(`OffsetCommit was answered ${errorCode}`);
  }

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }
}

/** Makes a topic, and one group, so that coordinators are there. */
export async function prepare(port: number, name: string, partitions: number): Promise<void> {
  await using admin = new Admin({ environment, bootstrapServers: `127.0.0.1:${port}` });
  await admin.createTopics([{ name, partitions }]);
  await admin.groups.offsets("warm");
}
