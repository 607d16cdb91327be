/**
 * Transactions of other projects' clients: of Java before and with KIP-890, of kafkajs, and Kafka's own tools.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KAFKA_CLIENTS } from "../../tools/tasks/compat_suites.ts";
import { brokerOfSuite, type BrokerUnderTest, isOdradek, uniqueName } from "./support/broker.ts";
import { compileJava, jvmOfSuite, kafkaClients } from "./support/java.ts";
import { connected, kafkajsClient } from "./support/kafkajs.ts";
import { runProgram } from "./support/program.ts";
import { Serving } from "../cli/process.ts";
import { FETCH, fetchFrom } from "../server/topics.ts";
import { loseTransactionalId, WireProducer } from "../server/transaction_support.ts";
import { createTopic as createTopicOn, eventually } from "./support/topics.ts";
import { dial } from "./support/wire.ts";

const broker = brokerOfSuite();
const WITHOUT_KIP_890 = ["--set", "odradek.transaction.version=1"];
const HASTY = [
  "--set",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
];
/** Where producers are told to do without KIP-890. */
const olderBroker = brokerOfSuite(...WITHOUT_KIP_890);
/** Where transactions that take too long are aborted at once. */
const hastyBroker = brokerOfSuite(...HASTY);
const hastyOlderBroker = brokerOfSuite(...HASTY, ...WITHOUT_KIP_890);
const java = jvmOfSuite();
let classes: string;

Deno.test.beforeAll(async () => {
  classes = await compileJava(["TransactionTour", "OverdueTour"], kafkaClients("2.8.2"));
});
Deno.test.afterAll(() => Deno.remove(classes, { recursive: true }));

/** What `tests/compat/java/TransactionTour.java` is to find. */
const TOUR = [
  "read committed: {again=10, committed=10}",
  "read uncommitted: {aborted=10, again=10, committed=10, open=1}",
  "end: 33 34",
  "other partition: {other=5}",
  "late send: InvalidProducerEpochException",
  "late commit: InvalidProducerEpochException",
  "after fencing: {again=10, committed=10, next=1, open=1}",
  "piped: 27",
  "committed offset: 40",
  "output: 27",
  "many: done",
];

/** What `tests/compat/java/OverdueTour.java` is to find, as with Apache Kafka. */
const OVERDUE = [
  "late send: InvalidProducerEpochException",
  "abort: done",
  "read committed: {after=2, before=2}",
];
const OVERDUE_WITHOUT_KIP_890 = [
  "late send: InvalidProducerEpochException",
  "abort: ProducerFencedException",
  "read committed: {before=2}",
];

/** The transactions that the tour ends in a row, at the end, under an id of their own. */
const TOUR_ENDS = 100;

async function createTopic(topic: string, numPartitions: number, on = broker): Promise<void> {
  await connected(kafkajsClient(on).admin(), async (admin) => {
    await admin.createTopics({ topics: [{ topic, numPartitions }] });
  });
}

/** Takes the tour with a version of Java's clients. Returns how many epochs its last hundred transactions have cost. */
async function takeTour(version: string, on: BrokerUnderTest): Promise<number> {
  const topic = uniqueName("tour");
  await createTopic(topic, 2, on);
  await createTopic(`${topic}-out`, 1, on);
  const { stdout, stderr } = await runProgram("java", [
    ...["-cp", `${classes}:${kafkaClients(version)}`],
    ...["TransactionTour", on.bootstrap, topic],
  ]);
  assertEquals(stdout.trim().split("\n"), TOUR, stderr);
  const described = await transactions(on, "describe", "--transactional-id", `many-${topic}`);
  const [names, values] = described.trim().split("\n").map((line) => line.split(/\s+/));
  return Number(values[names.indexOf("ProducerEpoch")]);
}

/** What kafka-transactions prints. */
async function transactions(on: BrokerUnderTest, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await java.jvm.run(
    "org.apache.kafka.tools.TransactionsCommand",
    ["--bootstrap-server", on.bootstrap, ...args],
  );
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}

// Before 2.5 a consumer does not tell a transaction its group's metadata (KIP-447).
for (const version of KAFKA_CLIENTS.slice(1)) {
  const bumps = version.startsWith("4.");
  Deno.test(
    `Java clients ${version} commit, abort, are fenced and pipe exactly once${
      bumps ? ", each end at the price of an epoch (KIP-890)" : ""
    }`,
    async () => {
      const epochs = await takeTour(version, broker);
      if (bumps) assert(epochs >= TOUR_ENDS, `${epochs} epochs`);
      else assertEquals(epochs, 0);
    },
  );
}

Deno.test({
  name: "Java clients 4.3.1 do the same without KIP-890 where transaction.version is 1",
  // Another broker would have to be told first.
  ignore: !isOdradek,
  fn: async () => assertEquals(await takeTour("4.3.1", olderBroker), 0),
});

