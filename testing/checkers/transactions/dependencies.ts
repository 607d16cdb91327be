/**
 * What transactions depend on each other, and whether they do in a circle (Adya's dependency graphs, as Jepsen applies
 * them to Kafka-like systems).
 *
 * @module
 */
import type { SeenRecord } from "../log_checker.ts";
import type { TransactionFacts } from "./history.ts";

/** Why one transaction comes before another. */
export interface Dependency {
  /** The one that comes first. */
  readonly from: string;
  /** The one that comes after it. */
  readonly to: string;
  /** wr: read what the first wrote; so: is its producer's next; ww: wrote behind it. */
  readonly kind: "wr" | "so" | "ww";
  /** For people. */
  readonly text: string;
}

/**
 * By reads, and by the order in which each producer ended its transactions. Both say that the first was committed before
 * the second was.
 */
export function* commitDependencies(
  shown: readonly TransactionFacts[],
): Generator<Dependency> {
  const writers = new Map(
    shown.flatMap(({ name, writes }) => writes.map(({ value }) => [value, name] as const)),
  );
  const previous = new Map<string, string>();
  for (const { name, producer, reads } of shown) {
    for (const { value, partition, offset } of reads) {
      const from = writers.get(value);
      if (from === undefined) continue;
      const text = `${name} read "${value}" in ${partition}@${offset}, which ${from} wrote`;
      yield { from, to: name, kind: "wr", text };
    }
    const before = previous.get(producer);
    if (before !== undefined) {
      yield {
        from: before,
        to: name,
        kind: "so",
        text: `${producer} began ${name} after ${before}`,
      };
    }
    previous.set(producer, name);
  }
}

/** By the order of writes in the log. Says nothing about the order of commits. */
export function* writeDependencies(
  shown: readonly TransactionFacts[],
  log: readonly SeenRecord[],
): Generator<Dependency> {
  const writers = new Map(
    shown.flatMap(({ name, writes }) => writes.map(({ value }) => [value, name] as const)),
  );
  const last = new Map<string, { readonly name: string; readonly offset: number }>();
  for (const { partition, offset, value } of log.toSorted((a, b) => a.offset - b.offset)) {
    const name = writers.get(value);
    if (name === undefined) continue;
    const before = last.get(partition);
    if (before && before.name !== name) {
      const text =
        `${name} wrote ${partition}@${offset} behind @${before.offset} of ${before.name}`;
      yield { from: before.name, to: name, kind: "ww", text };
    }
    last.set(partition, { name, offset });
  }
}

/** A shortest circle of each knot of transactions that depend on each other. */
export function cyclesIn(dependencies: Iterable<Dependency>): Dependency[][] {
  const next = Map.groupBy(dependencies, ({ from }) => from);
  return knotsIn(next).map((knot) => {
    const circles = [...knot].map((start) => shortestCircle(start, knot, next));
    return circles.reduce((best, circle) => circle.length < best.length ? circle : best);
  });
}

type Edges = ReadonlyMap<string, readonly Dependency[]>;

interface Visit {
  readonly node: string;
  readonly edges: readonly Dependency[];
  at: number;
}

/** Strongly connected components of more than one transaction, or of one that depends on itself (Tarjan). */
function knotsIn(next: Edges): ReadonlySet<string>[] {
  const knots: Set<string>[] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  for (const root of next.keys()) {
    if (order.has(root)) continue;
    const visits: Visit[] = [];
    const enter = (node: string) => {
      order.set(node, order.size);
      lowest.set(node, order.get(node)!);
      open.push(node);
      isOpen.add(node);
      visits.push({ node, edges: next.get(node) ?? [], at: 0 });
    };
    enter(root);
    while (visits.length > 0) {
      const visit = visits.at(-1)!;
      const { node, edges } = visit;
      if (visit.at < edges.length) {
        const { to } = edges[visit.at++];
        if (!order.has(to)) enter(to);
        else if (isOpen.has(to)) lowest.set(node, Math.min(lowest.get(node)!, order.get(to)!));
        continue;
      }
      visits.pop();
      const parent = visits.at(-1)?.node;
      if (parent !== undefined) {
        lowest.set(parent, Math.min(lowest.get(parent)!, lowest.get(node)!));
      }
      if (lowest.get(node) !== order.get(node)) continue;
      const knot = new Set(open.splice(open.lastIndexOf(node)));
      for (const each of knot) isOpen.delete(each);
      if (knot.size > 1 || edges.some(({ to }) => to === node)) knots.push(knot);
    }
  }
  return knots;
}

/** The way from a transaction back to itself. */
function shortestCircle(start: string, knot: ReadonlySet<string>, next: Edges): Dependency[] {
  const cameBy = new Map<string, Dependency>();
  const queue = [start];
  for (const node of queue) {
    for (const edge of next.get(node) ?? []) {
      if (!knot.has(edge.to) || cameBy.has(edge.to)) continue;
      cameBy.set(edge.to, edge);
      if (edge.to !== start) queue.push(edge.to);
    }
    if (cameBy.has(start)) break;
  }
  const circle: Dependency[] = [];
  for (let edge = cameBy.get(start)!;; edge = cameBy.get(edge.from)!) {
    circle.unshift(edge);
    if (edge.from === start) return circle;
  }
}
