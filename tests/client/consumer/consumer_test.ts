import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FETCH, LIST_OFFSETS, METADATA } from "../../../client/apis.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { writeBaseOffset } from "../../../protocol/records/batch_header.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { consumerOf, fill, read, texts } from "../support/consumers.ts";
import { code, FakeCluster } from "../support/fake_cluster.ts";

const T0 = { topic: "t", partition: 0 };
const T1 = { topic: "t", partition: 1 };

Deno.test("Consumer reads the partitions that it is assigned, batch by batch", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 3);
  fill(logs[0], ["1", "2"], ["3"]);
  fill(logs[1], ["4"]);
  fill(logs[2], ["5"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1]);
  assertEquals((await read(cluster, consumer, 4)).toSorted(), ["1", "2", "3", "4"]);
  assertEquals(await consumer.position(T0), 3n);
  assertEquals(consumer.assignment(), [T0, T1]);
});

Deno.test("Consumer tells all about a record", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  const headers = [{ key: "h", value: new Uint8Array([1]) }, { key: "h", value: null }];
  const bytes = buildBatch([{ key: new Uint8Array([2]), headers, timestampMs: 77 }], {
    partitionLeaderEpoch: 4,
  });
  log.append(bytes);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  assertEquals(await consumer.poll(), [{
    ...T0,
    offset: 0n,
    timestampMs: 77,
    timestampType: "CreateTime",
    key: new Uint8Array([2]),
    value: null,
    headers,
    leaderEpoch: 4,
  }]);
});

Deno.test("Consumer returns maxPollRecords at most, and asks for more only when all is read", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1", "2", "3"], ["4", "5"]);
  await using consumer = consumerOf(cluster, { maxPollRecords: 2 });
  consumer.assign([T0]);
  const polls = [];
  for (let i = 0; i < 3; i++) {
    polls.push(texts(await consumer.poll()));
    if (i === 1) assertEquals(cluster.requests(FETCH).length, 1);
  }
  assertEquals(polls, [["1", "2"], ["3", "4"], ["5"]]);
});

Deno.test("Consumer waits for records that come later", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const polled = consumer.poll();
  await cluster.environment.advance(2000);
  fill(log, ["1"]);
  await cluster.environment.advance(500);
  assertEquals(texts(await polled), ["1"]);
});

Deno.test("Consumer returns nothing after the timeout of a poll", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const polled = consumer.poll({ timeoutMs: 100 });
  await cluster.environment.advance(100);
  assertEquals(await polled, []);
  assertEquals(await consumer.poll({ timeoutMs: 0 }), []);
});

Deno.test("Consumer seeks to an offset, also into the middle of a batch, and drops what was fetched", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1", "2", "3", "4"]);
  await using consumer = consumerOf(cluster, { maxPollRecords: 1 });
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  consumer.seek(T0, 2n);
  assertEquals(texts(await consumer.poll()), ["3"]);
  consumer.seekToBeginning();
  assertEquals(texts(await consumer.poll()), ["1"]);
  assertThrows(() => consumer.seek(T1, 0n), TypeError, "Partition t-1 is not assigned");
  assertThrows(() => consumer.seek(T0, -1n), RangeError, "Cannot seek to -1 in t-0");
});

Deno.test("Consumer drops the answer of a fetch that a seek overtook", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1", "2"], ["3"]);
  const gate = Promise.withResolvers<void>();
  cluster.next(FETCH, async (request) => {
    await gate.promise;
    return await cluster.fetch(request);
  });
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const polled = consumer.poll();
  await cluster.environment.advance(1);
  consumer.seek(T0, 2n);
  gate.resolve();
  assertEquals(texts(await polled), ["3"]);
});

Deno.test("Consumer seeks to a time, and to the end when no record is that young", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1", "2"], ["3", "4"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  consumer.seekToTime(2500);
  assertEquals(texts(await consumer.poll()), ["3", "4"]);
  consumer.seekToTime(9000);
  assertEquals(await consumer.position(T0), 4n);
  const [found] = await consumer.offsetsForTimes([{ ...T0, timestampMs: 1500 }]);
  const [missing] = await consumer.offsetsForTimes([{ ...T0, timestampMs: 9000 }]);
  assertEquals([found.offset, found.timestampMs], [1n, 2000]);
  assertEquals([missing.offset, missing.timestampMs], [-1n, -1]);
});

Deno.test("Consumer begins at the end by default", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1"]);
  await using consumer = consumerOf(cluster, { autoOffsetReset: undefined });
  consumer.assign([T0]);
  const polled = consumer.poll({ timeoutMs: 10 });
  await cluster.environment.advance(10);
  assertEquals(await polled, []);
  fill(log, ["2"]);
  assertEquals(await read(cluster, consumer, 1), ["2"]);
});

