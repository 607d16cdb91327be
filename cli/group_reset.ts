/**
 * Where `group reset` takes a group.
 *
 * @module
 */
import type { Admin, CommittedOffset, OffsetSpec, TopicPartition } from "../client/mod.ts";
import { UsageError } from "./usage_error.ts";

/** A place in each log, an offset, or so many records on or back from where the group is. */
export type Goal =
  | { readonly at: OffsetSpec }
  | { readonly offset: bigint }
  | { readonly shift: bigint };

/** An offset that a group is to go on from. */
export interface Target extends TopicPartition {
  readonly offset: bigint;
}

/**
 * What `--to` says.
 *
 * @throws UsageError when that is nothing of the kind.
 */
export function parseGoal(text: string): Goal {
  if (text === "earliest" || text === "latest") return { at: text };
  if (/^[+-]\d{1,15}$/.test(text)) return { shift: BigInt(text) };
  if (/^\d{1,15}$/.test(text)) return { offset: BigInt(text) };
  const timestampMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (timestampMs >= 0) return { at: { timestampMs } };
  throw new UsageError(
    `--to: "${text}" is neither earliest, latest, an offset, a time in ISO 8601, nor +n or -n`,
  );
}

/** The offsets to go to, none beyond what the logs hold. A time after the last record is the end. */
export async function targetOffsets(
  admin: Admin,
  partitions: readonly TopicPartition[],
  committed: readonly CommittedOffset[],
  goal: Goal,
): Promise<Target[]> {
  const asked = (at: OffsetSpec) =>
    admin.listOffsets(partitions.map(({ topic, partition }) => ({ topic, partition, at })));
  const [starts, ends] = await Promise.all([asked("earliest"), asked("latest")]);
  const found = "at" in goal ? await asked(goal.at) : [];
  return partitions.map(({ topic, partition }, index) => {
    const start = starts[index].offset;
    const end = ends[index].offset;
    const now = committed.find((one) => one.topic === topic && one.partition === partition);
    const wanted = "offset" in goal
      ? goal.offset
      : "shift" in goal
      ? (now?.offset ?? start) + goal.shift
      : found[index].offset < 0n
      ? end
      : found[index].offset;
    return { topic, partition, offset: wanted < start ? start : wanted > end ? end : wanted };
  });
}
