import type { KafkaError } from "../../protocol/errors.ts";

/**
 * Throws what went wrong with some of several things: the error itself if it is one, else an AggregateError of all.
 *
 * @param doing e.g. `create topics`
 */
export function throwFailures(
  doing: string,
  failures: readonly KafkaError[],
  attempted: number,
): void {
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  const reasons = failures.map(({ message }) => message).join("; ");
  throw new AggregateError(
    failures,
    `Cannot ${doing}: ${failures.length} of ${attempted} failed: ${reasons}`,
  );
}
