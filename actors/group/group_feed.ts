import type { GroupStateName } from "./group_machine.ts";

/** What can happen to a group: the events of its machine, by name. */
export type GroupEvent =
  | "invite"
  | "uninvite"
  | "add"
  | "rejoin"
  | "replace"
  | "sync"
  | "remove"
  | "gathered"
  | "joinTimeout"
  | "syncTimeout"
  | "rebalance"
  | "delete";

/** Something that happened to a group. */
export interface GroupHappening {
  /** The group's id. */
  readonly group: string;
  /** What happened. */
  readonly event: GroupEvent;
  /** Its state before. */
  readonly from: GroupStateName;
  /** Its state after. */
  readonly to: GroupStateName;
  /** The generation after it. */
  readonly generation: number;
  /** Id of the member that it concerns, if it is one; else null. */
  readonly member: string | null;
  /** Why, in words. */
  readonly reason: string;
  /** When, by the wall clock, in ms. */
  readonly timeMs: number;
}
