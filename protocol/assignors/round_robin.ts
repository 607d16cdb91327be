import type { Assignor } from "./assignor.ts";
import { inServingOrder, subscribedTopics } from "./order.ts";
import { Shares } from "./shares.ts";

/**
 * Deals all partitions, topic by topic, to the members in turn; who does not subscribe to the topic is passed over.
 * Source: `org.apache.kafka.clients.consumer.RoundRobinAssignor`.
 */
export const roundRobinAssignor: Assignor = {
  name: "roundrobin",
  rebalanceProtocols: ["eager"],
  assign(members, topics) {
    const shares = new Shares(members);
    const circle = inServingOrder(members);
    const wanted = new Map(circle.map(({ memberId, topics }) => [memberId, new Set(topics)]));
    let turn = 0;
    for (const topic of subscribedTopics(members, topics).keys()) {
      for (let partition = 0; partition < topics.get(topic)!.partitions; partition++) {
        while (!wanted.get(circle[turn].memberId)!.has(topic)) turn = (turn + 1) % circle.length;
        shares.give(circle[turn].memberId, topic, partition);
        turn = (turn + 1) % circle.length;
      }
    }
    return shares.finish();
  },
  userData: () => null,
};
