import { assert, assertEquals } from "@std/assert";
import { decodeResponse, encodeRequest } from "../../../protocol/frames.ts";
import { fetchRequest, fetchResponse } from "../../../protocol/messages/01_fetch.ts";
import {
  deleteTopicsRequest,
  deleteTopicsResponse,
} from "../../../protocol/messages/20_delete_topics.ts";
import type { Draft, Infer } from "../../../protocol/schema/mod.ts";
import { settle } from "../../support/manual_environment.ts";
import { startBroker, type WireClient } from "../support.ts";
import {
  batchOf,
  createTopic,
  FETCH,
  fetchFrom,
  PRODUCE,
  produceTo,
  valuesIn,
  type Wanted,
} from "../topics.ts";

const A = { topic: "a" };

async function produce(client: WireClient, partition: number, ...values: string[]) {
  const request = produceTo("a", partition, batchOf(...values));
  const { responses } = await client.ask(PRODUCE, 9, request);
  assertEquals(responses[0].partitionResponses[0].errorCode, 0);
}

/** A broker with topic "a" of three partitions. */
async function withTopic(config: Readonly<Record<string, string>> = {}) {
  const broker = await startBroker(config);
  using client = broker.connect();
  const topicId = await createTopic(client, "a", 3);
  return {
    ...broker,
    topicId,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** Sends a Fetch and gives the answer when it comes. */
function begin(client: WireClient, version: number, draft: Draft<typeof fetchRequest>) {
  const state: { answer: Infer<typeof fetchResponse> | null } = { answer: null };
  client.ask(FETCH, version, draft).then((answer) => state.answer = answer, () => {});
  return state;
}

const valuesOf = (answer: Infer<typeof fetchResponse> | null) =>
  answer?.responses.flatMap(({ partitions }) =>
    partitions.flatMap(({ records }) => valuesIn(records))
  );

Deno.test("Fetch reads what was produced, in every version", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  await produce(client, 1, "x", "y");
  for (let version = 4; version <= 18; version++) {
    const topic = version < 13 ? A : { topicId: broker.topicId };
    const answer = await client.ask(FETCH, version, fetchFrom(topic, [{ partition: 1 }]));
    const [{ partitions: [partition], ...named }] = answer.responses;
    assertEquals(version < 13 ? named.topic : named.topicId, Object.values(topic)[0]);
    assertEquals(
      [partition.errorCode, partition.highWatermark, partition.lastStableOffset],
      [0, 2n, 2n],
    );
    assertEquals([partition.abortedTransactions, partition.preferredReadReplica], [null, -1]);
    assertEquals(valuesOf(answer), ["x", "y"]);
  }
});

Deno.test("Fetch with read_committed has a list of aborted transactions", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  await produce(client, 0, "x");
  const request = fetchFrom(A, [{ partition: 0 }], { isolationLevel: 1 });
  const { responses } = await client.ask(FETCH, 12, request);
  assertEquals(responses[0].partitions[0].abortedTransactions, []);
});

Deno.test("Fetch answers an error of a partition at once, beside the others", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  await produce(client, 0, "x");
  const answer = await client.ask(FETCH, 12, {
    ...fetchFrom(A, [
      { partition: 0, offset: 1 },
      { partition: 1, offset: 7 },
      { partition: 2, offset: -5 },
      { partition: 9 },
    ]),
    maxWaitMs: 1_000_000,
  });
  const [{ partitions }] = answer.responses;
  assertEquals(
    partitions.map(({ errorCode, highWatermark, records }) => [errorCode, highWatermark, records]),
    [[0, 1n, []], [1, -1n, []], [1, -1n, []], [3, -1n, []]],
  );
});

Deno.test("Fetch answers unknown topics by name with 3 and by id with 100", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  const topicId = "BBBBBBBBBBBBBBBBBBBBBA";
  const named = await client.ask(FETCH, 12, fetchFrom({ topic: "no" }, [{ partition: 0 }]));
  assertEquals(named.responses[0].partitions[0].errorCode, 3);
  const answer = await client.ask(FETCH, 13, fetchFrom({ topicId }, [{ partition: 0 }]));
  assertEquals([answer.errorCode, answer.responses[0].topicId], [0, topicId]);
  assertEquals(answer.responses[0].partitions[0].errorCode, 100);
});

Deno.test("Fetch checks the client's idea of the leader epoch", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  const code = async (currentLeaderEpoch: number) => {
    const request = fetchFrom(A, [{ partition: 0 }]);
    const { responses } = await client.ask(FETCH, 12, {
      ...request,
      topics: request.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((partition) => ({ ...partition, currentLeaderEpoch })),
      })),
    });
    return responses[0].partitions[0].errorCode;
  };
  assertEquals([await code(-1), await code(1_000_000)], [0, 75]);
});

