import { assert, assertEquals } from "@std/assert";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../../../protocol/messages/21_delete_records.ts";
import {
  describeLogDirsRequest,
  describeLogDirsResponse,
} from "../../../protocol/messages/35_describe_log_dirs.ts";
import { ERROR_CODES } from "../../../protocol/errors.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { startBroker, type WireClient } from "../support.ts";
import { createTopic, PRODUCE, produceTo } from "../topics.ts";

const DELETE = [deleteRecordsRequest, deleteRecordsResponse] as const;
const DIRS = [describeLogDirsRequest, describeLogDirsResponse] as const;
const NOW = 1_700_000_000_000;

function batch(timestampMs = NOW): Uint8Array {
  return buildBatch([{ key: new Uint8Array(1), value: new Uint8Array(100), timestampMs }]);
}

async function deleteBefore(
  client: WireClient,
  offset: number,
  { version = 2, topic = "a", partition = 0 } = {},
): Promise<[errorCode: number, lowWatermark: number]> {
  const { topics } = await client.ask(DELETE, version, {
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset: BigInt(offset) }] }],
    timeoutMs: 1_000,
  });
  const [{ errorCode, lowWatermark }] = topics[0].partitions;
  return [errorCode, Number(lowWatermark)];
}

Deno.test("DeleteRecords raises the start of a log, by offset or to its end, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 1);
  for (let n = 0; n < 9; n++) await client.ask(PRODUCE, 9, produceTo("a", 0, batch()));
  for (let version = 0; version <= 2; version++) {
    assertEquals(await deleteBefore(client, version + 2, { version }), [0, version + 2]);
  }
  assertEquals(await deleteBefore(client, 1), [0, 4]);
  assertEquals(await deleteBefore(client, -1), [0, 9]);
});

Deno.test("DeleteRecords refuses what is beyond the end, not there, or not to be deleted", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 1);
  await createTopic(client, "kept", 1, [{ name: "cleanup.policy", value: "compact" }]);
  const { OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION, POLICY_VIOLATION } = ERROR_CODES;
  assertEquals(await deleteBefore(client, 1), [OFFSET_OUT_OF_RANGE.code, -1]);
  assertEquals(await deleteBefore(client, -2), [OFFSET_OUT_OF_RANGE.code, -1]);
  assertEquals(await deleteBefore(client, 0, { partition: 1 }), [
    UNKNOWN_TOPIC_OR_PARTITION.code,
    -1,
  ]);
  assertEquals(await deleteBefore(client, 0, { topic: "kept" }), [POLICY_VIOLATION.code, -1]);
});

Deno.test("DescribeLogDirs tells what each partition has stored, of all topics or some, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 2);
  await createTopic(client, "b", 1);
  for (let n = 0; n < 3; n++) await client.ask(PRODUCE, 9, produceTo("a", 1, batch()));
  for (let version = 1; version <= 5; version++) {
    const { results } = await client.ask(DIRS, version, { topics: null });
    const sizes = Object.fromEntries(
      results[0].topics.map(({ name, partitions }) => [
        name,
        partitions.map(({ partitionSize }) => Number(partitionSize)),
      ]),
    );
    assertEquals(sizes, { a: [0, 3 * batch().length], b: [0] }, `v${version}`);
  }
  const some = { topics: [{ topic: "a", partitions: [1, 7] }, { topic: "none", partitions: [0] }] };
  const { results } = await client.ask(DIRS, 5, some);
  assertEquals(results[0].topics.map(({ name, partitions }) => [name, partitions.length]), [
    ["a", 1],
  ]);
});

Deno.test("Broker lets old records go by its topics' settings", async () => {
  await using broker = await startBroker({ "log.retention.check.interval.ms": "1000" });
  using client = broker.connect();
  await createTopic(client, "a", 1, [{ name: "retention.ms", value: "60000" }]);
  await client.ask(PRODUCE, 9, produceTo("a", 0, batch(NOW - 50_000)));
  await broker.environment.advance(5_000);
  const size = async () => {
    const { results } = await client.ask(DIRS, 5, { topics: null });
    return Number(results[0].topics[0].partitions[0].partitionSize);
  };
  assert(await size() > 0);
  await broker.environment.advance(10_000);
  assertEquals(await size(), 0);
});
