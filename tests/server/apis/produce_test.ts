import { assertEquals } from "@std/assert";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { encodeRequest } from "../../../protocol/frames.ts";
import { produceRequest } from "../../../protocol/messages/00_produce.ts";
import { settle } from "../../support/manual_environment.ts";
import { rawFrame, startBroker, type WireClient } from "../support.ts";
import { batchOf, createTopic, FETCH, fetchFrom, PRODUCE, produceTo, valuesIn } from "../topics.ts";

const encoder = new TextEncoder();

async function stored(client: WireClient, topic: string, partition = 0): Promise<string[]> {
  const { responses } = await client.ask(FETCH, 12, fetchFrom({ topic }, [{ partition }]));
  return valuesIn(responses[0].partitions[0].records);
}

Deno.test("Produce appends in every version from 3 to 13", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const topicId = await createTopic(client, "a");
  for (let version = 3; version <= 13; version++) {
    const request = produceTo("a", 0, batchOf(`v${version}`, "x"));
    const { responses } = await client.ask(PRODUCE, version, {
      ...request,
      topicData: request.topicData.map((topic) => version < 13 ? topic : { ...topic, topicId }),
    });
    const [{ name, topicId: answeredId, partitionResponses: [partition] }] = responses;
    assertEquals(version < 13 ? name : answeredId, version < 13 ? "a" : topicId);
    assertEquals([partition.index, partition.errorCode, partition.baseOffset], [
      0,
      0,
      BigInt((version - 3) * 2),
    ]);
    assertEquals([partition.logAppendTimeMs, partition.logStartOffset], [
      -1n,
      version < 5 ? -1n : 0n,
    ]);
  }
  assertEquals((await stored(client, "a")).length, 22);
});

Deno.test("Produce in versions 0 to 2 closes the connection, though they are told", async () => {
  await using broker = await startBroker();
  for (const version of [0, 1, 2]) {
    using client = broker.connect();
    await client.send(rawFrame(0, version, 1));
    assertEquals(await client.receive(), null);
  }
});

Deno.test("Produce answers each partition on its own", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 2);
  const partition = (index: number, records: Uint8Array | null) => ({
    index,
    records: records && [records],
  });
  const broken = batchOf("x");
  broken[40] ^= 1;
  const { responses } = await client.ask(PRODUCE, 9, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [
      { name: "a", partitionData: [partition(0, batchOf("x")), partition(1, broken)] },
      { name: "nowhere", partitionData: [partition(0, batchOf("x"))] },
      { name: "a b", partitionData: [partition(0, batchOf("x"))] },
      { name: "a", partitionData: [partition(2, batchOf("x")), partition(-1, batchOf("x"))] },
    ],
  });
  assertEquals(
    responses.map(({ name, partitionResponses }) => [
      name,
      ...partitionResponses.map(({ errorCode }) => errorCode),
    ]),
    [["a", 0, 2], ["nowhere", 3], ["a b", 17], ["a", 3, 3]],
  );
  assertEquals(await stored(client, "a", 1), []);
});

Deno.test("Produce stores nothing of a partition that is there twice", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 2);
  const { responses } = await client.ask(PRODUCE, 9, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [
      { name: "a", partitionData: [0, 1].map((index) => ({ index, records: [batchOf("x")] })) },
      { name: "a", partitionData: [{ index: 0, records: [batchOf("y")] }] },
    ],
  });
  const codes = responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map(({ errorCode }) => errorCode)
  );
  assertEquals(codes, [42, 0, 42]);
  assertEquals([await stored(client, "a"), await stored(client, "a", 1)], [[], ["x"]]);
});

Deno.test("Produce by id answers UNKNOWN_TOPIC_ID for an id that nobody has", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const topicId = "BBBBBBBBBBBBBBBBBBBBBA";
  const { responses } = await client.ask(PRODUCE, 13, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [{ topicId, partitionData: [{ index: 0, records: [batchOf("x")] }] }],
  });
  assertEquals(
    responses.map((topic) => [topic.topicId, topic.partitionResponses[0].errorCode]),
    [[topicId, 100]],
  );
});

