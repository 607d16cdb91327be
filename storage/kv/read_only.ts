import type { Kv } from "./kv.ts";

/** A view of a store that refuses every commit. */
export function readOnly(kv: Kv): Kv {
  return {
    limits: kv.limits,
    get: (keys) => kv.get(keys),
    list: (range, options) => kv.list(range, options),
    commit: () =>
      Promise.resolve({ kind: "refused", error: new Error("The store is opened to be read only") }),
    close: () => kv.close(),
  };
}
