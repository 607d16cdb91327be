/**
 * The items of a request, everything that is named once: how often a client repeats a few bytes must not decide how large
 * an answer becomes. (Kafka answers what is named twice twice; none of its clients asks so.)
 *
 * @param name what an item is about.
 * @param merge makes one item of those about the same thing; the first one alone if left out.
 */
export function namedOnce<Item>(
  items: readonly Item[],
  name: (item: Item) => string,
  merge: (same: readonly Item[]) => Item = ([first]) => first,
): Item[] {
  return Array.from(Map.groupBy(items, name).values(), merge);
}

/** Everything that some of the lists hold, once. */
export function union<T>(lists: readonly (readonly T[])[]): T[] {
  return [...new Set(lists.flat())];
}
