import type { GroupMember, TopicLayout } from "./assignor.ts";
import type { Shares } from "./shares.ts";

/** The ranges of one topic while they are given out: as many partitions for everybody, the first ones one more. */
export class TopicRanges {
  readonly topic: string;
  readonly layout: TopicLayout;
  /** In serving order; at least one. */
  readonly subscribers: readonly GroupMember[];
  readonly #shares: Shares;
  readonly #given = new Map<GroupMember, number>();
  /** What everybody gets. */
  readonly #quota: number;
  /** How many may still get one more. */
  #extras: number;
  #unassigned: readonly number[];

  constructor(
    topic: string,
    layout: TopicLayout,
    subscribers: readonly GroupMember[],
    shares: Shares,
  ) {
    this.topic = topic;
    this.layout = layout;
    this.subscribers = subscribers;
    this.#shares = shares;
    this.#quota = Math.floor(layout.partitions / subscribers.length);
    this.#extras = layout.partitions % subscribers.length;
    this.#unassigned = Array.from({ length: layout.partitions }, (_, partition) => partition);
  }

  /** How many partitions a member may get still. */
  roomOf(member: GroupMember): number {
    const quota = this.#quota + (this.#extras > 0 ? 1 : 0);
    return Math.max(0, quota - (this.#given.get(member) ?? 0));
  }

  /** Gives a member the first partitions nobody has that are `suitable`, as many as it has room for. */
  give(member: GroupMember, suitable: (partition: number) => boolean): void {
    const taken = new Set<number>();
    const room = this.roomOf(member);
    for (const partition of this.#unassigned) {
      if (taken.size === room) break;
      if (suitable(partition)) taken.add(partition);
    }
    if (taken.size === 0) return;
    const given = (this.#given.get(member) ?? 0) + taken.size;
    if (given > this.#quota) this.#extras--;
    this.#given.set(member, given);
    this.#unassigned = this.#unassigned.filter((partition) => !taken.has(partition));
    for (const partition of taken) this.#shares.give(member.memberId, this.topic, partition);
  }
}