Deno.test("Fetch waits for records, and is woken by them", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  using producer = broker.connect();
  const fetch = begin(
    consumer,
    12,
    fetchFrom(A, [{ partition: 0 }, { partition: 1 }], { maxWaitMs: 5_000 }),
  );
  await broker.environment.advance(1_000);
  assertEquals(fetch.answer, null);
  await produce(producer, 2, "elsewhere");
  await settle();
  assertEquals(fetch.answer, null);
  await produce(producer, 1, "x");
  await settle();
  assertEquals(valuesOf(fetch.answer), ["x"]);
});

Deno.test("Fetch answers with nothing when its time is up", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  const fetch = begin(consumer, 12, fetchFrom(A, [{ partition: 0 }], { maxWaitMs: 500 }));
  await broker.environment.advance(499);
  assertEquals(fetch.answer, null);
  await broker.environment.advance(1);
  assertEquals(fetch.answer?.responses[0].partitions[0].errorCode, 0);
  assertEquals(valuesOf(fetch.answer), []);
});

Deno.test("Fetch does not wait when the client does not want to", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  for (const more of [{ maxWaitMs: 0 }, { maxWaitMs: 500, minBytes: 0 }, { maxWaitMs: -1 }]) {
    const fetch = begin(consumer, 12, fetchFrom(A, [{ partition: 0 }], more));
    await settle();
    assert(fetch.answer, JSON.stringify(more));
  }
});

Deno.test("Fetch waits for min bytes, and takes less when its time is up", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  using producer = broker.connect();
  const size = batchOf("0123456789").length;
  const draft = fetchFrom(A, [{ partition: 0 }, { partition: 1 }], {
    maxWaitMs: 500,
    minBytes: 3 * size,
  });
  const first = begin(consumer, 12, draft);
  await settle();
  await produce(producer, 0, "0123456789");
  await produce(producer, 1, "0123456789");
  await settle();
  assertEquals(first.answer, null);
  await produce(producer, 0, "0123456789");
  await settle();
  assertEquals(valuesOf(first.answer)?.length, 3);

  const second = begin(consumer, 12, { ...draft, minBytes: 4 * size });
  await broker.environment.advance(500);
  assertEquals(valuesOf(second.answer)?.length, 3);
});

Deno.test("Fetch that waits is told of a topic that is deleted", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  using admin = broker.connect();
  const fetch = begin(consumer, 12, fetchFrom(A, [{ partition: 0 }], { maxWaitMs: 60_000 }));
  await settle();
  await admin.ask([deleteTopicsRequest, deleteTopicsResponse], 4, {
    topicNames: ["a"],
    timeoutMs: 1_000,
  });
  await settle();
  assertEquals(fetch.answer?.responses[0].partitions[0].errorCode, 3);
});

Deno.test("Fetch that waits is answered when the broker closes", async () => {
  const broker = await withTopic();
  using consumer = broker.connect();
  const fetch = begin(consumer, 12, fetchFrom(A, [{ partition: 0 }], { maxWaitMs: 60_000 }));
  await settle();
  await broker[Symbol.asyncDispose]();
  await settle();
  assertEquals(fetch.answer?.responses[0].partitions[0].errorCode, 0);
});

Deno.test("Fetch that waits blocks only the requests behind it on its connection", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  using other = broker.connect();
  for (const [id, maxWaitMs] of [[1, 1_000], [2, 0]]) {
    await consumer.send(...encodeRequest(
      { schema: fetchRequest, version: 12, correlationId: id, clientId: "x" },
      fetchFrom(A, [{ partition: 0 }], { maxWaitMs }),
    ));
  }
  await produce(other, 1, "x");
  await broker.environment.advance(1_000);
  for (const id of [1, 2]) {
    const frame = await consumer.receive();
    assertEquals(decodeResponse(fetchResponse, 12, frame!).correlationId, id);
  }
});

Deno.test("Fetch keeps to max bytes, and sends one batch however large", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  for (const partition of [0, 1, 2]) {
    for (const letter of ["a", "b"]) await produce(client, partition, letter.repeat(1_000));
  }
  const size = batchOf("a".repeat(1_000)).length;
  const sizes = async (partitions: readonly Wanted[], maxBytes: number) => {
    const answer = await client.ask(FETCH, 12, fetchFrom(A, partitions, { maxBytes }));
    return answer.responses[0].partitions.map(({ records }) =>
      (records ?? []).reduce((sum, slice) => sum + slice.length, 0) / size
    );
  };
  const all = [{ partition: 0 }, { partition: 1 }, { partition: 2 }];
  assertEquals(await sizes(all, 1_000_000), [2, 2, 2]);
  assertEquals(await sizes(all, 3 * size), [2, 1, 0]);
  assertEquals(await sizes(all, 10), [1, 0, 0]);
  assertEquals(await sizes(all, 0), [1, 0, 0]);
  assertEquals(await sizes([{ partition: 0, offset: 2 }, ...all.slice(1)], 10), [0, 1, 0]);
  assertEquals(await sizes(all.map((each) => ({ ...each, maxBytes: 10 })), 1_000_000), [1, 0, 0]);
});

