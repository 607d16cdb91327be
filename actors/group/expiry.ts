/**
 * Offsets that nobody needs any more: expired ones, and those of deleted topics.
 *
 * @module
 */
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Group } from "./group.ts";
import type { Ground } from "./ground.ts";
import type { Rebalance } from "./rebalance.ts";
import { type CommittedOffset, offsetTombstone } from "./records.ts";
import { CONSUMER_PROTOCOL_TYPE } from "./subscription.ts";

/** Removes what has expired: offsets, and empty groups that are left without any. */
export function expire(ground: Ground, rebalance: Rebalance): void {
  const nowMs = ground.environment.clock.now();
  const retentionMs = ground.config().int("offsets.retention.minutes") * 60_000;
  for (const group of [...ground.groups]) {
    // A transaction that has not ended may still commit offsets for it.
    if (ground.groups.pending.hasGroup(group.id)) continue;
    const isOver = expiryRule(group, nowMs - retentionMs);
    removeOffsets(group, ground, (topic) => (committed) => {
      const { expireTimestampMs } = committed;
      return expireTimestampMs === null ? isOver(topic, committed) : nowMs >= expireTimestampMs;
    });
    const abandoned = group.stateName === "Empty" && group.invited.size === 0 &&
      group.offsets.isEmpty;
    if (abandoned && group.recorded) {
      rebalance.send(group, { type: "delete" }, { reason: "its offsets have expired" });
    }
  }
}

/** Removes the offsets of topics that are no more, also where another topic has got the name since. */
export function forgetDeletedTopics(ground: Ground): void {
  for (const group of [...ground.groups]) {
    removeOffsets(group, ground, (topic) => {
      const id = ground.topicId(topic);
      return ({ topicId }) => id === undefined || topicId !== id && topicId !== ZERO_UUID;
    });
  }
}

/**
 * Whether an offset that does not say itself when it expires has (KIP-211): in an empty group from when it was left, in a
 * group that never had members from the commit, in a group of consumers only for topics that they no longer consume.
 */
function expiryRule(
  group: Group,
  limitMs: number,
): (topic: string, committed: CommittedOffset) => boolean {
  const committedBefore = ({ commitTimestampMs }: CommittedOffset) => commitTimestampMs <= limitMs;
  if (group.protocolType === null) return (_topic, committed) => committedBefore(committed);
  if (group.stateName === "Empty") {
    if (group.stateTimestampMs < 0) return (_topic, committed) => committedBefore(committed);
    return () => group.stateTimestampMs <= limitMs;
  }
  const consumed = group.subscribedTopics();
  if (
    group.protocolType !== CONSUMER_PROTOCOL_TYPE || group.stateName !== "Stable" ||
    consumed === null
  ) {
    return () => false;
  }
  return (topic, committed) => !consumed.has(topic) && committedBefore(committed);
}

function removeOffsets(
  group: Group,
  { decisions }: Ground,
  goes: (topic: string) => (committed: CommittedOffset) => boolean,
): void {
  decisions.appendAll(
    group.offsets.select(goes).map((place): Decision => offsetTombstone(group.id, place)),
  );
}
