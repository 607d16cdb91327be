/**
 * The scenario of the cleaner: topics of every cleanup policy on the real broker, written to, cut off, reconfigured and deleted,
 * while the broker is killed at every step of its cleaner and its store fails now and then. Readers go through everything
 * again and again, and compare it with what they must find.
 *
 * @module
 */
import {
  AbortableTransactionError,
  Admin,
  Consumer,
  type ConsumerRecord,
  FatalTransactionError,
  KafkaError,
  Producer,
  type TopicPartition,
} from "../../../client/mod.ts";
import { sleep } from "../../../environment/sleep.ts";
import {
  QUIET_KV,
  type Random,
  ROUGH_KV,
  simulate,
  type SimulatedProcess,
  type Simulation,
  type Violation,
} from "../../../testing/mod.ts";
import { type Outcome, replayCommand, type Scenario } from "../scenario.ts";
import {
  type CleaningRules,
  type FoundKey,
  KeyHistory,
  type ReadPartition,
  type SentKey,
} from "./key_history.ts";
import { Assassin, CLEANER_STEPS } from "./steps.ts";

const PARTITIONS = 2;
const PRODUCERS = 3;
const KEYS = 4;
/** Records that each producer sends. */
const RECORDS = 120;
const PAUSE_MEAN_MS = 120;
/** Transactions of one more producer, their records at most, and how often one is aborted. */
const TRANSACTIONS = 30;
const TRANSACTION_RECORDS = 4;
const ABORT_CHANCE = 0.4;
const TOMBSTONE_CHANCE = 0.15;
/** How often a record is too large for one commit of the store. */
const LARGE_CHANCE = 1 / 200;
const LARGE_BYTES = 850_000;
const SHORT_MS = 4_000;
const HOUR_MS = 3_600_000;

/** A topic, what it is made with, what of it is changed later, and what holds at least. */
interface CleanedTopic {
  readonly configs: Readonly<Record<string, string>>;
  readonly changes: Readonly<Record<string, readonly string[]>>;
  readonly rules: CleaningRules;
  readonly isCut: boolean;
}

const COMPACTED = {
  "min.cleanable.dirty.ratio": ["0", "0.3", "0.9"],
  "min.compaction.lag.ms": ["0", "3000"],
  "max.compaction.lag.ms": [`${HOUR_MS}`, "5000"],
};
const TOPICS: Readonly<Record<string, CleanedTopic>> = {
  compacted: {
    configs: { "cleanup.policy": "compact", "delete.retention.ms": `${HOUR_MS}` },
    changes: COMPACTED,
    rules: { compacted: true, retentionMs: null, tombstonesGo: false },
    isCut: false,
  },
  forgetful: {
    configs: { "cleanup.policy": "compact", "delete.retention.ms": "1000" },
    changes: { ...COMPACTED, "delete.retention.ms": ["0", "1000", "5000"] },
    rules: { compacted: true, retentionMs: null, tombstonesGo: true },
    isCut: false,
  },
  both: {
    configs: { "cleanup.policy": "compact,delete", "retention.ms": `${HOUR_MS}` },
    changes: { ...COMPACTED, "retention.ms": [`${4 * SHORT_MS}`, `${HOUR_MS}`] },
    rules: { compacted: true, retentionMs: 4 * SHORT_MS, tombstonesGo: false },
    isCut: true,
  },
  rolling: {
    configs: { "cleanup.policy": "delete", "retention.ms": `${HOUR_MS}` },
    changes: { "retention.ms": [`${SHORT_MS}`, `${HOUR_MS}`] },
    rules: { compacted: false, retentionMs: SHORT_MS, tombstonesGo: false },
    isCut: true,
  },
};
/** So that every segment is soon closed. */
const EVERY_TOPIC = { "segment.ms": "1500" };
/** What compacted topics have in the end: everything is to be compacted. */
const AT_LAST = {
  "min.cleanable.dirty.ratio": "0",
  "min.compaction.lag.ms": "0",
  "retention.ms": `${HOUR_MS}`,
};
/** A topic that is made, filled and deleted again and again. */
const DOOMED = "doomed";

