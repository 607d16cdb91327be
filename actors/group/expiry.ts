/**
 * Offsets that nobody needs any more: expired ones, and those of deleted topics.
 *
 * @module
 */
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Group } from "./group.ts";
import type { Ground } from "./ground.ts";
import type { TopicPartition } from "./messages.ts";
import type { Rebalance } from "./rebalance.ts";
import { type CommittedOffset, offsetTombstone } from "./records.ts";
import { CONSUMER_PROTOCOL_TYPE } from "./subscription.ts";

/** Removes what has expired: offsets, and empty groups that are left without any. */
export function expire(ground: Ground, rebalance: Rebalance): void {
  const nowMs = ground.environment.clock.now();
  const retentionMs = ground.config().int("offsets.retention.minutes") * 60_000;
  const { pending } = ground.groups;
  for (const group of [...ground.groups]) {
    const neededAtMs = expiryRule(group);
    const expired = group.offsets.select((topic) => (committed) => {
      const baseMs = neededAtMs(topic, committed);
      return baseMs !== null && nowMs >= (committed.expireTimestampMs ?? baseMs + retentionMs);
    });
    // An open transaction may have another offset for a partition: that one would go with the old one.
    removeOffsets(group, expired.filter((place) => !pending.has(group.id, place)), ground);
    const abandoned = group.stateName === "Empty" && group.invited.size === 0 &&
      group.offsets.isEmpty && !pending.hasGroup(group.id);
    if (abandoned && group.recorded) {
      rebalance.send(group, { type: "delete" }, { reason: "its offsets have expired" });
    }
  }
}

/**
 * Removes the offsets of topics that are no more, also where another topic has got the name since, and also those that wait
 * for the end of a transaction. (Kafka: `OffsetMetadataManager.onPartitionsDeleted`.)
 */
export function forgetDeletedTopics(ground: Ground): void {
  for (const group of [...ground.groups]) {
    const gone = ground.groups.select(group, (topic) => {
      const id = ground.topicId(topic);
      return ({ topicId }) => id === undefined || topicId !== id && topicId !== ZERO_UUID;
    });
    removeOffsets(group, gone, ground);
  }
}

/**
 * When an offset was needed last (KIP-211): in an empty group when it was left, in a group that never had members at the
 * commit, in a group of consumers only for topics that they no longer consume; null = it is needed now, whatever its client
 * said of when it expires. (Kafka: `ClassicGroup.offsetExpirationCondition`, `OffsetMetadataManager.cleanupExpiredOffsets`.)
 */
function expiryRule(group: Group): (topic: string, committed: CommittedOffset) => number | null {
  const committedMs = ({ commitTimestampMs }: CommittedOffset) => commitTimestampMs;
  if (group.protocolType === null) return (_topic, committed) => committedMs(committed);
  if (group.stateName === "Empty") {
    if (group.stateTimestampMs < 0) return (_topic, committed) => committedMs(committed);
    return () => group.stateTimestampMs;
  }
  const consumed = group.subscribedTopics();
  if (
    group.protocolType !== CONSUMER_PROTOCOL_TYPE || group.stateName !== "Stable" ||
    consumed === null
  ) {
    return () => null;
  }
  return (topic, committed) => consumed.has(topic) ? null : committedMs(committed);
}

function removeOffsets(
  group: Group,
  places: readonly TopicPartition[],
  { decisions }: Ground,
): void {
  decisions.appendAll(places.map((place): Decision => offsetTombstone(group.id, place)));
}