Deno.test("Fetch answers with no more than odradek.response.max.bytes", async () => {
  await using broker = await withTopic({ "odradek.response.max.bytes": "5000" });
  using client = broker.connect();
  for (let count = 0; count < 10; count++) await produce(client, 0, "x".repeat(1_000));
  const answer = await client.ask(FETCH, 12, fetchFrom(A, [{ partition: 0 }]));
  assertEquals(valuesOf(answer)?.length, 4);
});

Deno.test("Fetch sends no batch beyond its share while unread answers take all memory, but small ones", async () => {
  await using broker = await withTopic({ "odradek.queued.max.response.bytes": "300000" });
  using client = broker.connect();
  await produce(client, 0, "x".repeat(250_000));
  await produce(client, 1, "small");
  const silent = [broker.connect(), broker.connect()];
  for (const each of silent) {
    await each.send(...encodeRequest(
      { schema: fetchRequest, version: 12, correlationId: 1, clientId: "x" },
      fetchFrom(A, [{ partition: 0 }]),
    ));
    await settle();
  }
  assertEquals(valuesOf(await client.ask(FETCH, 12, fetchFrom(A, [{ partition: 1 }]))), ["small"]);
  using consumer = broker.connect();
  const large = fetchFrom(A, [{ partition: 0 }], { maxWaitMs: 500 });
  const first = begin(consumer, 12, large);
  await broker.environment.advance(499);
  assertEquals(first.answer, null, "it waits, as for records");
  await broker.environment.advance(1);
  assertEquals(valuesOf(first.answer), []);
  // Who does not read is let go; then there is room.
  await broker.environment.advance(12_000);
  assertEquals(valuesOf(await consumer.ask(FETCH, 12, large))?.[0].length, 250_000);
});

Deno.test("Fetch sessions: the first request tells all, the next ones what is new", async () => {
  await using broker = await withTopic();
  using consumer = broker.connect();
  using producer = broker.connect();
  const { topicId } = broker;
  await produce(producer, 0, "x");
  const all = [{ partition: 0 }, { partition: 1 }];
  const opened = await consumer.ask(FETCH, 16, {
    ...fetchFrom({ topicId }, all),
    sessionId: 0,
    sessionEpoch: 0,
  });
  const { sessionId } = opened;
  assert(sessionId > 0);
  assertEquals(opened.responses[0].partitions.length, 2);

  const next = (sessionEpoch: number, partitions: readonly Wanted[], maxWaitMs = 0) => ({
    ...fetchFrom({ topicId }, partitions),
    ...(partitions.length === 0 && { topics: [] }),
    maxWaitMs,
    sessionId,
    sessionEpoch,
  });
  const quiet = await consumer.ask(FETCH, 16, next(1, [{ partition: 0, offset: 1 }]));
  assertEquals([quiet.sessionId, quiet.responses], [sessionId, []]);

  const waiting = begin(consumer, 16, next(2, [], 5_000));
  await settle();
  await produce(producer, 1, "y");
  await settle();
  assertEquals(waiting.answer?.responses[0].partitions.map((each) => each.partitionIndex), [1]);
  assertEquals(valuesOf(waiting.answer), ["y"]);

  const repeated = await consumer.ask(FETCH, 16, next(2, []));
  assertEquals([repeated.errorCode, repeated.sessionId, repeated.responses], [71, 0, []]);
});

Deno.test("Fetch sessions serve partitions in turns when all have more than fits an answer", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  const { topicId } = broker;
  const ROUNDS = 6;
  for (const partition of [0, 1, 2]) {
    for (let n = 0; n < ROUNDS; n++) await produce(client, partition, "x".repeat(1_000));
  }
  const size = batchOf("x".repeat(1_000)).length;
  const offsets = [0, 0, 0];
  let sessionId = 0;
  const served: number[] = [];
  for (let sessionEpoch = 0; sessionEpoch < 3 * ROUNDS; sessionEpoch++) {
    const wanted = offsets.map((offset, partition) => ({ partition, offset }));
    const answer = await client.ask(FETCH, 16, {
      ...fetchFrom({ topicId }, wanted, { maxBytes: size }),
      sessionId,
      sessionEpoch,
    });
    sessionId = answer.sessionId;
    for (const { partitions } of answer.responses) {
      for (const { partitionIndex, records } of partitions) {
        const count = valuesIn(records).length;
        offsets[partitionIndex] += count;
        if (count > 0) served.push(partitionIndex);
      }
    }
  }
  assertEquals(served, Array.from({ length: 3 * ROUNDS }, (_, n) => n % 3));
});

Deno.test("Fetch refuses what makes no sense", async () => {
  await using broker = await withTopic();
  using client = broker.connect();
  const request = fetchFrom(A, [{ partition: 0 }]);
  const answer = await client.ask(FETCH, 12, { ...request, isolationLevel: 2 });
  assertEquals([answer.errorCode, answer.responses], [42, []]);
  const early = await client.ask(FETCH, 4, { ...request, isolationLevel: 2 });
  assertEquals(early.responses[0].partitions[0].errorCode, 42);
});
