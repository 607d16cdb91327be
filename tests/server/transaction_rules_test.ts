import { assertEquals } from "@std/assert";
import { createBroker } from "../../mod.ts";
import { metadataRequest, metadataResponse } from "../../protocol/messages/03_metadata.ts";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../../protocol/messages/21_delete_records.ts";
import {
  describeConfigsRequest,
  describeConfigsResponse,
} from "../../protocol/messages/32_describe_configs.ts";
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import { fencedIn, verificationError } from "../../server/transactions/errors.ts";
import { MemoryDisk } from "../../storage/kv/memory/memory_folder.ts";
import { ManualEnvironment } from "../support/manual_environment.ts";
import { startBroker, WireClient } from "./support.ts";
import { createTopic, FETCH, fetchFrom } from "./topics.ts";
import { WireProducer } from "./transaction_support.ts";

const NOW_MS = 1_700_000_000_000;

/** First offsets of the aborted transactions that a reader is told, and the start of the log. */
async function aborted(client: WireClient, offset = 0) {
  const { responses } = await client.ask(
    FETCH,
    11,
    fetchFrom({ topic: "t" }, [{ partition: 0, offset }], { isolationLevel: 1, minBytes: 0 }),
  );
  const [{ abortedTransactions, logStartOffset, lastStableOffset }] = responses[0].partitions;
  return {
    aborted: abortedTransactions?.map(({ firstOffset }) => Number(firstOffset)),
    start: Number(logStartOffset),
    stable: Number(lastStableOffset),
  };
}

/** Writes transactions with KIP-890, one record each, one after another. */
async function writeTransactions(
  environment: ManualEnvironment,
  producer: WireProducer,
  ...commits: boolean[]
): Promise<void> {
  for (const commit of commits) {
    assertEquals(await producer.produce(12), 0);
    assertEquals(await producer.end(5, commit), 0);
    await environment.advance(1);
  }
}

Deno.test("InitProducerId refuses a timeout above transaction.max.timeout.ms, and none at all", async () => {
  await using broker = await startBroker({ "transaction.max.timeout.ms": "5000" });
  using producer = new WireProducer(broker.connect());
  for (const version of [0, 2, 5]) {
    for (const [timeoutMs, code] of [[5000, 0], [5001, 50], [0, 50], [-1, 50]] as const) {
      assertEquals(await producer.init(version, { timeoutMs }), code, `v${version}, ${timeoutMs}`);
    }
  }
});

Deno.test("Aborted transactions are told after a restart, and no more when their records are deleted", async () => {
  const disk = new MemoryDisk();
  const environment = new ManualEnvironment();
  const start = () => createBroker({ data: disk.openFolder(), environment });
  {
    await using broker = await start();
    using client = new WireClient(broker.dial());
    await createTopic(client, "t");
    const producer = new WireProducer(client);
    await producer.init();
    await writeTransactions(environment, producer, false, true, false);
    assertEquals(await aborted(client), { aborted: [0, 4], start: 0, stable: 6 });
  }
  await using broker = await start();
  using client = new WireClient(broker.dial());
  assertEquals(await aborted(client), { aborted: [0, 4], start: 0, stable: 6 });
  await client.ask([deleteRecordsRequest, deleteRecordsResponse], 2, {
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: 3n }] }],
    timeoutMs: 1000,
  });
  assertEquals(await aborted(client, 3), { aborted: [4], start: 3, stable: 6 });
});

Deno.test("Aborted transactions go with their records when retention takes those", async () => {
  await using broker = await startBroker({ "log.retention.check.interval.ms": "1000" });
  using client = broker.connect();
  await createTopic(client, "t", 1, [{ name: "retention.ms", value: "60000" }]);
  const producer = new WireProducer(client);
  await producer.init();
  producer.timestampMs = NOW_MS;
  await writeTransactions(broker.environment, producer, false);
  await broker.environment.advance(90_000);
  assertEquals((await aborted(client, 2)).start, 2, "all is older than a minute");
  producer.timestampMs = NOW_MS + 90_000;
  await writeTransactions(broker.environment, producer, false, true);
  assertEquals(await aborted(client, 2), { aborted: [2], start: 2, stable: 6 });
});

Deno.test("Last stable offset is not before the start of a log where retention took what an open transaction wrote", async () => {
  await using broker = await startBroker({ "log.retention.check.interval.ms": "1000" });
  using client = broker.connect();
  await createTopic(client, "t", 1, [{ name: "retention.ms", value: "60000" }]);
  const producer = new WireProducer(client);
  await producer.init(5, { timeoutMs: 900_000 });
  producer.timestampMs = NOW_MS - 3_000_000;
  assertEquals(await producer.produce(12), 0);
  await broker.environment.advance(5_000);
  assertEquals(await aborted(client, 1), { aborted: [], start: 1, stable: 1 });
  assertEquals(await producer.end(5, true), 0);
  await broker.environment.advance(1);
  assertEquals((await aborted(client, 2)).stable, 2);
});

