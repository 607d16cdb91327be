// Real time: real processes are killed, on a real disk.
/**
 * Reads a topic, makes something of it and writes that to another one, exactly once, while broker and workers are killed
 * again and again. Each kind of worker is a group of its own, with an output of its own, on the same broker.
 *
 * @module
 */
import { Admin, type ClientOptions, Consumer, Producer } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { Serving } from "../../cli/process.ts";
import { openTransactions, type OutputReport, partitionsOf, readOutput } from "./check.ts";
import { launcher, Worker, type WorkerKind } from "./workers.ts";

/** What a run is made of. */
export interface ExactlyOncePlan {
  readonly records: number;
  readonly kills: number;
  /** Workers of each kind. */
  readonly workers: Readonly<Partial<Record<WorkerKind, number>>>;
}

/** What was found. */
export interface ExactlyOnceReport {
  readonly seconds: number;
  /** Kills of each. */
  readonly kills: Readonly<Record<string, number>>;
  /** What workers died of by themselves, and how often. */
  readonly deaths: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<WorkerKind, OutputReport>;
  /** Partitions in which a transaction is left open. */
  readonly hanging: readonly string[];
}

const INPUT = "input";
const INPUT_PARTITIONS = 8;
const OUTPUT_PARTITIONS = 6;
const KEYS = 997;
/** Every third kill is one of the broker. */
const BROKER_EVERY = 3;
/** A kill comes so many milliseconds after work has gone on: up to. */
const LIFE_MS = 1200;
/** How long to wait for work to go on before the next kill comes anyway, and at the end before it is given up. */
const STANDSTILL_MS = 20_000;
const END_MS = 90_000;

const environment = denoEnvironment({ log: { write: () => {} } });

