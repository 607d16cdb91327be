/** Our own client against Apache Kafka: that it works with any Kafka, not only with the broker it grew up with. */
import { assertEquals, assertRejects, assertStringIncludes, equal } from "@std/assert";
import {
  Admin,
  type ClientOptions,
  Consumer,
  type ConsumerRecord,
  KafkaError,
  Producer,
  type ProducerOptions,
} from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { runMain } from "../cli/command.ts";
import {
  findTransactionCoordinator,
  loseTransactionalId,
  WireProducer,
} from "../server/transaction_support.ts";
import { ApacheKafka } from "./support/apache_kafka.ts";
import { transactionContract } from "../client/transactions/contract.ts";
import { uniqueName } from "./support/broker.ts";
import { dial } from "./support/wire.ts";

const PARTITIONS = 4;

let kafka: ApacheKafka;
let options: ClientOptions;

Deno.test.beforeAll(async () => {
  kafka = await ApacheKafka.start();
  const environment = denoEnvironment({ log: { write: () => {} } });
  options = { environment, bootstrapServers: kafka.bootstrap };
});
Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());

async function newTopic(configs: Record<string, string> = {}): Promise<string> {
  await using admin = new Admin(options);
  const name = uniqueName("orders");
  await admin.createTopics([{ name, partitions: PARTITIONS, configs }]);
  return name;
}

function text({ value }: ConsumerRecord): string {
  return new TextDecoder().decode(value!);
}

/** Sends the numbers up to `count`, each to the partition of its remainder. */
async function sendNumbers(
  topic: string,
  count: number,
  producerOptions: Partial<ProducerOptions> = {},
  onSent: (number: number) => void = () => {},
): Promise<void> {
  await using producer = new Producer({ ...options, ...producerOptions });
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    await producer.ready;
    sent.push(producer.send({ topic, partition: i % PARTITIONS, value: `${i}` }));
    onSent(i);
    if (i % 1000 === 999) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(sent);
}

/** What is in a topic, by partition. */
async function readNumbers(topic: string): Promise<number[][]> {
  await using consumer = new Consumer(options);
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })));
  consumer.seekToBeginning();
  const sum = (offsets: readonly { readonly offset: bigint }[]) =>
    offsets.reduce((sum, { offset }) => sum + Number(offset), 0);
  const count = sum(await consumer.endOffsets(consumer.assignment())) -
    sum(await consumer.beginningOffsets(consumer.assignment()));
  const found: number[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let read = 0; read < count;) {
    for (const record of await consumer.poll()) {
      found[record.partition].push(Number(text(record)));
      read++;
    }
  }
  return found;
}

function expectedNumbers(count: number): number[][] {
  const found: number[][] = Array.from({ length: PARTITIONS }, () => []);
  for (let i = 0; i < count; i++) found[i % PARTITIONS].push(i);
  return found;
}

/** Brokers of Kafka learn of a change a little after it was acknowledged. */
async function eventually<T>(expected: T, look: () => Promise<T>): Promise<void> {
  const deadline = Date.now() + 10_000;
  let seen = await look();
  while (!equal(seen, expected) && Date.now() < deadline) seen = await look();
  assertEquals(seen, expected);
}

for (const compressionType of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  Deno.test(`Client reads from Apache Kafka what it wrote there (${compressionType})`, async () => {
    const topic = await newTopic();
    await sendNumbers(topic, 10_000, { compressionType });
    assertEquals(await readNumbers(topic), expectedNumbers(10_000));
  });
}

Deno.test("Client stores each record in Apache Kafka once and in order although the broker is killed", async () => {
  const topic = await newTopic();
  const kills: Promise<void>[] = [];
  await sendNumbers(topic, 60_000, {}, (number) => {
    if (number === 20_000) kills.push(kafka.killAndRestart());
  });
  await Promise.all(kills);
  assertEquals(await readNumbers(topic), expectedNumbers(60_000));
});

