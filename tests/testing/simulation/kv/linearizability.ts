/** One operation on a register, as its caller saw it. `returnedAt` is Infinity when it got no clear answer. */
export interface RegisterOperation {
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly action:
    /** Read this value. */
    | { readonly kind: "read"; readonly value: number | null }
    /** Replaced `from` by `to`. */
    | { readonly kind: "swapped"; readonly from: number | null; readonly to: number }
    /** Was told of a conflict: found another value, or has swapped and met its own repetition. */
    | { readonly kind: "conflicted"; readonly from: number | null; readonly to: number }
    /** Was told nothing: has swapped, will swap, or never does. */
    | { readonly kind: "unclear"; readonly from: number | null; readonly to: number };
}

/**
 * Whether all operations can be put in one order that respects real time and in which each sees what those before it
 * have done (Herlihy and Wing, 1990). Searches; meant for some dozens of operations.
 */
export function isLinearizable(operations: readonly RegisterOperation[]): boolean {
  const seen = new Set<string>();
  const search = (left: readonly RegisterOperation[], value: number | null): boolean => {
    if (left.every(({ action }) => action.kind === "unclear")) return true;
    const state = `${value}:${left.map((operation) => operations.indexOf(operation)).join()}`;
    if (seen.has(state)) return false;
    seen.add(state);
    const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt));
    return left.some((operation) =>
      operation.calledAt <= firstReturn &&
      valuesAfter(operation, value).some((next) =>
        search(left.filter((other) => other !== operation), next)
      )
    );
  };
  return search(operations, null);
}

/** The values that the register may have if `operation` happens while it has `value`; none if it cannot happen then. */
function valuesAfter({ action }: RegisterOperation, value: number | null): (number | null)[] {
  switch (action.kind) {
    case "read":
      return action.value === value ? [value] : [];
    case "swapped":
    case "unclear":
      return action.from === value ? [action.to] : [];
    case "conflicted":
      return action.from === value ? [action.to] : [value];
  }
}