Deno.test("Produce refuses acks other than -1, 0 and 1", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  for (const acks of [2, -2, 32767]) {
    const { responses } = await client.ask(PRODUCE, 9, produceTo("a", 0, batchOf("x"), acks));
    assertEquals(responses[0].partitionResponses[0].errorCode, 21);
  }
  assertEquals(await stored(client, "a"), []);
});

Deno.test("Produce with acks 0 is not answered, and the next request is", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  await client.send(...encodeRequest(
    { schema: produceRequest, version: 9, correlationId: 900, clientId: "x" },
    produceTo("a", 0, batchOf("silent"), 0),
  ));
  assertEquals(await stored(client, "a"), ["silent"]);
});

Deno.test("Produce with acks 0 closes the connection on an error, with one log line", async () => {
  await using broker = await startBroker();
  for (const [name, records] of [["nowhere", batchOf("x")], ["nowhere", null]] as const) {
    using client = broker.connect();
    broker.environment.lines.length = 0;
    await client.send(...encodeRequest(
      { schema: produceRequest, version: 9, correlationId: 1, clientId: "x" },
      produceTo(name, 0, records, 0),
    ));
    assertEquals(await client.receive(), null);
    assertEquals(broker.environment.lines.map(({ level }) => level), ["info"]);
  }
});

Deno.test("Produce tells the records that are at fault, from version 8 on", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "compacted", 1, [{ name: "cleanup.policy", value: "compact" }]);
  const records = buildBatch([
    { key: encoder.encode("k"), value: encoder.encode("v") },
    { value: encoder.encode("no key") },
  ]);
  for (const version of [7, 8, 12]) {
    const { responses } = await client.ask(PRODUCE, version, produceTo("compacted", 0, records));
    const { errorCode, recordErrors, errorMessage } = responses[0].partitionResponses[0];
    assertEquals(errorCode, 87);
    assertEquals(recordErrors.map(({ batchIndex }) => batchIndex), version < 8 ? [] : [1]);
    assertEquals(errorMessage === null, version < 8);
  }
});

Deno.test("Produce refuses transactional batches that name no transactional id, or an unknown one, as Kafka does", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const records = buildBatch([{ value: encoder.encode("x") }], {
    transactional: true,
    producer: { producerId: 1n, producerEpoch: 0, baseSequence: 0 },
  });
  for (const version of [9, 10, 11, 12]) {
    const request = produceTo("a", 0, records);
    const { responses } = await client.ask(PRODUCE, version, request);
    assertEquals(responses[0].partitionResponses[0].errorCode, 53, `v${version}`);
    const named = await client.ask(PRODUCE, version, { ...request, transactionalId: "tx" });
    assertEquals(named.responses[0].partitionResponses[0].errorCode, 49, `v${version}`);
  }
  assertEquals(await stored(client, "a"), []);
});

Deno.test("Produce to an internal topic is refused, but for Kafka's own tools", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "__consumer_offsets");
  const code = async (clientId: string) => {
    const request = produceTo("__consumer_offsets", 0, batchOf("x"));
    const { responses } = await client.ask(PRODUCE, 9, request, clientId);
    return responses[0].partitionResponses[0].errorCode;
  };
  assertEquals([await code("app"), await code("__admin_client") === 17], [17, false]);
});

Deno.test("Produce requests of one connection are stored in their order, however many at a time", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const values = Array.from({ length: 60 }, (_, at) => `r${at}`);
  for (const [at, value] of values.entries()) {
    await client.send(...encodeRequest(
      { schema: produceRequest, version: 9, correlationId: at, clientId: "x" },
      produceTo("a", 0, batchOf(value)),
    ));
  }
  await settle();
  for (const at of values.keys()) {
    const frame = await client.receive();
    assertEquals(new DataView(frame!.buffer).getInt32(0), at);
  }
  assertEquals(await stored(client, "a"), values);
});
