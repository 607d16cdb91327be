/**
 * The compat suites: tests against clients of other projects, `tests/compat/NAME_test.ts`.
 *
 * @module
 */
import { kafkaTools, kcat, type Tool } from "./compat_tools.ts";

/** A compat suite. */
export interface Suite {
  /** Of the file in `tests/compat/`, without `_test.ts`. */
  readonly name: string;
  /** What it needs beyond npm. */
  readonly needs: readonly Tool[];
}

/** Every compat suite: one for each test file. */
export const COMPAT_SUITES: readonly Suite[] = [
  { name: "kcat", needs: [kcat] },
  { name: "librdkafka", needs: [] },
  { name: "kafkajs", needs: [] },
  { name: "platformatic", needs: [] },
  { name: "java", needs: [kafkaTools] },
  { name: "matrix", needs: [kcat, kafkaTools] },
];
