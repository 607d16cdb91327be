// Real time: a real process is killed, on a real disk.
/**
 * Kills a real broker, again and again, while idempotent producers send and its cleaner works on small segments: retention
 * by bytes and by time, compaction, and both. Then looks whether everything acknowledged is there that has to be.
 *
 * @module
 */
import { Admin, Consumer, Producer } from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { Serving } from "../cli/process.ts";
import { type Faults, PartitionHistory, type StoredRecord } from "./kill_cleaning_history.ts";

/** What a run is made of. */
export interface KillCleaningPlan {
  readonly kills: number;
  /** Goes on killing until so many records were acknowledged, but no longer than three times `kills`. */
  readonly recordsMin: number;
  /** Milliseconds between a start and the kill that ends it: from, to. */
  readonly lifeMs: readonly [number, number];
  readonly producers: number;
  /** Records that one producer has under way at most, and that it sends in a second. */
  readonly windowMax: number;
  readonly perSecondMax: number;
}

/** What was found. All lists of faults have to be empty. */
export interface KillCleaningReport extends Faults {
  readonly kills: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** Kills that found the cleaner in the middle of writing segments anew. */
  readonly killsWhileCleaning: number;
  /** Segments that were written anew to the end. */
  readonly cleanedSegments: number;
  /** Offsets that retention has let go. */
  readonly retired: number;
  /** Records of compacted topics that are gone. */
  readonly compactedAway: number;
  /** What the broker complained of, and what `check` found. */
  readonly complaints: readonly string[];
}

interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