Deno.test("__transaction_state is made as the settings say, compacted and internal", async () => {
  await using broker = await startBroker({
    "transaction.state.log.num.partitions": "3",
    "transaction.state.log.segment.bytes": "1048576",
    // Three copies are Kafka's default; one is kept whatever is said.
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "transaction.state.log.load.buffer.size": "65536",
  });
  using client = broker.connect();
  assertEquals(await new WireProducer(client).init(), 0);
  const { topics: [topic] } = await client.ask([metadataRequest, metadataResponse], 9, {
    topics: [{ name: "__transaction_state" }],
  });
  assertEquals([topic.errorCode, topic.isInternal, topic.partitions.length], [0, true, 3]);
  const { results: [{ configs }] } = await client.ask(
    [describeConfigsRequest, describeConfigsResponse],
    4,
    {
      resources: [{
        resourceType: 2,
        resourceName: "__transaction_state",
        configurationKeys: null,
      }],
    },
  );
  const settings = new Map(configs.map(({ name, value }) => [name, value]));
  assertEquals(
    ["cleanup.policy", "segment.bytes", "compression.type", "min.insync.replicas"]
      .map((name) => settings.get(name)),
    ["compact", "1048576", "uncompressed", "1"],
  );
});

Deno.test("Produce refuses a transactional batch that names no producer", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "t");
  const producer = new WireProducer(client);
  await producer.init();
  const nobody = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };
  for (const version of [10, 12]) {
    const batch = producer.batch("v", { producer: nobody });
    assertEquals(await producer.produce(version, "v", { batch }), 87);
  }
});

/** What the coordinator of a transaction has said, and what Produce and TxnOffsetCommit make of it, by version. */
const TOLD: readonly (readonly [
  said: ErrorName,
  old: ErrorName,
  abortable: ErrorName,
  concurrent: ErrorName,
])[] = [
  ["PRODUCER_FENCED", ...thrice("INVALID_PRODUCER_EPOCH")],
  ["INVALID_PRODUCER_ID_MAPPING", ...thrice("INVALID_PRODUCER_ID_MAPPING")],
  ["COORDINATOR_LOAD_IN_PROGRESS", ...thrice("NOT_ENOUGH_REPLICAS")],
  ["COORDINATOR_NOT_AVAILABLE", ...thrice("NOT_ENOUGH_REPLICAS")],
  ["NOT_COORDINATOR", ...thrice("NOT_ENOUGH_REPLICAS")],
  ["REQUEST_TIMED_OUT", ...thrice("NOT_ENOUGH_REPLICAS")],
  [
    "CONCURRENT_TRANSACTIONS",
    "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS",
    "CONCURRENT_TRANSACTIONS",
  ],
  [
    "TRANSACTION_ABORTABLE",
    "INVALID_TXN_STATE",
    "TRANSACTION_ABORTABLE",
    "TRANSACTION_ABORTABLE",
  ],
  ["INVALID_TXN_STATE", "INVALID_TXN_STATE", "TRANSACTION_ABORTABLE", "TRANSACTION_ABORTABLE"],
];

function thrice(name: ErrorName): [ErrorName, ErrorName, ErrorName] {
  return [name, name, name];
}

for (const [said, ...expected] of TOLD) {
  Deno.test(`Produce tells clients of ${said} by what their version knows`, () => {
    const terms = [
      { knowsAbortable: false, knowsConcurrent: false },
      { knowsAbortable: true, knowsConcurrent: false },
      { knowsAbortable: true, knowsConcurrent: true },
    ];
    const told = terms.map((known) => {
      const terms = { trouble: "NOT_ENOUGH_REPLICAS" as const, ...known };
      return (verificationError(new KafkaError(said), terms) as KafkaError).kind;
    });
    assertEquals(told, expected);
  });
}

Deno.test("PRODUCER_FENCED is INVALID_PRODUCER_EPOCH to versions from before it (KIP-588)", () => {
  const fenced = new KafkaError("PRODUCER_FENCED");
  assertEquals([1, 2, 3].map((version) => fencedIn(fenced, version, 2).kind), [
    "INVALID_PRODUCER_EPOCH",
    "PRODUCER_FENCED",
    "PRODUCER_FENCED",
  ]);
  const other = new KafkaError("INVALID_TXN_STATE");
  assertEquals(fencedIn(other, 0, 2), other);
});