/** Every policy, kills at every step. */
export const cleaner: Scenario = {
  description:
    "Compaction, retention and deletion of 5 topics, with kills at each step of the cleaner",
  faultKinds: CLEANER_STEPS.map((step) => `killed at: ${step}`),
  async run(seed): Promise<Outcome> {
    await using simulation = simulate({
      seed,
      broker: {
        config: {
          "auto.create.topics.enable": "false",
          "transaction.state.log.num.partitions": "1",
          "log.cleaner.backoff.ms": "400",
          "log.retention.check.interval.ms": "1000",
          // Memory for 12 keys, or for all of them.
          "log.cleaner.dedupe.buffer.size": seed % 2 === 0 ? "400" : "134217728",
          "odradek.cache.bytes": "200000",
        },
      },
      replay: replayCommand("cleaner", seed),
    });
    const scene = new Scene(simulation);
    await scene.begin();
    const assassin = new Assassin(simulation, 700);
    scene.unleash();
    await simulation.until(() => scene.done, { within: "30m" });
    const { timeline } = simulation;
    assassin.end();
    simulation.kv.faults = QUIET_KV;
    await simulation.advance("5s");
    await scene.settle();
    for (const violation of scene.violations) {
      simulation.history.record("violation", { ...violation });
    }
    return {
      hash: simulation.hash,
      violations: [...scene.violations, ...await simulation.kv.audit()],
      acknowledged: scene.history.acknowledged,
      faults: simulation.faults.all(),
      virtualMs: simulation.nowMs,
      timeline,
    };
  },
};

const decoder = new TextDecoder();

/** A record, before it is sent. */
interface Sent extends TopicPartition {
  readonly key: string;
  readonly id: string;
  readonly value: Uint8Array | null;
}

/** A record on its way. */
interface Sending {
  readonly record: SentKey;
  /** Its offset; null = it failed. */
  readonly stored: Promise<number | null>;
}

function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

class Scene {
  readonly violations: Violation[] = [];
  readonly history = new KeyHistory((partition) => TOPICS[partition.replace(/-\d+$/, "")].rules);
  /** Who has not finished. */
  readonly #working = new Set<string>();

  constructor(private readonly simulation: Simulation) {}

  get done(): boolean {
    return this.#working.size === 0;
  }

  /** Makes the topics. */
  begin(): Promise<void> {
    return this.simulation.run(async () => {
      await using admin = new Admin(this.simulation.client("beginner"));
      await admin.createTopics(
        Object.entries(TOPICS).map(([name, { configs }]) => ({
          name,
          partitions: PARTITIONS,
          configs: { ...EVERY_TOPIC, ...configs },
        })),
      );
    });
  }

  unleash(): void {
    this.simulation.kv.faults = ROUGH_KV;
    for (let number = 0; number < PRODUCERS; number++) {
      this.#start(`producer-${number}`, (process) => this.#produce(process));
    }
    this.#start("producer-of-transactions", (process) => this.#transact(process));
    this.#start("changer", (process) => this.#change(process));
    this.#start("remover", (process) => this.#remove(process));
    this.#start("reader", (process) => this.#readAgain(process));
  }

  /** Lets the cleaner come to its end, and looks at everything once more. */
  async settle(): Promise<void> {
    const { simulation } = this;
    await simulation.run(async () => {
      const process = simulation.process("finisher");
      await using admin = new Admin(this.#client(process));
      for (const name of Object.keys(TOPICS)) {
        const changes = Object.entries(AT_LAST).map(([name, value]) => ({ name, value }));
        await admin.alterConfigs({ type: "topic", name }, changes);
      }
      // The last record of a log stays out of it: one that is all by itself.
      await using producer = new Producer(this.#client(process));
      for (const partition of this.#partitions()) {
        const id = partitionKey(partition);
        await this.#sendAlone(producer, {
          ...partition,
          key: "last",
          id,
          value: new Uint8Array(1),
        });
      }
    });
    await simulation.advance("20s");
    simulation.broker.restart(); // it clears away what those before it have left
    await simulation.advance("20s");
    await simulation.run(async () => {
      for (const partition of this.#partitions()) {
        const read = await this.#read(simulation.process("last-reader"), partition);
        if (TOPICS[partition.topic].rules.compacted) {
          this.violations.push(...this.history.leftovers(read));
        }
      }
    });
    await simulation.advance("15s");
  }

