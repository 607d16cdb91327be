import type { RebalanceEvent } from "./group_machine.ts";
import type { GroupStateName } from "./group_machine.ts";

/** Something that happened to a group. */
export interface GroupHappening {
  readonly group: string;
  readonly event: RebalanceEvent["type"];
  readonly from: GroupStateName;
  readonly to: GroupStateName;
  /** The generation after it. */
  readonly generation: number;
  /** Whom it concerns, if it is one member. */
  readonly member: string | null;
  /** Why, in words. */
  readonly reason: string;
  /** Wall clock. */
  readonly timeMs: number;
}
