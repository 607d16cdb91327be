import { Admin, type ClientOptions, Consumer, type TopicPartition } from "../../../client/mod.ts";
import { partitionKey } from "../../../client/topic_partition.ts";
import { ABORTED } from "./task.ts";

/** What is wrong with an output; all lists have to be empty. */
export interface OutputFaults {
  /** Numbers that nobody can read. */
  readonly missing: readonly string[];
  /** Numbers that are there twice. */
  readonly duplicated: readonly string[];
  /** Numbers behind a higher one of their key. */
  readonly reordered: readonly string[];
  /** Numbers of a transaction that was aborted. */
  readonly aborted: readonly string[];
}

/** What was found in an output. */
export interface OutputReport extends OutputFaults {
  /** Records that a reader of committed ones sees. */
  readonly committed: number;
  /** Records that are stored and that no reader of committed ones sees. */
  readonly hidden: number;
}

/** A record as the check sees it. */
export interface FoundRecord {
  readonly key: string;
  /** Its number in the input. */
  readonly value: string;
  /** Whether the worker meant to abort its transaction. */
  readonly isForNothing: boolean;
}

/** Compares what is read, partition by partition in order, with the numbers 0 to `count` - 1. */
export function faultsOf(
  partitions: readonly (readonly FoundRecord[])[],
  count: number,
): OutputFaults {
  const found = new Set<string>();
  const duplicated: string[] = [];
  const reordered: string[] = [];
  const aborted: string[] = [];
  for (const records of partitions) {
    const lastOf = new Map<string, number>();
    for (const { key, value, isForNothing } of records) {
      if (isForNothing) aborted.push(value);
      if (found.has(value)) duplicated.push(value);
      found.add(value);
      const last = lastOf.get(key) ?? -1;
      if (Number(value) < last) reordered.push(`${value} behind ${last}`);
      lastOf.set(key, Number(value));
    }
  }
  const missing: string[] = [];
  for (let n = 0; n < count; n++) if (!found.has(`${n}`)) missing.push(`${n}`);
  for (const value of found) {
    if (!(Number(value) < count)) duplicated.push(`${value}, which nobody wrote`);
  }
  return { missing, duplicated, reordered, aborted };
}

/** Reads an output from its beginning to its end, as one that wants committed records only and as one that wants all. */
export async function readOutput(
  options: ClientOptions,
  topic: string,
  count: number,
): Promise<OutputReport> {
  const committed = await readAll(options, topic, "read_committed");
  const all = await readAll(options, topic, "read_uncommitted");
  const seen = committed.flat().length;
  return { committed: seen, hidden: all.flat().length - seen, ...faultsOf(committed, count) };
}

/** Partitions in which a transaction is open: their last stable offset is not their end. */
export async function openTransactions(
  options: ClientOptions,
  topics: readonly string[],
): Promise<string[]> {
  const partitions = await partitionsOf(options, topics);
  await using stable = new Consumer({ ...options, isolationLevel: "read_committed" });
  await using all = new Consumer(options);
  const [lastStable, ends] = [
    await stable.endOffsets(partitions),
    await all.endOffsets(partitions),
  ];
  return ends.flatMap((end, i) =>
    end.offset === lastStable[i].offset
      ? []
      : [`${partitionKey(end)}: stable up to ${lastStable[i].offset} of ${end.offset}`]
  );
}

/** All partitions of topics. */
export async function partitionsOf(
  options: ClientOptions,
  topics: readonly string[],
): Promise<TopicPartition[]> {
  await using admin = new Admin(options);
  return (await admin.describeTopics([...topics])).flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition }))
  );
}

async function readAll(
  options: ClientOptions,
  topic: string,
  isolationLevel: "read_committed" | "read_uncommitted",
): Promise<FoundRecord[][]> {
  const partitions = await partitionsOf(options, [topic]);
  const found: FoundRecord[][] = partitions.map(() => []);
  const decoder = new TextDecoder();
  await using consumer = new Consumer({ ...options, isolationLevel, maxPollRecords: 10_000 });
  consumer.assign(partitions);
  consumer.seekToBeginning();
  const left = new Map((await consumer.endOffsets(partitions)).map((end) => [end.partition, end]));
  while (left.size > 0) {
    for (const { partition, key, value, headers } of await consumer.poll({ timeoutMs: 50 })) {
      found[partition].push({
        key: decoder.decode(key!),
        value: decoder.decode(value!),
        isForNothing: headers.some(({ key }) => key === ABORTED),
      });
    }
    for (const end of [...left.values()]) {
      if (await consumer.position(end) >= end.offset) left.delete(end.partition);
    }
  }
  return found;
}
