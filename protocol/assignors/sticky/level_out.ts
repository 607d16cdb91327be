import type { GroupMember } from "../assignor.ts";
import type { Holdings } from "./holdings.ts";

/** How a search came to a member: by a partition of `topic` that `giver` could hand over. */
interface Step {
  readonly giver: GroupMember;
  readonly topic: string;
}

/** Where a search ended. */
type Search =
  | { readonly taker: GroupMember; readonly steps: ReadonlyMap<GroupMember, Step> }
  | { readonly taker: null; readonly reached: Iterable<GroupMember> };

/**
 * Moves partitions until loads are as even as subscriptions allow.
 *
 * A move that helps is a chain: one member hands a partition to a second, which hands another one to a third, and the
 * last one ends with at least two less than the first began with. Where there is no such chain, no other assignment has a
 * smaller sum of squared loads ("Semi-matchings for bipartite graphs and load balancing", Harvey et al., 2006).
 */
export function levelOut(holdings: Holdings): void {
  const open = new Set(holdings.members);
  while (open.size > 0) {
    const heaviest = mostLoaded(open, holdings);
    const search = lighterMember(heaviest, open, holdings);
    if (search.taker !== null) handOver(search.taker, heaviest, search.steps, holdings);
    // Whoever was reached reaches nobody else, and nobody there has two less than anybody: they are done for good.
    else for (const member of search.reached) open.delete(member);
  }
}

function mostLoaded(members: Iterable<GroupMember>, holdings: Holdings): GroupMember {
  let most: GroupMember | null = null;
  for (const member of members) {
    if (most === null || holdings.loadOf(member) > holdings.loadOf(most)) most = member;
  }
  return most!;
}

/** Looks along the shortest chains for a member with at least two less than `start`, for the least loaded one there. */
function lighterMember(
  start: GroupMember,
  open: ReadonlySet<GroupMember>,
  holdings: Holdings,
): Search {
  const enough = holdings.loadOf(start) - 2;
  const steps = new Map<GroupMember, Step>();
  const reached = new Set([start]);
  const topics = new Set<string>();
  for (let frontier = [start]; frontier.length > 0;) {
    const next: GroupMember[] = [];
    let taker: GroupMember | null = null;
    for (const giver of frontier) {
      for (const { topic, subscribers } of holdings.samplesOf(giver)) {
        if (topics.has(topic)) continue;
        topics.add(topic);
        for (const member of subscribers) {
          if (reached.has(member) || !open.has(member)) continue;
          reached.add(member);
          steps.set(member, { giver, topic });
          next.push(member);
          const load = holdings.loadOf(member);
          if (load <= enough && (taker === null || load < holdings.loadOf(taker))) taker = member;
        }
      }
    }
    if (taker !== null) return { taker, steps };
    frontier = next;
  }
  return { taker: null, reached };
}

/** Walks a chain from its end, so that each member gives before it takes the partition that makes room needed. */
function handOver(
  taker: GroupMember,
  start: GroupMember,
  steps: ReadonlyMap<GroupMember, Step>,
  holdings: Holdings,
): void {
  for (let member = taker; member !== start;) {
    const { giver, topic } = steps.get(member)!;
    holdings.move(topic, giver, member);
    member = giver;
  }
}