  *#partitions(): Generator<TopicPartition> {
    for (const topic of Object.keys(TOPICS)) {
      for (let partition = 0; partition < PARTITIONS; partition++) yield { topic, partition };
    }
  }

  #start(name: string, work: (process: SimulatedProcess) => Promise<void>): void {
    const process = this.simulation.process(name);
    this.#working.add(name);
    this.simulation.after(this.simulation.random(name).below(10), () => {
      work(process).finally(() => this.#working.delete(name));
    });
  }

  /** Sends a record; what is returned has its offset as soon as it is stored. */
  #send(producer: Producer, { topic, partition, key, id, value }: Sent): Sending {
    const record = this.history.send({
      partition: partitionKey({ topic, partition }),
      key,
      id,
      tombstone: value === null,
      sentAtMs: this.simulation.nowMs,
    });
    const headers = [{ key: "id", value: id }];
    const stored = producer.send({ topic, partition, key, value, headers }).then(
      ({ offset }) => Number(offset),
      (error) => {
        this.simulation.history.record("not acknowledged", { id, error });
        return null;
      },
    );
    return { record, stored };
  }

  async #sendAlone(producer: Producer, sent: Sent): Promise<void> {
    const { record, stored } = this.#send(producer, sent);
    record.offset = await stored;
  }

  #anyRecord(random: Random, owner: string, number: string): Sent {
    return {
      topic: random.pick(Object.keys(TOPICS)),
      partition: random.below(PARTITIONS),
      key: `${owner}/${random.below(KEYS)}`,
      id: `${owner}/${number}`,
      value: random.chance(TOMBSTONE_CHANCE) ? null : valueOf(random),
    };
  }

  /** Sends records in transactions, commits some and aborts the others. */
  async #transact(process: SimulatedProcess): Promise<void> {
    const { name } = process;
    const random = this.simulation.random(name);
    const ground = { ...this.#client(process), requestTimeoutMs: 3_000, transactionalId: name };
    let producer: Producer | null = null;
    for (let number = 0; number < TRANSACTIONS; number++) {
      if (producer === null) {
        const fresh = producer = new Producer(ground);
        await this.#patiently(() => fresh.initTransactions());
      }
      const sent: Sending[] = [];
      try {
        producer.beginTransaction();
        for (let left = 1 + random.below(TRANSACTION_RECORDS); left > 0; left--) {
          sent.push(this.#send(producer, this.#anyRecord(random, name, `${number}/${left}`)));
        }
        const isCommitted = await endTransaction(producer, !random.chance(ABORT_CHANCE));
        for (const { record, stored } of sent) {
          if (isCommitted) record.offset = await stored;
          else record.aborted = true;
        }
      } catch (error) {
        if (!(error instanceof FatalTransactionError)) throw error;
        this.simulation.history.record("fatal", { error });
        await producer.close();
        producer = null; // what became of the transaction nobody knows
      }
      await sleep(process.environment, random.exponential(2 * PAUSE_MEAN_MS));
    }
    await producer?.close();
  }

  async #produce(process: SimulatedProcess): Promise<void> {
    const { environment, name } = process;
    const random = this.simulation.random(name);
    const sent: Promise<void>[] = [];
    await using producer = new Producer({ ...this.#client(process), requestTimeoutMs: 3_000 });
    for (let number = 0; number < RECORDS; number++) {
      sent.push(this.#sendAlone(producer, this.#anyRecord(random, name, `${number}`)));
      await sleep(environment, random.exponential(PAUSE_MEAN_MS));
    }
    await Promise.all(sent);
  }

  /** Changes settings and deletes records, as long as somebody produces. */
  async #change(process: SimulatedProcess): Promise<void> {
    const random = this.simulation.random(process.name);
    await using admin = new Admin(this.#client(process));
    while (this.#isProducing) {
      await sleep(process.environment, random.exponential(1_500));
      const topic = random.pick(Object.keys(TOPICS));
      const { changes, isCut } = TOPICS[topic];
      const setting = random.pick(Object.keys(changes));
      const value = random.pick(changes[setting]);
      await this.#patiently(() =>
        admin.alterConfigs({ type: "topic", name: topic }, [{ name: setting, value }])
      );
      if (isCut && random.chance(0.5)) await this.#cut(admin, random, topic);
    }
  }

  async #cut(admin: Admin, random: Random, topic: string): Promise<void> {
    const target = { topic, partition: random.below(PARTITIONS) };
    await this.#patiently(async () => {
      const [[{ offset: start }], [{ offset: end }]] = [
        await admin.listOffsets([{ ...target, at: "earliest" }]),
        await admin.listOffsets([{ ...target, at: "latest" }]),
      ];
      const beforeOffset = start + BigInt(random.below(Number(end - start) / 2 + 1));
      const done = this.history.cut(partitionKey(target), Number(beforeOffset));
      await admin.deleteRecords([{ ...target, beforeOffset }]);
      done();
    });
  }

  /** Makes a topic, fills it, deletes it, and looks that the next one of its name has nothing of it. */
  async #remove(process: SimulatedProcess): Promise<void> {
    const random = this.simulation.random(process.name);
    const client = this.#client(process);
    await using admin = new Admin(client);
    for (let life = 0; this.#isProducing; life++) {
      await this.#patiently(() =>
        admin.createTopics([{ name: DOOMED, partitions: PARTITIONS, configs: EVERY_TOPIC }])
      );
      await using producer = new Producer({ ...client, requestTimeoutMs: 3_000 });
      for (let n = 0; n < 10; n++) {
        const partition = random.below(PARTITIONS);
        await this.#patiently(async () => {
          await producer.send({ topic: DOOMED, partition, key: `${life}`, value: valueOf(random) });
        });
        await sleep(process.environment, random.exponential(200));
      }
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const { found } = await this.#scan(process, { topic: DOOMED, partition });
        for (const { key, offset } of found) {
          if (key === `${life}`) continue;
          const text = `${DOOMED}-${partition}@${offset} of life ${key}, read in life ${life}`;
          this.violations.push({ kind: "resurrected", text });
        }
      }
      const cut = { topic: DOOMED, partition: random.below(PARTITIONS), beforeOffset: 1n };
      await this.#patiently(() => admin.deleteRecords([cut]));
      await this.#patiently(() => admin.deleteTopics([DOOMED]));
      await sleep(process.environment, random.exponential(500));
    }
  }

  async #readAgain(process: SimulatedProcess): Promise<void> {
    while (this.#isProducing) {
      for (const partition of this.#partitions()) await this.#read(process, partition);
      await sleep(process.environment, 1_000);
    }
  }

  /** Reads a partition from start to end, and compares it with what must be there. */
  async #read(
    process: SimulatedProcess,
    target: TopicPartition,
  ): Promise<ReadPartition> {
    const partition = partitionKey(target);
    const expected = this.history.expectation(partition);
    const upTo = Math.max(0, ...expected.acknowledged.map(({ offset }) => offset! + 1));
    const read = { partition, ...await this.#scan(process, target, upTo) };
    const violations = [...this.history.check(expected, read)];
    const { tombstonesGo } = TOPICS[target.topic].rules;
    if (!tombstonesGo || violations.every(({ kind }) => kind !== "resurrected")) {
      this.violations.push(...violations);
      return read;
    }
    // Who reads for longer than delete.retention.ms may meet a value, and not the tombstone that took it away. Then the
    // value has gone before its tombstone, and the next reading does not meet it.
    const again = { partition, ...await this.#scan(process, target, upTo) };
    const still = new Set([...this.history.check(expected, again)].map(({ text }) => text));
    const isReal = ({ kind, text }: Violation) => kind !== "resurrected" || still.has(text);
    this.violations.push(...violations.filter(isReal));
    return read;
  }

  /**
   * Everything from the start of a partition to its end, as a consumer reads it that takes its time. An open transaction may
   * hold the end back: it is waited for, at least as far as `upTo`.
   */
  async #scan(
    process: SimulatedProcess,
    target: TopicPartition,
    upTo = 0,
  ): Promise<Pick<ReadPartition, "start" | "found" | "endedAtMs">> {
    const found: FoundKey[] = [];
    await using consumer = new Consumer({
      ...this.#client(process),
      autoOffsetReset: "earliest",
      isolationLevel: "read_committed",
      fetchMaxWaitMs: 50,
      maxPartitionFetchBytes: 5_000,
    });
    consumer.assign([target]);
    consumer.seekToBeginning();
    while (true) {
      const position = await this.#patiently(() => consumer.position(target));
      const [{ offset: end }] = await this.#patiently(() => consumer.endOffsets([target]));
      if (position >= end && position >= upTo) break;
      const records = await this.#patiently(() => consumer.poll({ timeoutMs: 1_000 }));
      found.push(...records.map(foundKey));
    }
    const [{ offset }] = await this.#patiently(() => consumer.beginningOffsets([target]));
    const start = Number(offset);
    return {
      start,
      found: found.filter((record) => record.offset >= start),
      endedAtMs: this.simulation.nowMs,
    };
  }

  /** Tries until it is done: the broker may be dead for a while. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (SETTLED.has(error.kind)) return undefined as T;
        this.simulation.history.record("again", { error });
      }
    }
  }

  get #isProducing(): boolean {
    return [...this.#working].some((name) => name.startsWith("producer"));
  }

  #client({ environment }: SimulatedProcess) {
    const { bootstrapServers } = this.simulation.broker;
    return { environment, bootstrapServers, requestTimeoutMs: 3_000, defaultApiTimeoutMs: 20_000 };
  }
}

/** Ends a transaction as is wanted, or else aborts it; returns whether it was committed. */
async function endTransaction(producer: Producer, commits: boolean): Promise<boolean> {
  for (let commit = commits;;) {
    try {
      await (commit ? producer.commitTransaction() : producer.abortTransaction());
      return commit;
    } catch (error) {
      if (error instanceof FatalTransactionError || !(error instanceof KafkaError)) throw error;
      if (error instanceof AbortableTransactionError) commit = false;
    }
  }
}

/** Done by an attempt before, whose answer was lost. */
const SETTLED: ReadonlySet<string> = new Set([
  "TOPIC_ALREADY_EXISTS",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "OFFSET_OUT_OF_RANGE",
]);

function valueOf(random: Random): Uint8Array {
  return random.bytes(random.chance(LARGE_CHANCE) ? LARGE_BYTES : random.below(600));
}

function foundKey({ offset, key, value, headers }: ConsumerRecord): FoundKey {
  return {
    offset: Number(offset),
    key: decoder.decode(key!),
    id: decoder.decode(headers[0]?.value ?? new Uint8Array(0)),
    tombstone: value === null,
  };
}
