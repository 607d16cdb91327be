/**
 * Transactions: commits per second by size and number of partitions, what they cost against the same records without them,
 * and how long after its answer a commit is to be read.
 *
 * Usage: deno task bench:transactions [seconds per figure] [rounds]
 *
 * The load is our own client in this process, so that broker and load share the machine's cores. Both sides of a ratio are
 * measured in turn, in every round.
 *
 * @module
 */
import { Admin, Consumer, Producer, type ProducerOptions } from "../client/mod.ts";
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { Serving } from "../tests/cli/process.ts";
import { at, millisOf, say, spread } from "./support/figures.ts";

const seconds = Number(Deno.args[0] ?? 2);
const rounds = Number(Deno.args[1] ?? 5);
const TOPIC = "data";
const SIZES = [1, 100, 10_000];
const PARTITION_COUNTS = [1, 10];
const VALUE = new Uint8Array(1000).map((_, i) => i * 31 & 0xff);
const LAGS = 300;

/** So many records, over so many partitions, to be stored together. */
interface Portion {
  readonly records: number;
  readonly partitions: number;
}

function send(producer: Producer, { records, partitions }: Portion): void {
  for (let n = 0; n < records; n++) {
    // That one failed is told by the commit, or by flush not having an end.
    producer.send({ topic: TOPIC, partition: n % partitions, value: VALUE }).catch(() => {});
  }
}

async function inTransaction(producer: Producer, portion: Portion): Promise<void> {
  producer.beginTransaction();
  send(producer, portion);
  await producer.commitTransaction();
}

async function plainly(producer: Producer, portion: Portion): Promise<void> {
  send(producer, portion);
  await producer.flush();
}

/** Milliseconds of one block: what one transaction leaves to be done is then paid for by the next one, not by the other side. */
const BLOCK_MS = 100;

/** What each of two things takes, in milliseconds: done in blocks, in turn, for some seconds. */
async function millisEach(
  one: () => Promise<void>,
  other: () => Promise<void>,
): Promise<readonly [number, number]> {
  const onceMs = await millisOf(other);
  const size = Math.max(1, Math.round(BLOCK_MS / onceMs));
  const endMs = performance.now() + 2 * seconds * 1000;
  const spent: [number, number] = [0, 0];
  let blocks = 0;
  const block = (work: () => Promise<void>) =>
    millisOf(async () => {
      for (let n = 0; n < size; n++) await work();
    });
  do {
    spent[0] += await block(one);
    spent[1] += await block(other);
    blocks++;
  } while (performance.now() < endMs);
  return [spent[0] / blocks / size, spent[1] / blocks / size];
}

async function benchCommits(
  producers: { readonly transactional: Producer; readonly plain: Producer },
): Promise<void> {
  say(
    `Records of ${VALUE.length} bytes; overhead: time of a transaction against the same records, ` +
      "flushed, by an idempotent producer",
  );
  for (const records of SIZES) {
    for (const partitions of PARTITION_COUNTS) {
      const portion = { records, partitions };
      const commits: number[] = [];
      const overheads: number[] = [];
      const extraMs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const [plainMs, transactionMs] = await millisEach(
          () => plainly(producers.plain, portion),
          () => inTransaction(producers.transactional, portion),
        );
        commits.push(1000 / transactionMs);
        overheads.push((transactionMs / plainMs - 1) * 100);
        extraMs.push(transactionMs - plainMs);
      }
      say(
        `${`${records}`.padStart(6)} records, ${`${partitions}`.padStart(2)} partitions: ` +
          `${spread(commits, 1)} commits/s, overhead ${spread(overheads, 0)} %, ` +
          `${spread(extraMs, 2)} ms each`,
      );
    }
  }
}

/** From a commit's answer until a reader of committed records is told an end behind it, asking without a pause. */
async function benchLag(
  options: ProducerOptions,
  producer: Producer,
  portion: Portion,
): Promise<void> {
  await using consumer = new Consumer({ ...options, isolationLevel: "read_committed" });
  const targets = Array.from({ length: portion.partitions }, (_, partition) => ({
    topic: TOPIC,
    partition,
  }));
  const total = async () =>
    (await consumer.endOffsets(targets)).reduce((sum, { offset }) => sum + Number(offset), 0);
  let before = await total();
  const lags: number[] = [];
  const asks: number[] = [];
  const questions: number[] = [];
  for (let n = 0; n < LAGS; n++) {
    await inTransaction(producer, portion);
    const answeredMs = performance.now();
    // Each partition gets its records and a marker.
    const expected = before + portion.records + portion.partitions;
    let asked = 0;
    do asked++; while (await total() < expected);
    lags.push(performance.now() - answeredMs);
    questions.push(asked);
    asks.push(await millisOf(async () => void (before = await total())));
  }
  say(
    `Last stable offset behind the commit's answer, ${portion.partitions} partitions: ` +
      `p50 ${at(lags, 0.5).toFixed(2)} ms, p99 ${
        at(lags, 0.99).toFixed(2)
      } ms; one question takes ` +
      `p50 ${at(asks, 0.5).toFixed(2)} ms, p99 ${at(asks, 0.99).toFixed(2)} ms, and ` +
      `${spread(questions, 0)} were needed`,
  );
}

const data = await Deno.makeTempDir({ prefix: "odradek-bench-transactions-" });
try {
  await using serving = await Serving.start("--listen", "127.0.0.1:0", "--data", data);
  const environment = denoEnvironment({ log: { write: () => {} } });
  const options = { environment, bootstrapServers: `127.0.0.1:${serving.port}`, lingerMs: 0 };
  await using admin = new Admin(options);
  await admin.createTopics([{ name: TOPIC, partitions: Math.max(...PARTITION_COUNTS) }]);
  await using plain = new Producer(options);
  await using transactional = new Producer({ ...options, transactionalId: "bench" });
  await transactional.initTransactions();
  for (const producer of [plain, plain]) await plainly(producer, { records: 1000, partitions: 10 });
  await inTransaction(transactional, { records: 1000, partitions: 10 });
  const cores = navigator.hardwareConcurrency;
  say(
    `${cores} cores, Deno ${Deno.version.deno}; ${rounds} rounds of ${seconds} s: median (lowest–highest)`,
  );
  await benchCommits({ transactional, plain });
  for (const partitions of PARTITION_COUNTS) {
    await benchLag(options, transactional, { records: partitions, partitions });
  }
} finally {
  await Deno.remove(data, { recursive: true });
}