/** Runs the plan on a data folder of its own. `say` is told how it goes. */
export async function exactlyOnce(
  plan: ExactlyOncePlan,
  say: (line: string) => void = () => {},
): Promise<ExactlyOnceReport> {
  const startMs = performance.now();
  const data = await Deno.makeTempDir({ prefix: "odradek-eos-" });
  const broker = await KilledBroker.start(data);
  const options = { environment, bootstrapServers: broker.bootstrap };
  const workers: Worker[] = [];
  try {
    const kinds = (Object.keys(plan.workers) as WorkerKind[])
      .filter((kind) => plan.workers[kind]! > 0);
    await createTopics(options, kinds);
    const deaths = new Map<string, number>();
    for (const kind of kinds) {
      const launch = await launcher(kind);
      for (let i = 0; i < plan.workers[kind]!; i++) {
        const task = {
          bootstrap: broker.bootstrap,
          group: kind,
          transactionalId: `${kind}-${i}`,
          input: INPUT,
          output: outputOf(kind),
        };
        workers.push(
          new Worker(kind, launch, task, (stderr) => {
            const cause = `${kind}: ${causeIn(stderr)}`;
            deaths.set(cause, (deaths.get(cause) ?? 0) + 1);
          }),
        );
      }
    }
    const kills: Record<string, number> = {};
    await using progress = await Progress.watch(options, kinds);
    await using feed = new Feed(options, plan.records);
    for (let kill = 0; kill < plan.kills; kill++) {
      feed.release(Math.round(plan.records * (kill + 1) / (plan.kills + 1)));
      await progress.everywhere(STANDSTILL_MS);
      await realTime(Math.random() * LIFE_MS);
      const victim = kill % BROKER_EVERY === 0
        ? null
        : workers[Math.floor(Math.random() * workers.length)];
      if (victim === null) await broker.kill();
      else victim.kill();
      const name = victim?.kind ?? "broker";
      kills[name] = (kills[name] ?? 0) + 1;
      say(`kill ${kill + 1}: ${name}; committed: ${progress}`);
    }
    feed.release(plan.records);
    await feed.done;
    await progress.all(plan.records, END_MS);
    say(`committed: ${progress}`);
    await Promise.all(workers.map((worker) => worker.stop()));
    const hanging = await settled(() =>
      openTransactions(options, [...kinds.map(outputOf), "__consumer_offsets"])
    );
    const outputs = new Map<WorkerKind, OutputReport>();
    for (const kind of kinds) {
      outputs.set(kind, await readOutput(options, outputOf(kind), plan.records));
    }
    return { seconds: (performance.now() - startMs) / 1000, kills, deaths, outputs, hanging };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await broker[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
}

function outputOf(kind: WorkerKind): string {
  return `output-${kind}`;
}

async function createTopics(options: ClientOptions, kinds: readonly WorkerKind[]): Promise<void> {
  await using admin = new Admin(options);
  await admin.createTopics([
    { name: INPUT, partitions: INPUT_PARTITIONS },
    ...kinds.map((kind) => ({ name: outputOf(kind), partitions: OUTPUT_PARTITIONS })),
  ]);
}

/** A broker that comes back on the same port and folder after each kill. */
class KilledBroker implements AsyncDisposable {
  readonly bootstrap: string;
  readonly #args: readonly string[];
  #serving: Serving;

  private constructor(serving: Serving, args: readonly string[]) {
    this.#serving = serving;
    this.#args = args;
    this.bootstrap = `127.0.0.1:${serving.port}`;
  }

  static async start(data: string): Promise<KilledBroker> {
    const args = [
      ...["--data", data],
      ...["--set", "group.initial.rebalance.delay.ms=0"],
      ...["--set", "group.min.session.timeout.ms=1000"],
      ...["--set", "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000"],
    ];
    return new KilledBroker(await Serving.start("--listen", "127.0.0.1:0", ...args), args);
  }

  async kill(): Promise<void> {
    await this.#serving.stop("SIGKILL");
    this.#serving = await Serving.start("--listen", this.bootstrap, ...this.#args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving[Symbol.asyncDispose]();
  }
}

/** Writes the numbers from 0 on to the input, as far as it is allowed to. */
class Feed implements AsyncDisposable {
  readonly done: Promise<void>;
  readonly #producer: Producer;
  readonly #count: number;
  #released = 0;
  #isOver = false;

  constructor(options: ClientOptions, count: number) {
    this.#count = count;
    this.#producer = new Producer(options);
    this.done = this.#run();
    this.done.catch(() => {}); // whoever awaits it sees it
  }

  /** Lets it go on up to this number. */
  release(count: number): void {
    this.#released = count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#producer.close(0);
  }

  async #run(): Promise<void> {
    const sent: Promise<unknown>[] = [];
    for (let n = 0; n < this.#count && !this.#isOver;) {
      // In small portions, so that there is always something under way.
      const end = Math.min(n + 40, this.#released);
      for (; n < end; n++) {
        await this.#producer.ready;
        const record = this.#producer.send({ topic: INPUT, key: `key-${n % KEYS}`, value: `${n}` });
        record.catch(() => {}); // all of them are awaited below
        sent.push(record);
      }
      await realTime(10);
    }
    await Promise.all(sent);
  }
}

/** Counts what can be read of each output. */
class Progress implements AsyncDisposable {
  readonly #consumer: Consumer;
  readonly #counts: Map<string, number>;
  readonly #done: Promise<void>;

  private constructor(consumer: Consumer, topics: readonly string[]) {
    this.#consumer = consumer;
    this.#counts = new Map(topics.map((topic) => [topic, 0]));
    this.#done = this.#run();
  }

  static async watch(options: ClientOptions, kinds: readonly WorkerKind[]): Promise<Progress> {
    const topics = kinds.map(outputOf);
    const consumer = new Consumer({ ...options, isolationLevel: "read_committed" });
    consumer.assign(await partitionsOf(options, topics));
    consumer.seekToBeginning();
    return new Progress(consumer, topics);
  }

  /** Settles when something was committed everywhere from now on, or nothing will be for long. */
  async everywhere(timeoutMs: number): Promise<void> {
    const before = new Map(this.#counts);
    await settles(
      () => [...this.#counts].every(([topic, count]) => count > before.get(topic)!),
      timeoutMs,
    );
  }

  /** Settles when so much was committed everywhere, or nothing has been for long. */
  async all(count: number, timeoutMs: number): Promise<void> {
    for (let before = -1, now = this.#total; now > before; before = now, now = this.#total) {
      await settles(() => [...this.#counts.values()].every((found) => found >= count), timeoutMs);
      if ([...this.#counts.values()].every((found) => found >= count)) return;
    }
  }

  get #total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    return [...this.#counts].map(([topic, count]) => `${topic} ${count}`).join(", ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    for await (const { topic } of this.#consumer) {
      this.#counts.set(topic, this.#counts.get(topic)! + 1);
    }
  }
}

async function settles(isSo: () => boolean, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!isSo() && performance.now() < deadlineMs) await realTime(20);
}

/** What is left open after the longest time that a transaction may take. */
async function settled(look: () => Promise<string[]>): Promise<string[]> {
  let open = await look();
  for (let tries = 0; tries < 40 && open.length > 0; tries++) {
    await realTime(500);
    open = await look();
  }
  return open;
}

/** The broker under test is a process of its own: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The line of an error, without colours and stack. */
function causeIn(stderr: string): string {
  // deno-lint-ignore no-control-regex -- the colours of a terminal
  const plain = stderr.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const line = plain.split("\n").find((line) => /Error|Exception/.test(line)) ?? "said nothing";
  return line.slice(0, 300);
}
