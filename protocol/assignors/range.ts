import type { Assignor, GroupMember } from "./assignor.ts";
import { subscribedTopics } from "./order.ts";
import { isNear, racksMatter, racksOf } from "./racks.ts";
import { TopicRanges } from "./topic_ranges.ts";
import { Shares } from "./shares.ts";

/**
 * Gives each member a range of every topic that it subscribes to, so that topics with the same number of partitions are
 * shared out alike and can be joined. Where racks matter, members first get what is near them, and topics that are
 * shared out alike stay so (KIP-881). Source: `org.apache.kafka.clients.consumer.RangeAssignor`.
 */
export const rangeAssignor: Assignor = {
  name: "range",
  rebalanceProtocols: ["eager"],
  assign(members, topics) {
    const shares = new Shares(members);
    const ranges = [...subscribedTopics(members, topics)].map(([topic, subscribers]) =>
      new TopicRanges(topic, topics.get(topic)!, subscribers, shares)
    );
    if (ranges.some(needsRacks)) {
      for (const alike of groupsAlike(ranges)) {
        if (alike.length > 1) giveJointly(alike);
        else if (needsRacks(alike[0])) giveNear(alike[0]);
      }
    }
    for (const range of ranges) giveRest(range);
    return shares.finish();
  },
  userData: () => null,
};

function needsRacks({ subscribers, layout }: TopicRanges): boolean {
  return racksMatter(subscribers, [layout]);
}

/** Topics with the same subscribers and as many partitions. */
function groupsAlike(ranges: readonly TopicRanges[]): Iterable<readonly TopicRanges[]> {
  return Map.groupBy(
    ranges,
    ({ layout, subscribers }) =>
      JSON.stringify([layout.partitions, ...subscribers.map(({ memberId }) => memberId)]),
  )
    .values();
}

function giveNear(range: TopicRanges): void {
  for (const member of range.subscribers) {
    range.give(member, (partition) => isNear(member, racksOf(range.layout, partition)));
  }
}

function giveRest(range: TopicRanges): void {
  for (const member of range.subscribers) range.give(member, () => true);
}

/** Gives partitions of the same number to the same member, to the first that has room and is near all of them. */
function giveJointly(ranges: readonly TopicRanges[]): void {
  const { subscribers, layout } = ranges[0];
  const open = new Set<GroupMember>(subscribers);
  for (let partition = 0; partition < layout.partitions && open.size > 0; partition++) {
    for (const member of open) {
      const fits = ranges.every((range) =>
        range.roomOf(member) > 0 && isNear(member, racksOf(range.layout, partition))
      );
      if (!fits) continue;
      for (const range of ranges) range.give(member, (other) => other === partition);
      if (ranges.every((range) => range.roomOf(member) === 0)) open.delete(member);
      break;
    }
  }
}