Deno.test("kafkajs commits and aborts, with the offsets of a group", async () => {
  const topic = uniqueName("kafkajs");
  await createTopic(topic, 1);
  const groupId = uniqueName("group");
  const kafka = kafkajsClient(broker);
  const producer = kafka.producer({
    transactionalId: uniqueName("tx"),
    idempotent: true,
    maxInFlightRequests: 1,
  });
  const admin = kafka.admin();
  await connected(admin, () =>
    connected(producer, async () => {
      for (const [value, offset, commit] of [["a", "1", true], ["b", "2", false]] as const) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value }] });
        await transaction.sendOffsets({
          consumerGroupId: groupId,
          topics: [{ topic, partitions: [{ partition: 0, offset }] }],
        });
        if (commit) await transaction.commit();
        else await transaction.abort();
      }
      await eventually(async () => {
        const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
        assertEquals(partitions[0].offset, "1");
      });
    }));
  const read: string[] = [];
  const consumer = kafka.consumer({ groupId: uniqueName("reader"), readUncommitted: false });
  await connected(consumer, async () => {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.push(String(message.value))),
    });
    await eventually(() => {
      assert(read.length > 0);
      return Promise.resolve();
    });
  });
  assertEquals(read, ["a"]);
});

Deno.test("kafka-producer-perf-test writes transactions, kafka-transactions lists and describes them", async () => {
  const topic = uniqueName("perf");
  await createTopic(topic, 2);
  const id = uniqueName("perf-tx");
  const perf = await java.jvm.run("org.apache.kafka.tools.ProducerPerformance", [
    ...["--bootstrap-server", broker.bootstrap, "--topic", topic, "--throughput", "-1"],
    ...["--num-records", "5000", "--record-size", "100"],
    ...["--transactional-id", id, "--transaction-duration-ms", "100"],
  ]);
  assertEquals(perf.code, 0, perf.stderr);
  assertStringIncludes(perf.stdout, "5000 records sent");

  await eventually(async () => {
    assertStringIncludes(
      await transactions(broker, "describe", "--transactional-id", id),
      "CompleteCommit",
    );
  });
  assertStringIncludes(await transactions(broker, "list"), id);
  assertStringIncludes(
    await transactions(broker, "describe-producers", "--topic", topic, "--partition", "0"),
    "CurrentTransactionStartOffset",
  );
  const hanging = await transactions(broker, "find-hanging", "--broker-id", "1");
  assertEquals(hanging.trim().split("\n").length, 1, hanging);
});

Deno.test({
  name: "kafka-transactions finds a transaction that hangs, and aborts it",
  // A coordinator has to forget a transaction for that, so the broker has to be started again.
  ignore: !isOdradek,
  async fn() {
    const data = await Deno.makeTempDir({ prefix: "odradek-hanging-" });
    const start = () => Serving.start("--listen", "127.0.0.1:0", "--data", data);
    const addressOf = ({ port }: Serving) => {
      return { host: "127.0.0.1", port, bootstrap: `127.0.0.1:${port}` };
    };
    const id = uniqueName("lost");
    let topic: string;
    {
      await using serving = await start();
      const on = addressOf(serving);
      topic = await createTopicOn(on, { what: "hanging" });
      using wire = await dial(on);
      const producer = new WireProducer(wire, id, topic);
      producer.timestampMs = Date.now() - 3_600_000;
      assertEquals([await producer.init(), await producer.produce(12)], [0, 0]);
      await loseTransactionalId(wire, id);
    }
    await using serving = await start();
    const on = addressOf(serving);
    const place = ["--topic", topic, "--partition", "0"];
    const find = async () => {
      const lines = (await transactions(on, "find-hanging", "--broker-id", "1")).trim().split("\n");
      return lines.slice(1).map((line) => line.trim().split(/\s+/));
    };
    const [[foundTopic, partition, producerId, epoch, coordinatorEpoch, startOffset], ...others] =
      await find();
    assertEquals(
      [foundTopic, partition, epoch, coordinatorEpoch, startOffset, others],
      [topic, "0", "0", "-1", "0", []],
    );
    assertStringIncludes(await transactions(on, "describe-producers", ...place), producerId);
    await transactions(on, "abort", ...place, "--start-offset", "0");
    assertEquals(await find(), []);
    using wire = await dial(on);
    const wanted = fetchFrom({ topic }, [{ partition: 0 }], { isolationLevel: 1 });
    const { responses: [{ partitions: [told] }] } = await wire.ask(FETCH, 11, wanted);
    assertEquals([Number(told.lastStableOffset), told.abortedTransactions?.length], [2, 1]);
    await serving.stop("SIGTERM");
    await Deno.remove(data, { recursive: true });
  },
});

for (
  const [on, what, expected] of [
    [hastyBroker, "comes back after its transaction has taken too long", OVERDUE],
    [
      hastyOlderBroker,
      "that does without KIP-890 is fenced when its transaction has taken too long",
      OVERDUE_WITHOUT_KIP_890,
    ],
  ] as const
) {
  Deno.test({
    name: `A Java producer ${what}`,
    // Another broker would have to be told first.
    ignore: !isOdradek,
    async fn() {
      const topic = uniqueName("overdue");
      await createTopic(topic, 1, on);
      const { stdout, stderr } = await runProgram("java", [
        ...["-cp", `${classes}:${kafkaClients("4.3.1")}`],
        ...["OverdueTour", on.bootstrap, topic],
      ]);
      assertEquals(stdout.trim().split("\n"), expected, stderr);
    },
  });
}
