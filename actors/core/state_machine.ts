/**
 * xstate, as the machines of this project use it.
 *
 * Named in full, not through the import map: who imports `mod.ts` from a checkout has another one.
 *
 * @module
 */
// deno-lint-ignore no-import-prefix
export { assign, setup, type SnapshotFrom, transition } from "npm:xstate@5.33.3";
