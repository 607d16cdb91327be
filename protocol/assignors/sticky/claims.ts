import type { GroupMember, PreviousAssignment, TopicLayout } from "../assignor.ts";

interface Claim {
  readonly generationId: number;
  /** null: several members claim it in the same generation. */
  readonly member: GroupMember | null;
}

/**
 * Who owned what before. Where members contradict each other, the newest generation is right: who was away while the group
 * went on still claims what it has lost (KIP-341). Two claims of the same generation cannot both be true, so neither counts.
 */
export class Claims {
  readonly #newest = new Map<string, Map<number, Claim>>();

  /** `previousOf` tells what a member says it owned. Partitions that do not exist are ignored. */
  constructor(
    members: readonly GroupMember[],
    topics: ReadonlyMap<string, TopicLayout>,
    previousOf: (member: GroupMember) => PreviousAssignment,
  ) {
    for (const member of members) {
      const { partitions: owned, generationId } = previousOf(member);
      for (const { topic, partitions } of owned) {
        const count = topics.get(topic)?.partitions ?? 0;
        for (const partition of new Set(partitions)) {
          if (partition >= 0 && partition < count) {
            this.#add(topic, partition, { member, generationId });
          }
        }
      }
    }
  }

  /** Who owned a partition; null when nobody did, or when nobody can tell. */
  ownerOf(topic: string, partition: number): GroupMember | null {
    return this.#newest.get(topic)?.get(partition)?.member ?? null;
  }

  /** Whether anybody says that they own a partition. */
  isClaimed(topic: string, partition: number): boolean {
    return this.#newest.get(topic)?.has(partition) ?? false;
  }

  #add(topic: string, partition: number, claim: Claim): void {
    let claims = this.#newest.get(topic);
    if (claims === undefined) this.#newest.set(topic, claims = new Map());
    const other = claims.get(partition);
    if (other === undefined || other.generationId < claim.generationId) {
      claims.set(partition, claim);
    } else if (other.generationId === claim.generationId && other.member !== claim.member) {
      claims.set(partition, { ...claim, member: null });
    }
  }
}
