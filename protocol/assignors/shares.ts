import type { GroupAssignment, GroupMember, TopicPartitions } from "./assignor.ts";
import { compareText } from "./order.ts";

/** What each member has been given so far. */
export class Shares {
  readonly #shares: ReadonlyMap<string, Map<string, number[]>>;

  constructor(members: readonly GroupMember[]) {
    this.#shares = new Map(members.map(({ memberId }) => [memberId, new Map()]));
  }

  give(memberId: string, topic: string, partition: number): void {
    const share = this.#shares.get(memberId)!;
    const partitions = share.get(topic);
    if (partitions === undefined) share.set(topic, [partition]);
    else partitions.push(partition);
  }

  /** The result, in order. */
  finish(): GroupAssignment {
    return new Map([...this.#shares].map(([memberId, share]) => [memberId, inOrder(share)]));
  }
}

function inOrder(share: ReadonlyMap<string, readonly number[]>): TopicPartitions[] {
  return [...share]
    .map(([topic, partitions]) => ({ topic, partitions: partitions.toSorted((a, b) => a - b) }))
    .sort((a, b) => compareText(a.topic, b.topic));
}
