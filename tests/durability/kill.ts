// Real time: a real process is killed, on a real disk.
/**
 * Kills a real broker, again and again, while idempotent producers send; then looks whether every acknowledged record is
 * there once, at the offset that was told, and in order.
 *
 * @module
 */
import { Admin, Consumer, Producer, type TopicPartition } from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { Serving } from "../cli/process.ts";

/** What a run is made of. */
export interface KillPlan {
  readonly kills: number;
  /** Milliseconds between a start and the kill that ends it: from, to. */
  readonly lifeMs: readonly [number, number];
  readonly topics: number;
  readonly partitionsPerTopic: number;
  readonly producers: number;
  /** Records that one producer has under way at most. */
  readonly windowMax: number;
}

/** What was found. All lists of faults have to be empty. */
export interface KillReport {
  readonly acknowledged: number;
  readonly stored: number;
  /** Milliseconds from each start after a kill to the ready line. */
  readonly startsMs: readonly number[];
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly reordered: readonly string[];
}

const environment = denoEnvironment({ log: { write: () => {} } });

/** Runs the plan on a data folder of its own. */
export async function killRepeatedly(plan: KillPlan): Promise<KillReport> {
  const data = await Deno.makeTempDir({ prefix: "odradek-kill-" });
  let serving = await Serving.start("--listen", "127.0.0.1:0", "--data", data);
  const { port } = serving;
  const bootstrapServers = `127.0.0.1:${port}`;
  try {
    const topics = Array.from({ length: plan.topics }, (_, index) => `kill-${index}`);
    await createTopics(bootstrapServers, topics, plan.partitionsPerTopic);
    const partitions = topics.flatMap((topic) =>
      Array.from({ length: plan.partitionsPerTopic }, (_, partition) => ({ topic, partition }))
    );
    const load = new Load(bootstrapServers, partitions, plan);
    const startsMs: number[] = [];
    for (let kill = 0; kill < plan.kills; kill++) {
      const [fromMs, toMs] = plan.lifeMs;
      await realTime(fromMs + Math.random() * (toMs - fromMs));
      await serving.stop("SIGKILL");
      const startMs = performance.now();
      serving = await Serving.start("--listen", `127.0.0.1:${port}`, "--data", data);
      startsMs.push(performance.now() - startMs);
    }
    await load.finish();
    return { startsMs, ...check(load, await readAll(bootstrapServers, partitions)) };
  } finally {
    await serving[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
}

/** The broker under test is a process of its own: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function createTopics(
  bootstrapServers: string,
  names: readonly string[],
  partitions: number,
): Promise<void> {
  await using admin = new Admin({ environment, bootstrapServers });
  await admin.createTopics(names.map((name) => ({ name, partitions })));
}

/** Producers that send numbered records to every partition until they are told to finish. */
class Load {
  /** What was acknowledged: `partition name` → record → offset. */
  readonly acknowledged = new Map<string, Map<string, bigint>>();
  #finishing = false;
  readonly #running: Promise<void>[];

  constructor(bootstrapServers: string, partitions: readonly TopicPartition[], plan: KillPlan) {
    for (const partition of partitions) this.acknowledged.set(nameOf(partition), new Map());
    this.#running = Array.from(
      { length: plan.producers },
      (_, index) => this.#produce(`p${index}`, bootstrapServers, partitions, plan.windowMax),
    );
  }

  async finish(): Promise<void> {
    this.#finishing = true;
    await Promise.all(this.#running);
  }

  async #produce(
    name: string,
    bootstrapServers: string,
    partitions: readonly TopicPartition[],
    windowMax: number,
  ): Promise<void> {
    await using producer = new Producer({
      environment,
      bootstrapServers,
      lingerMs: 1,
      deliveryTimeoutMs: 120_000,
    });
    let open = 0;
    let wake = () => {};
    for (let n = 0; !this.#finishing; n++) {
      const target = partitions[n % partitions.length];
      const value = `${name}:${n}`;
      open++;
      producer.send({ ...target, value }).then(({ offset }) => {
        this.acknowledged.get(nameOf(target))!.set(value, offset);
        open--;
        wake();
      });
      while (open >= windowMax) await new Promise<void>((resolve) => wake = resolve);
    }
    await producer.flush();
  }
}

interface Stored {
  readonly partition: string;
  readonly offset: bigint;
  readonly value: string;
}

async function readAll(
  bootstrapServers: string,
  partitions: readonly TopicPartition[],
): Promise<Stored[]> {
  await using consumer = new Consumer({ environment, bootstrapServers, maxPollRecords: 10_000 });
  consumer.assign(partitions);
  consumer.seekToBeginning();
  const ends = await consumer.endOffsets(partitions);
  const decoder = new TextDecoder();
  const stored: Stored[] = [];
  let left = ends.reduce((sum, { offset }) => sum + Number(offset), 0);
  while (left > 0) {
    const records = await consumer.poll({ timeoutMs: 10_000 });
    if (records.length === 0) throw new Error(`${left} records below the end cannot be read`);
    for (const record of records) {
      stored.push({
        partition: nameOf(record),
        offset: record.offset,
        value: decoder.decode(record.value!),
      });
    }
    left -= records.length;
  }
  return stored;
}

function check(load: Load, stored: readonly Stored[]): Omit<KillReport, "startsMs"> {
  const lost: string[] = [];
  const duplicated: string[] = [];
  const reordered: string[] = [];
  const found = new Map<string, bigint>();
  const lastOf = new Map<string, number>();
  for (const { partition, offset, value } of stored) {
    const record = `${partition} ${value}`;
    if (found.has(record)) duplicated.push(`${record} at ${found.get(record)} and ${offset}`);
    found.set(record, offset);
    const [producer, n] = value.split(":");
    const last = lastOf.get(`${partition} ${producer}`) ?? -1;
    if (Number(n) <= last) reordered.push(`${record} behind ${last}`);
    lastOf.set(`${partition} ${producer}`, Number(n));
  }
  let acknowledged = 0;
  for (const [partition, offsets] of load.acknowledged) {
    for (const [value, offset] of offsets) {
      acknowledged++;
      const at = found.get(`${partition} ${value}`);
      if (at !== offset) {
        lost.push(`${partition} ${value}: told ${offset}, found at ${at ?? "nowhere"}`);
      }
    }
  }
  return { acknowledged, stored: stored.length, lost, duplicated, reordered };
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