Deno.test("Consumer begins a duration back if it is told to", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  await using consumer = consumerOf(cluster, { autoOffsetReset: "by_duration:PT1H30M" });
  consumer.assign([T0]);
  await consumer.position(T0);
  const { timestamp } = cluster.requests(LIST_OFFSETS)[0].body.topics[0].partitions[0];
  assertEquals(Number(timestamp), cluster.environment.clock.now() - 5_400_000);
  for (const bad of ["by_duration:P", "by_duration:PT", "by_duration:1h", "never"]) {
    assertThrows(() => consumerOf(cluster, { autoOffsetReset: bad as "none" }), TypeError, bad);
  }
});

Deno.test("Consumer goes where the policy says when its offset is gone", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  log.startOffset = 100;
  fill(log, ["1"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  consumer.seek(T0, 5n);
  assertEquals(await read(cluster, consumer, 1), ["1"]);
  assertEquals(await consumer.position(T0), 101n);
});

Deno.test("Consumer without a policy throws when its offset is gone, and when it has none", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t", 2);
  await using consumer = consumerOf(cluster, { autoOffsetReset: "none" });
  consumer.assign([T0]);
  consumer.seek(T0, 5n);
  const gone = assertRejects(
    () => consumer.poll(),
    KafkaError,
    "Cannot fetch t-0 from offset 5: there is no such offset",
  );
  await cluster.environment.advance(1);
  assertEquals((await gone).kind, "OFFSET_OUT_OF_RANGE");
  consumer.assign([T1]);
  await assertRejects(
    () => consumer.poll(),
    KafkaError,
    "Cannot read t-1: it has no position, and autoOffsetReset is none",
  );
  await assertRejects(() => consumer.position(T1), KafkaError, "it has no position");
});

Deno.test("Consumer returns nothing of a paused partition until it is resumed", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 2);
  fill(logs[0], ["1"]);
  fill(logs[1], ["2"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1]);
  consumer.pause([T0]);
  assertEquals(consumer.paused(), [T0]);
  assertEquals(await read(cluster, consumer, 1), ["2"]);
  const nothing = consumer.poll({ timeoutMs: 1000 });
  await cluster.environment.advance(1000);
  assertEquals(await nothing, []);
  consumer.resume([T0]);
  assertEquals(await read(cluster, consumer, 1), ["1"]);
});

Deno.test("Consumer keeps positions of partitions that stay assigned", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 2);
  fill(logs[0], ["1"], ["2"]);
  fill(logs[1], ["3"]);
  await using consumer = consumerOf(cluster, { maxPollRecords: 1 });
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  consumer.assign([T0, T1]);
  assertEquals((await read(cluster, consumer, 2)).toSorted(), ["2", "3"]);
  consumer.assign([T1]);
  consumer.assign([T0]);
  assertEquals(await read(cluster, consumer, 1), ["1"]);
});

Deno.test("Consumer uses fetch sessions: a partition is named again only when it has changed", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 2);
  fill(logs[0], ["1"]);
  cluster.on(FETCH, (request) => {
    if (request.sessionEpoch !== 0) return { errorCode: 0, sessionId: 7, responses: [] };
    return cluster.fetch(request, 7);
  });
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  const polled = consumer.poll({ timeoutMs: 0 });
  await cluster.environment.advance(0);
  await polled;
  const [first, second] = cluster.requests(FETCH).map(({ body }) => [
    body.sessionId,
    body.sessionEpoch,
    body.topics.flatMap(({ partitions }: { partitions: { partition: number }[] }) =>
      partitions.map(({ partition }) => partition)
    ),
  ]);
  assertEquals(first, [0, 0, [0, 1]]);
  assertEquals(second, [7, 1, [0]]);
});

Deno.test("Consumer begins another session at once when the broker has dropped it", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1"]);
  await using consumer = consumerOf(cluster);
  cluster.next(FETCH, () => ({
    errorCode: code("FETCH_SESSION_ID_NOT_FOUND"),
    sessionId: 0,
    responses: [],
  }));
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
});

Deno.test("Consumer follows a partition to its new leader", async () => {
  const cluster = new FakeCluster(2);
  const topic = cluster.topic("t");
  fill(topic.logs[0], ["1"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  topic.leaders[0] = 2;
  topic.epochs[0] = 1;
  cluster.on(FETCH, (request, { nodeId }) => {
    if (nodeId === 2) return cluster.fetch(request);
    const [{ topicId }] = request.topics;
    const partitions = [{
      partitionIndex: 0,
      errorCode: code("NOT_LEADER_OR_FOLLOWER"),
      highWatermark: -1n,
      records: null,
    }];
    return { errorCode: 0, responses: [{ topicId, partitions }] };
  });
  fill(topic.logs[0], ["2"]);
  assertEquals(await read(cluster, consumer, 1), ["2"]);
  assertEquals(cluster.requests(FETCH).at(-1)!.nodeId, 2);
  assertEquals(
    cluster.requests(FETCH).at(-1)!.body.topics[0].partitions[0].currentLeaderEpoch,
    1,
  );
});

Deno.test("Consumer goes on after the connection broke", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  cluster.next(FETCH, () => "close");
  fill(log, ["2"]);
  assertEquals(await read(cluster, consumer, 1), ["2"]);
});

Deno.test("Consumer goes back where the log was cut off by another leader", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1"], ["2"], ["3"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1", "2", "3"]);
  cluster.next(FETCH, (request) => ({
    errorCode: 0,
    responses: [{
      topicId: request.topics[0].topicId,
      partitions: [{
        partitionIndex: 0,
        errorCode: 0,
        highWatermark: 1n,
        divergingEpoch: { epoch: 0, endOffset: 1n },
        records: null,
      }],
    }],
  }));
  assertEquals(await read(cluster, consumer, 2), ["2", "3"]);
});