Deno.test("Client splits batches that are too large for a topic of Apache Kafka", async () => {
  const topic = await newTopic({ "max.message.bytes": "500" });
  await sendNumbers(topic, 1000);
  assertEquals(await readNumbers(topic), expectedNumbers(1000));
});

Deno.test("Client looks up records of Apache Kafka by time, and goes on where the policy says", async () => {
  const topic = await newTopic();
  const partition = { topic, partition: 0 };
  const nowMs = Date.now();
  await using producer = new Producer(options);
  for (const agoMs of [3000, 1000, 2000]) {
    await producer.send({ ...partition, value: `${agoMs}`, timestampMs: nowMs - agoMs });
  }
  await using admin = new Admin(options);
  const [youngest] = await admin.listOffsets([{ ...partition, at: "maxTimestamp" }]);
  assertEquals([youngest.offset, youngest.timestampMs], [1n, nowMs - 1000]);
  await using consumer = new Consumer({ ...options, autoOffsetReset: "earliest" });
  consumer.assign([partition]);
  consumer.seekToTime(nowMs - 2500);
  assertEquals((await consumer.poll()).map(text), ["1000", "2000"]);
  consumer.seek(partition, 1000n);
  assertEquals((await consumer.poll()).map(text), ["3000", "1000", "2000"]);
});

Deno.test("Client deletes the oldest records of Apache Kafka", async () => {
  const topic = await newTopic();
  const partition = { topic, partition: 0 };
  await using producer = new Producer(options);
  for (let n = 0; n < 5; n++) await producer.send({ ...partition, value: `${n}` });
  await using admin = new Admin(options);
  assertEquals(await admin.deleteRecords([{ ...partition, beforeOffset: 2n }]), [
    { ...partition, lowWatermark: 2n },
  ]);
  assertEquals((await readNumbers(topic))[0], [2, 3, 4]);
});

Deno.test("Client tells what Apache Kafka refuses", async () => {
  const topic = await newTopic({ "cleanup.policy": "compact" });
  await using producer = new Producer(options);
  const error = await assertRejects(
    () => producer.send({ topic, partition: 2, value: "no key" }),
    KafkaError,
    `Cannot produce to ${topic}-2: INVALID_RECORD: record 0 of the batch: `,
  );
  assertEquals(error.kind, "INVALID_RECORD");
});

Deno.test("Admin manages topics and settings of Apache Kafka", async () => {
  const topic = await newTopic({ "retention.ms": "5000" });
  await using admin = new Admin(options);
  await admin.createPartitions({ [topic]: PARTITIONS + 1 });
  await eventually([1, 1, 1, 1, 1], async () => {
    const [{ partitions }] = await admin.describeTopics([topic]);
    return partitions.map(({ leaderId }) => leaderId);
  });
  const resource = { type: "topic", name: topic } as const;
  await admin.alterConfigs(resource, [{ name: "retention.ms", operation: "delete" }]);
  await eventually(["604800000", "default"], async () => {
    const [{ value, source }] = await admin.describeConfigs(resource, { names: ["retention.ms"] });
    return [value, source];
  });
  await admin.deleteTopics([topic]);
  await eventually(false, async () => (await admin.listTopics()).includes(topic));
  assertEquals((await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId), [1]);
});

Deno.test("Members of a group share the partitions of a topic of Apache Kafka", async () => {
  const topic = await newTopic();
  await sendNumbers(topic, 1000);
  const groupId = uniqueName("group");
  const group = { ...options, groupId, autoOffsetReset: "earliest" } as const;
  const found = new Set<string>();
  const members = [new Consumer(group), new Consumer(group)];
  await Promise.all(members.map(async (member) => {
    member.subscribe([topic]);
    while (found.size < 1000) {
      for (const record of await member.poll({ timeoutMs: 200 })) found.add(text(record));
    }
    await member.close();
  }));
  assertEquals(found.size, 1000);
});

