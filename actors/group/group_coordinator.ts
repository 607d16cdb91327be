/**
 * The group coordinator: the groups of one partition of `__consumer_offsets`.
 *
 * Its state is the replay of that partition. Kafka: `GroupCoordinatorShard`.
 *
 * @module
 */
import type { BrokerConfig } from "../../config/broker_config.ts";
import type { Environment } from "../../environment/environment.ts";
import { DecisionLog } from "../coordinator/decision_log.ts";
import { durableAnswers } from "../coordinator/durable_answers.ts";
import { Deadline } from "../core/deadline.ts";
import type { Feed } from "../core/feed.ts";
import type { ActorRef, Behavior, Self } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";
import { describe, listed } from "./describe.ts";
import { expire, forgetDeletedTopics } from "./expiry.ts";
import type { Group } from "./group.ts";
import type { GroupHappening } from "./group_feed.ts";
import { GroupTable } from "./group_table.ts";
import type { Ground } from "./ground.ts";
import { Joins } from "./join.ts";
import { leave } from "./leave.ts";
import type { GroupMessage } from "./messages.ts";
import { commitOffsets, deleteOffsets, fetchOffsets, unknownGroup } from "./offsets.ts";
import { Rebalance } from "./rebalance.ts";
import { Sessions } from "./sessions.ts";
import { sync } from "./sync.ts";
import { TransactionalOffsets } from "./transactional_offsets.ts";

/** What a group coordinator is made of. */
export interface GroupCoordinatorParts {
  readonly environment: Environment;
  /** The settings in force now. */
  readonly config: () => BrokerConfig;
  /** The partition of `__consumer_offsets` that is its log. Nobody else writes it. */
  readonly partition: ActorRef<PartitionMessage>;
  /** Bytes of decisions in one append. */
  readonly batchBytesMax: number;
  readonly feed: Feed<GroupHappening>;
  /** The id of the topic of this name, if there is one. */
  readonly topicId: (name: string) => string | undefined;
}

/** What a heartbeat is told is forgotten at once: it is not worth waiting for. */
const ANSWERED_AT_ONCE: ReadonlySet<GroupMessage["kind"]> = new Set(["heartbeat"]);

/** Loads a group coordinator from its log. */
export async function groupCoordinator(
  self: Self,
  parts: GroupCoordinatorParts,
): Promise<Behavior<GroupMessage>> {
  const { environment, config, partition, batchBytesMax, feed, topicId } = parts;
  const sessionOf = (group: Group, memberId: string): Deadline =>
    new Deadline(self, environment.clock, () => sessions.elapsed(group, memberId));
  const groups = new GroupTable(sessionOf);
  const log = await DecisionLog.load({
    self,
    partition,
    now: () => environment.clock.now(),
    log: environment.log,
    replay: (decision) => groups.replay(decision),
    batchBytesMax,
  }, {
    onBatch: (header, records) => groups.replayBatch(header, records),
    replayUsual: (record) => groups.replayUsual(record),
  });
  const ground: Ground = {
    self,
    environment,
    config,
    groups,
    feed,
    topicId,
    decisions: log,
  };
  const rebalance = new Rebalance(ground);
  const sessions = new Sessions(ground, rebalance, sessionOf);
  const joins = new Joins(ground, rebalance, sessions);
  const transactional = new TransactionalOffsets(ground);

  // The completions of this actor wait until it has started: nothing happens to a group before it is resumed.
  self.enqueue(() => {
    forgetDeletedTopics(ground);
    expireLater();
  });
  for (const group of groups) resume(group, ground, rebalance);

  function expireLater(): void {
    self.schedule(config().long("offsets.retention.check.interval.ms"), () => {
      expire(ground, rebalance);
      expireLater();
    });
  }

  return durableAnswers<GroupMessage>(log, {
    join: (request, call) => joins.join(request, call),
    sync: (request, call) => sync(request, call, ground, rebalance),
    heartbeat: (request) => sessions.heartbeat(request),
    leave: ({ groupId, members }) => leave(groupId, members, ground, { joins, rebalance }),
    commitOffsets: (commit) => commitOffsets(commit, ground),
    fetchOffsets: (fetch) => fetchOffsets(fetch, ground),
    deleteOffsets: ({ groupId, offsets }) => deleteOffsets(groupId, offsets, ground),
    describe({ groupId }) {
      const group = groups.get(groupId);
      return group ? describe(group) : null;
    },
    list: () => [...groups].map(listed),
    delete({ groupId }) {
      const group = groups.get(groupId);
      if (!group) throw unknownGroup(groupId);
      rebalance.send(group, { type: "delete" }, { reason: "the group is deleted" });
      joins.uninviteAll(group);
    },
    guardOffsets: ({ producerId, producerEpoch }) => transactional.guard(producerId, producerEpoch),
    commitOffsetsInTransaction: (commit) => transactional.commit(commit),
    endTransaction: (marker, call) => transactional.end(marker, call),
    forgetDeletedTopics: () => forgetDeletedTopics(ground),
  }, ANSWERED_AT_ONCE);
}

/** Takes a group up where its records end: its members are given a session's time to be heard of. */
function resume(group: Group, { config }: Ground, rebalance: Rebalance): void {
  group.resume();
  for (const member of group.members()) member.session.set(member.sessionTimeoutMs);
  if (group.size <= config().int("group.max.size")) return;
  // Members can commit what they have done before some of them have to go. (Kafka: `onClassicGroupStateLoad`.)
  rebalance.send(group, { type: "rebalance" }, {
    reason: "the group is larger than group.max.size",
  });
}