Deno.test("Consumer throws for a damaged batch, after the records before it", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1"], ["2"]);
  log.batches[1][65] ^= 1;
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  assertEquals(texts(await consumer.poll()), ["1"]);
  const error = await assertRejects(
    () => consumer.poll(),
    KafkaError,
    "Cannot read t-0 at offset 1: Batch at offset 1 has CRC ",
  );
  assertEquals(error.kind, "CORRUPT_MESSAGE");
  consumer.seek(T0, 2n);
  fill(log, ["3"]);
  assertEquals(await read(cluster, consumer, 1), ["3"]);
});

Deno.test("Consumer throws what is final for a partition, and goes on with the others", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 2);
  fill(logs[1], ["1"]);
  cluster.next(FETCH, (request) => {
    const [{ topicId, partitions }] = cluster.fetchNow(request).responses as {
      topicId: string;
      partitions: never[];
    }[];
    const refused = {
      partitionIndex: 0,
      errorCode: code("TOPIC_AUTHORIZATION_FAILED"),
      highWatermark: -1n,
      records: null,
    };
    return { errorCode: 0, responses: [{ topicId, partitions: [refused, ...partitions] }] };
  });
  await using consumer = consumerOf(cluster);
  consumer.assign([T0, T1]);
  await assertRejects(
    () => consumer.poll(),
    KafkaError,
    "Cannot fetch t-0 from offset 0: TOPIC_AUTHORIZATION_FAILED",
  );
  assertEquals(texts(await consumer.poll()), ["1"]);
});

Deno.test("Consumer skips offsets that compaction has removed", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  const value = new Uint8Array([49]);
  const compacted = buildBatch([{ value, offsetDelta: 1 }], { lastOffsetDelta: 4 });
  const empty = buildBatch([], { lastOffsetDelta: 2 });
  writeBaseOffset(empty, 5);
  log.batches.push(compacted, empty);
  fill(log, ["2"]);
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const records = await consumer.poll();
  assertEquals(records.map(({ offset }) => offset), [1n, 8n]);
  assertEquals(await consumer.position(T0), 9n);
});

Deno.test("Consumer iterates over records until it is closed", async () => {
  const cluster = new FakeCluster();
  const { logs: [log] } = cluster.topic("t");
  fill(log, ["1", "2"], ["3"]);
  const consumer = consumerOf(cluster, { maxPollRecords: 2 });
  consumer.assign([T0]);
  const found: string[] = [];
  for await (const record of consumer) {
    found.push(...texts([record]));
    if (found.length === 3) await consumer.close();
  }
  assertEquals(found, ["1", "2", "3"]);
});

Deno.test("Consumer that is closed ends the poll that waits", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  const consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const polled = consumer.poll();
  await cluster.environment.advance(100);
  await consumer.close();
  assertEquals(await polled, []);
});

Deno.test("Consumer takes one poll at a time", async () => {
  const cluster = new FakeCluster();
  cluster.topic("t");
  const consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const first = consumer.poll();
  await assertRejects(() => consumer.poll(), TypeError, "another poll is not done");
  await consumer.close();
  await first;
});

Deno.test("Consumer waits for a topic that does not exist yet", async () => {
  const cluster = new FakeCluster();
  await using consumer = consumerOf(cluster);
  consumer.assign([T0]);
  const polled = consumer.poll();
  await cluster.environment.advance(3000);
  fill(cluster.topic("t").logs[0], ["1"]);
  await cluster.environment.advance(3000);
  assertEquals(texts(await polled), ["1"]);
  assert(cluster.requests(METADATA)[0].body.allowAutoTopicCreation);
});

Deno.test("Consumer tells first and last offsets of partitions that it is not assigned", async () => {
  const cluster = new FakeCluster();
  const { logs } = cluster.topic("t", 2);
  logs[1].startOffset = 10;
  fill(logs[1], ["1", "2"]);
  await using consumer = consumerOf(cluster);
  const first = await consumer.beginningOffsets([T0, T1]);
  const last = await consumer.endOffsets([T0, T1]);
  assertEquals(first.map(({ offset }) => offset), [0n, 10n]);
  assertEquals(last.map(({ offset }) => offset), [0n, 12n]);
});
