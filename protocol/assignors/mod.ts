/**
 * Assignors: how the members of a classic consumer group share partitions out, and what they tell each other for it.
 *
 * @module
 */
export type {
  Assignor,
  GroupAssignment,
  GroupMember,
  PreviousAssignment,
  RebalanceProtocol,
  TopicLayout,
  TopicPartitions,
} from "./assignor.ts";
export { cooperativeStickyAssignor } from "./cooperative_sticky.ts";
export { rangeAssignor } from "./range.ts";
export { roundRobinAssignor } from "./round_robin.ts";
export { stickyAssignor } from "./sticky.ts";
export {
  CONSUMER_PROTOCOL_TYPE,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type MemberAssignment,
  type Subscription,
} from "./subscription.ts";
