import type { GroupMember } from "../assignor.ts";
import { isNear } from "../racks.ts";
import type { Piece } from "./problem.ts";

interface Holding {
  load: number;
  readonly byTopic: Map<string, Piece[]>;
}

/** Who holds which partitions while loads are levelled out. */
export class Holdings {
  readonly members: readonly GroupMember[];
  readonly #holdings: ReadonlyMap<GroupMember, Holding>;

  constructor(members: readonly GroupMember[]) {
    this.members = members;
    this.#holdings = new Map(members.map((member) => [member, { load: 0, byTopic: new Map() }]));
  }

  loadOf(member: GroupMember): number {
    return this.#holdings.get(member)!.load;
  }

  of(member: GroupMember): Piece[] {
    return [...this.#holdings.get(member)!.byTopic.values()].flat();
  }

  /** Of each topic that a member has partitions of, one of them. */
  *samplesOf(member: GroupMember): Generator<Piece> {
    for (const pieces of this.#holdings.get(member)!.byTopic.values()) {
      if (pieces.length > 0) yield pieces[0];
    }
  }

  add(piece: Piece, member: GroupMember): void {
    const holding = this.#holdings.get(member)!;
    holding.load++;
    const pieces = holding.byTopic.get(piece.topic);
    if (pieces === undefined) holding.byTopic.set(piece.topic, [piece]);
    else pieces.push(piece);
  }

  /** Moves the partition of a topic that is missed least by who gives and suits best who takes. */
  move(topic: string, giver: GroupMember, taker: GroupMember): void {
    const holding = this.#holdings.get(giver)!;
    const pieces = holding.byTopic.get(topic)!;
    let best = pieces.length - 1;
    for (let at = best - 1; at >= 0; at--) {
      if (gain(pieces[at], giver, taker) > gain(pieces[best], giver, taker)) best = at;
    }
    const [piece] = pieces.splice(best, 1);
    holding.load--;
    this.add(piece, taker);
  }
}

/** How good it is to move a piece: to bring it home counts most, then not to take it from home, then racks. */
function gain({ owner, racks }: Piece, giver: GroupMember, taker: GroupMember): number {
  const near = (member: GroupMember) => racks === null || isNear(member, racks) ? 1 : 0;
  return (owner === taker ? 8 : 0) - (owner === giver ? 4 : 0) + near(taker) - near(giver);
}
