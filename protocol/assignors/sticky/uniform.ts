import type { GroupMember } from "../assignor.ts";
import { isNear } from "../racks.ts";
import type { Piece } from "./problem.ts";

/** Gives a piece to a member. */
export type Give = (piece: Piece, member: GroupMember) => void;

/**
 * Shares pieces out among members that all subscribe to the same topics: everybody gets as many, some one more. As long as
 * their share lasts, members keep what they had; so no partition moves that does not have to. Where racks matter, keeping
 * comes second to being near.
 */
export function assignUniformly(
  pieces: readonly Piece[],
  members: readonly GroupMember[],
  give: Give,
): void {
  const quotas = new Quotas(pieces.length, members.length);
  const take = (piece: Piece, member: GroupMember | null | undefined) => {
    if (member === null || member === undefined || !quotas.take(member)) return false;
    give(piece, member);
    return true;
  };
  const isHome = ({ owner, racks }: Piece) =>
    owner !== null && (racks === null || isNear(owner, racks));

  let left = pieces.filter((piece) => !(isHome(piece) && take(piece, piece.owner)));
  left = left.filter((piece) => !take(piece, nearest(piece, members, quotas)));
  left = left.filter((piece) => !take(piece, piece.owner));
  dealOut(left, members, take);
}

/** Of the members near a piece that have room, who has least. */
function nearest(
  { racks }: Piece,
  members: readonly GroupMember[],
  quotas: Quotas,
): GroupMember | null {
  if (racks === null) return null;
  let best: GroupMember | null = null;
  for (const member of members) {
    if (!isNear(member, racks) || !quotas.hasRoom(member)) continue;
    if (best === null || quotas.loadOf(member) < quotas.loadOf(best)) best = member;
  }
  return best;
}

/** Deals pieces out in turn, passing over who is full. */
function dealOut(
  pieces: readonly Piece[],
  members: readonly GroupMember[],
  take: (piece: Piece, member: GroupMember) => boolean,
): void {
  let turn = 0;
  for (const piece of pieces) {
    while (!take(piece, members[turn])) turn = (turn + 1) % members.length;
    turn = (turn + 1) % members.length;
  }
}

/** How much each member may have: all the same, and as many as the division leaves over one more. */
class Quotas {
  readonly #quota: number;
  #extras: number;
  readonly #loads = new Map<GroupMember, number>();

  constructor(pieces: number, members: number) {
    this.#quota = Math.floor(pieces / members);
    this.#extras = pieces % members;
  }

  loadOf(member: GroupMember): number {
    return this.#loads.get(member) ?? 0;
  }

  hasRoom(member: GroupMember): boolean {
    return this.loadOf(member) < this.#quota + (this.#extras > 0 ? 1 : 0);
  }

  /** Takes one more, if there is room. */
  take(member: GroupMember): boolean {
    if (!this.hasRoom(member)) return false;
    const load = this.loadOf(member) + 1;
    if (load > this.#quota) this.#extras--;
    this.#loads.set(member, load);
    return true;
  }
}