const SMALL = { "segment.bytes": "1048576", "segment.ms": "300" };
const COMPACT = { "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "400" };
const TOPICS: readonly Topic[] = [
  { name: "by-bytes", partitions: 2, configs: { ...SMALL, "retention.bytes": "400000" } },
  { name: "by-time", partitions: 2, configs: { ...SMALL, "retention.ms": "1500" } },
  {
    name: "compacted",
    partitions: 2,
    configs: { ...SMALL, ...COMPACT, "cleanup.policy": "compact" },
  },
  {
    name: "both",
    partitions: 2,
    configs: { ...SMALL, ...COMPACT, "cleanup.policy": "compact,delete", "retention.ms": "3000" },
  },
];
/** The cleaner looks all the time. */
const EAGER = ["log.cleaner.backoff.ms=30", "log.retention.check.interval.ms=30"];
/** Nothing moves while the records are looked for. */
const STILL = ["log.cleaner.backoff.ms=86400000", "log.retention.check.interval.ms=86400000"];

/** Records of a life before its kill, but for a share of the lives. */
const LIFE_RECORDS_MIN = 500;
const BARREN_SHARE = 0.1;
/** Records that a producer sends in one go. */
const BURST = 50;
const KEYS = 300;
const TOMBSTONE_EVERY = 9;
const VALUE_BYTES_MAX = 600;

const environment = denoEnvironment({ log: { write: () => {} } });

/** Runs the plan on a data folder of its own. */
export async function killWhileCleaning(plan: KillCleaningPlan): Promise<KillCleaningReport> {
  const data = await Deno.makeTempDir({ prefix: "odradek-kill-cleaning-" });
  const lives = new Lives(data);
  try {
    const port = await lives.begin(EAGER);
    const bootstrapServers = `127.0.0.1:${port}`;
    await createTopics(bootstrapServers);
    const load = new Load(bootstrapServers, plan);
    let kills = 0;
    const isEnough = () =>
      kills >= plan.kills && (load.acknowledged >= plan.recordsMin || kills >= 3 * plan.kills);
    while (!isEnough() && !load.failed) {
      const [fromMs, toMs] = plan.lifeMs;
      const enough = Math.random() < BARREN_SHARE ? 0 : load.acknowledged + LIFE_RECORDS_MIN;
      await realTime(fromMs + Math.random() * (toMs - fromMs));
      // On a busy machine a life may be over before a producer has found the broker again: that would say little.
      while (load.acknowledged < enough && !load.failed) await realTime(20);
      await lives.end("SIGKILL");
      kills++;
      await lives.begin(EAGER);
    }
    await load.finish();
    await lives.end("SIGTERM");
    await lives.begin(STILL);
    const { faults, stored, retired, compactedAway } = await check(bootstrapServers, load);
    await lives.end("SIGTERM");
    const { killsWhileCleaning, cleanedSegments } = lives;
    return {
      ...{ kills, acknowledged: load.acknowledged, stored, retired, compactedAway },
      ...{ killsWhileCleaning, cleanedSegments, ...faults },
      complaints: [...lives.complaints, ...await lives.damage()],
    };
  } finally {
    await lives[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
}

/** The broker under test is a process of its own: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The lives of a broker, one after the other, on one folder and port; and what each told when it was over. */
class Lives implements AsyncDisposable {
  #serving: Serving | null = null;
  #port = 0;
  killsWhileCleaning = 0;
  cleanedSegments = 0;
  readonly complaints: string[] = [];

  constructor(private readonly data: string) {}

  async begin(settings: readonly string[]): Promise<number> {
    this.#serving = await Serving.start(
      ...["--listen", `127.0.0.1:${this.#port}`, "--data", this.data, "--log-level", "debug"],
      ...settings.flatMap((setting) => ["--set", setting]),
    );
    return this.#port = this.#serving.port;
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { code, stderr } = await this.#serving!.stop(signal);
    if (signal === "SIGTERM" && code !== 0) this.complaints.push(`serve ended with ${code}`);
    const open = new Set<string>();
    for (const line of stderr.split("\n")) {
      const [, shard, what, segments] = CLEANING.exec(line) ?? [];
      if (what === "cleaning begins") open.add(shard);
      if (what === "cleaned") {
        open.delete(shard);
        this.cleanedSegments += Number(segments);
      }
      if (/ (WARN|ERROR) /.test(line)) this.complaints.push(line);
    }
    if (signal === "SIGKILL" && open.size > 0) this.killsWhileCleaning++;
  }

  /** What the command line's `check` finds in the folder. */
  async damage(): Promise<string[]> {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--unstable-kv", "-A", "cli/main.ts", "check", "--data", this.data],
      cwd: new URL("../../", import.meta.url),
    }).output();
    return success ? [] : new TextDecoder().decode(stdout).split("\n");
  }

  /** Kills the one that may be alive. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving?.[Symbol.asyncDispose]();
  }
}

const CLEANING = /(shard \d+): (cleaning begins|cleaned) segments=(\d+)/;

async function createTopics(bootstrapServers: string): Promise<void> {
  await using admin = new Admin({ environment, bootstrapServers });
  await admin.createTopics(TOPICS);
}

/** Producers that send numbered records to every partition until they are told to finish. */
class Load {
  readonly histories = new Map<string, PartitionHistory>();
  readonly #partitions = TOPICS.flatMap(({ name: topic, partitions, configs }) =>
    Array.from({ length: partitions }, (_, partition) => ({
      ...{ topic, partition },
      compacted: configs["cleanup.policy"]?.includes("compact") ?? false,
    }))
  );
  acknowledged = 0;
  /** A record was given up: the run is over. */
  failed = false;
  #finishing = false;
  readonly #running: readonly Promise<void>[];

  constructor(bootstrapServers: string, plan: KillCleaningPlan) {
    for (const { topic, partition, compacted } of this.#partitions) {
      const name = `${topic}-${partition}`;
      this.histories.set(name, new PartitionHistory(name, compacted));
    }
    this.#running = Array.from(
      { length: plan.producers },
      (_, index) => this.#produce(index, bootstrapServers, plan),
    );
    for (const running of this.#running) running.catch(() => {}); // whoever finishes is told
  }

  /** Settles when everything that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.#finishing = true;
    await Promise.all(this.#running);
  }

  async #produce(
    index: number,
    bootstrapServers: string,
    { windowMax, perSecondMax }: KillCleaningPlan,
  ): Promise<void> {
    await using producer = new Producer({
      environment,
      bootstrapServers,
      lingerMs: 1,
      deliveryTimeoutMs: 300_000,
    });
    const failures: unknown[] = [];
    let open = 0;
    let wake = () => {};
    for (let n = 0; !this.#finishing && failures.length === 0; n++) {
      const { topic, partition, compacted } = this.#partitions[n % this.#partitions.length];
      const key = compacted ? `p${index}/${Math.floor(Math.random() * KEYS)}` : null;
      const tombstone = compacted &&
        Math.floor(n / this.#partitions.length) % TOMBSTONE_EVERY === 0;
      const value = tombstone ? null : valueOf(n);
      const headers = [{ key: "sent", value: `${index}:${n}` }];
      open++;
      producer.send({ topic, partition, key, value, headers }).then(({ offset }) => {
        const history = this.histories.get(`${topic}-${partition}`)!;
        history.acknowledge({ producer: index, n, key, tombstone }, Number(offset));
        this.acknowledged++;
      }, (error) => {
        failures.push(error);
        this.failed = true;
      }).finally(() => {
        open--;
        wake();
      });
      while (open >= windowMax) await new Promise<void>((resolve) => wake = resolve);
      // On a fast machine more would come between two kills than the cleaner gets done with: it would begin anew for ever.
      if (n % BURST === 0) await realTime(BURST * 1_000 / perSecondMax);
    }
    await producer.flush();
    if (failures.length > 0) throw failures[0];
  }
}

function valueOf(n: number): string {
  return "v".repeat(n * 7919 % VALUE_BYTES_MAX);
}

async function check(bootstrapServers: string, { histories }: Load) {
  const faults: Faults = { lost: [], duplicated: [], reordered: [], wrong: [] };
  let [stored, retired, compactedAway] = [0, 0, 0];
  for (const [name, history] of histories) {
    const [topic, partition] = [name.replace(/-\d+$/, ""), Number(name.split("-").at(-1))];
    const { start, end, records } = await readAll(bootstrapServers, topic, partition);
    stored += records.length;
    retired += start;
    if (history.compacted) compactedAway += end - start - records.length;
    if (end !== history.acknowledged) {
      faults.wrong.push(`${name} ends at ${end}, ${history.acknowledged} were acknowledged`);
    }
    const found = history.check(start, records);
    for (const kind of ["lost", "duplicated", "reordered", "wrong"] as const) {
      faults[kind].push(...found[kind]);
    }
  }
  return { faults, stored, retired, compactedAway };
}

async function readAll(bootstrapServers: string, topic: string, partition: number) {
  await using consumer = new Consumer({ environment, bootstrapServers, maxPollRecords: 10_000 });
  const id = { topic, partition };
  consumer.assign([id]);
  consumer.seekToBeginning();
  const [{ offset: start }] = await consumer.beginningOffsets([id]);
  const [{ offset: end }] = await consumer.endOffsets([id]);
  const decoder = new TextDecoder();
  const records: StoredRecord[] = [];
  for (let idle = 0; await consumer.position(id) < end;) {
    const polled = await consumer.poll({ timeoutMs: 1_000 });
    idle = polled.length === 0 ? idle + 1 : 0;
    if (idle > 20) throw new Error(`${topic}-${partition} cannot be read to its end at ${end}`);
    for (const { offset, key, value, headers } of polled) {
      const [producer, n] = decoder.decode(headers[0].value!).split(":").map(Number);
      const wanted = value && valueOf(n);
      const isWhole = value === null || decoder.decode(value) === wanted;
      records.push({
        offset: Number(offset),
        producer,
        n: isWhole ? n : -1,
        key: key && decoder.decode(key),
        tombstone: value === null,
      });
    }
  }
  return { start: Number(start), end: Number(end), records };
}
