import type { GroupMember } from "../assignor.ts";
import { isNear } from "../racks.ts";
import { Holdings } from "./holdings.ts";
import { levelOut } from "./level_out.ts";
import type { Piece } from "./problem.ts";
import type { Give } from "./uniform.ts";

/**
 * Shares pieces out among members that subscribe to different topics: members keep what they had, what nobody had goes to
 * who has least, and then loads are levelled out by moving as few partitions as possible. Racks only decide between what is
 * equal otherwise: bringing partitions near would undo what levelling out did, rebalance after rebalance.
 */
export function assignGenerally(
  pieces: readonly Piece[],
  members: readonly GroupMember[],
  give: Give,
): void {
  const holdings = new Holdings(members);
  const homeless: Piece[] = [];
  for (const piece of pieces) {
    if (piece.owner !== null) holdings.add(piece, piece.owner);
    else homeless.push(piece);
  }
  // Who is choosy is served first: few subscribers leave few ways to level out.
  homeless.sort((a, b) => a.subscribers.length - b.subscribers.length);
  for (const piece of homeless) holdings.add(piece, leastLoaded(piece, holdings));
  levelOut(holdings);
  for (const member of members) {
    for (const piece of holdings.of(member)) give(piece, member);
  }
}

/** Of the subscribers, who has least; of several, who is near. */
function leastLoaded({ subscribers, racks }: Piece, holdings: Holdings): GroupMember {
  const isBetter = (member: GroupMember, than: GroupMember) => {
    const difference = holdings.loadOf(member) - holdings.loadOf(than);
    if (difference !== 0 || racks === null) return difference < 0;
    return isNear(member, racks) && !isNear(than, racks);
  };
  return subscribers.reduce((best, member) => isBetter(member, best) ? member : best);
}