Deno.test("Admin describes and changes features of Apache Kafka", async () => {
  await using admin = new Admin(options);
  const name = "transaction.version";
  const level = async () =>
    (await admin.describeFeatures()).find((feature) => feature.name === name)!.level;
  await admin.updateFeatures([{ name, level: 1, upgradeType: "safeDowngrade" }]);
  await eventually(1, level);
  const error = await assertRejects(
    () => admin.updateFeatures([{ name, level: 9 }]),
    KafkaError,
  );
  assertEquals(error.kind, "INVALID_UPDATE_VERSION");
  await admin.updateFeatures([{ name, level: 2 }]);
  await eventually(2, level);
});

/** Runs `txn …` against Apache Kafka: what it printed. */
async function txn(...args: string[]): Promise<readonly string[]> {
  const { code, printed, complaints } = await runMain([
    ...["txn", ...args],
    ...["--bootstrap", kafka.bootstrap, "--timeout-ms", "60000"],
  ]);
  assertEquals([code, complaints], [0, []]);
  return printed;
}

Deno.test("Command line lists, describes and aborts transactions of Apache Kafka, those that hang as well", async () => {
  const topic = await newTopic();
  const [open, lost] = [uniqueName("open"), uniqueName("lost")];
  const [host, port] = kafka.bootstrap.split(":");
  const producers = new Map<string, WireProducer>();
  {
    using wire = await dial({ host, port: Number(port) });
    for (const id of [open, lost]) {
      const producer = new WireProducer(wire, id, topic);
      producer.timestampMs = Date.now();
      await eventually(0, () => findTransactionCoordinator(wire, id));
      await eventually(0, () => producer.init(5, { timeoutMs: 600_000 }));
      assertEquals(await producer.produce(12), 0);
      producers.set(id, producer);
    }
    await loseTransactionalId(wire, lost);
  }
  const { producerId } = producers.get(open)!;
  assertEquals(await txn("list", "--pattern", `${open}.*`, "--older-than-ms=0"), [
    `${open}: Ongoing, producer ${producerId}`,
  ]);
  const [head, ...partitions] = await txn("describe", open);
  assertStringIncludes(head, `${open}: Ongoing, producer ${producerId} at epoch 0, timeout 600000`);
  assertEquals(partitions, [`  ${topic}-0`]);

  await kafka.killAndRestart();
  // While its coordinator is not there yet, a transaction is in no list, and seems to hang.
  assertStringIncludes((await txn("describe", open))[0], "Ongoing");
  const [line, ...others] = await txn("find-hanging", "--topic", topic, "--older-than-ms=0");
  assertEquals(others, []);
  assertStringIncludes(line, `${topic}-0: from 1 on, producer ${producers.get(lost)!.producerId}`);
  await txn("abort", "--topic", topic, "--partition=0", "--start-offset=1");
  assertEquals(await txn("find-hanging", "--topic", topic, "--older-than-ms=0"), []);
  await txn("abort", open);
  await using admin = new Admin(options);
  await eventually(4n, async () => {
    const [{ offset }] = await admin.listOffsets([{ topic, partition: 0, at: "latest" }], {
      isolationLevel: "read_committed",
    });
    return offset;
  });
});

// A newly formatted cluster has KIP-890; the last tests are without it.
for (const level of [2, 1]) {
  if (level === 1) {
    Deno.test("Apache Kafka is taken back to transaction.version 1", async () => {
      await kafka.downgrade("transaction.version", 1);
    });
  }
  for (const [name, test] of transactionContract) {
    Deno.test(`${name} (Apache Kafka, transaction.version ${level})`, async () => {
      await using admin = new Admin(options);
      const [orders, parcels] = [uniqueName("orders"), uniqueName("parcels")];
      await admin.createTopics([orders, parcels].map((name) => ({ name, partitions: 2 })));
      await test({ options, orders, parcels, id: uniqueName("packer"), level });
    });
  }
}
