/**
 * Whom the generations of a group were made of, as its coordinator's feed tells: what a checker needs to know to tell a
 * member that owns a partition from one that only believes so.
 *
 * A member's own word will not do. It may have been removed and not have heard of it; and the number of its generation may
 * come again, if the coordinator died before that generation had its assignment, with other members.
 *
 * @module
 */
import type { GroupHappening } from "../../mod.ts";

/** What the feed tells of one group. */
export type GroupStep = Pick<GroupHappening, "event" | "from" | "to" | "generation" | "member">;

/** A place in a group: who, and as of which generation. */
export interface Place {
  readonly memberId: string;
  readonly generation: number;
}

/** Ids of members end so: Kafka's `ClassicGroup.generateMemberId`. */
const UUID_LENGTH = "-00000000-0000-0000-0000-000000000000".length;

/** Whom the generations of one group were made of. */
export class GroupGenerations {
  /** By generation: the members that joined it. */
  readonly #joined = new Map<number, Set<string>>();
  #joining = new Set<string>();

  /** Takes in what happened next. */
  follow({ event, from, to, generation, member }: GroupStep): void {
    if (from !== "PreparingRebalance" && to === "PreparingRebalance") this.#joining = new Set();
    // A static member that is back without a rebalance takes the place in the generation that there is.
    const members = from === to && to === "Stable"
      ? this.#joined.get(generation) ?? new Set()
      : this.#joining;
    if (member !== null) {
      if (event === "replace") dropNamesakes(members, member);
      if (event === "add" || event === "rejoin" || event === "replace") members.add(member);
      if (event === "remove") members.delete(member);
    }
    if (from === to) return;
    if (to === "CompletingRebalance") this.#joined.set(generation, this.#joining);
    if (to === "Empty") this.#joined.set(generation, new Set());
  }

  /**
   * Whether a group went on without a member, between the generation of its place and another one.
   *
   * A generation goes on without everybody who has not joined it. Dynamic members are removed then. Static ones are not,
   * while their session lasts; but the leader only knows what they owned when they joined last, so what they were given
   * since is free to it. (Kafka: `GroupMetadataManager.completeClassicGroupJoin`, and KIP-792 for claims that are old.)
   * That is all that is special about static members: one that has joined has nothing taken away before it gives it up.
   */
  wentOnWithout({ memberId, generation }: Place, upTo: number): boolean {
    for (const [later, joined] of this.#joined) {
      if (later > generation && later <= upTo && !joined.has(memberId)) return true;
    }
    return this.#joined.get(generation)?.has(memberId) === false;
  }
}

/** A static member is back under another id: the one before is fenced (KIP-345). */
function dropNamesakes(members: Set<string>, memberId: string): void {
  const name = memberId.slice(0, -UUID_LENGTH);
  for (const other of [...members]) {
    if (other.slice(0, -UUID_LENGTH) === name) members.delete(other);
  }
}
