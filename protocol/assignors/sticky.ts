import type { Assignor } from "./assignor.ts";
import { assignStickily } from "./sticky/assign.ts";
import { Claims } from "./sticky/claims.ts";
import { decodeStickyUserData, encodeStickyUserData } from "./sticky/user_data.ts";

/**
 * Shares all partitions out as evenly as possible, and leaves as many as possible where they were. Members give everything
 * up before they join, and say in their user data what they had (KIP-54, KIP-341).
 * Source: `org.apache.kafka.clients.consumer.StickyAssignor`.
 */
export const stickyAssignor: Assignor = {
  name: "sticky",
  rebalanceProtocols: ["eager"],
  assign(members, topics) {
    const claims = new Claims(members, topics, ({ userData }) => decodeStickyUserData(userData));
    return assignStickily(members, topics, claims);
  },
  userData: (previous) => previous === null ? null : encodeStickyUserData(previous),
};
