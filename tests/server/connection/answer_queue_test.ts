import { assertEquals } from "@std/assert";
import { AnswerQueue } from "../../../server/connection/answer_queue.ts";
import { settle } from "../../support/manual_environment.ts";

/** A stream whose writes are held until they are let go. */
function heldStream() {
  const writes: {
    readonly bytes: number[];
    readonly settle: () => void;
    fail(error: Error): void;
  }[] = [];
  return {
    writes,
    write: (chunks: readonly Uint8Array[]) =>
      new Promise<void>((resolve, reject) => {
        const bytes = chunks.flatMap((chunk) => chunk.length < 10 ? [...chunk] : [chunk.length]);
        writes.push({ bytes, settle: resolve, fail: reject });
      }),
  };
}

function queueOf(stream: ReturnType<typeof heldStream>) {
  const events: string[] = [];
  const queue = new AnswerQueue(stream, {
    queued: (bytes) => events.push(`queued ${bytes}`),
    sent: (bytes) => events.push(`sent ${bytes}`),
    failed: (error) => events.push(`failed ${(error as Error).message}`),
  });
  return { queue, events };
}

const answer = (byte: number) => [Uint8Array.of(byte)];

Deno.test("AnswerQueue sends answers in the order of the requests", async () => {
  const stream = heldStream();
  const { queue } = queueOf(stream);
  const [first, second, third] = [queue.reserve(), queue.reserve(), queue.reserve()];
  third.fill(answer(3));
  second.fill(answer(2));
  assertEquals([queue.unanswered, stream.writes.length], [3, 0]);
  first.fill(answer(1));
  await settle();
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[1, 2, 3]]);
  assertEquals(queue.unanswered, 0);
});

Deno.test("AnswerQueue sends together what is answered in one turn", async () => {
  const stream = heldStream();
  const { queue } = queueOf(stream);
  const [first, second] = [queue.reserve(), queue.reserve()];
  Promise.resolve().then(() => first.fill(answer(1)));
  Promise.resolve().then(() => second.fill(answer(2)));
  await settle();
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[1, 2]]);
});

Deno.test("AnswerQueue sends together what is answered while a write is in progress", async () => {
  const stream = heldStream();
  const { queue } = queueOf(stream);
  queue.reserve().fill(answer(1));
  await settle();
  for (let byte = 2; byte <= 4; byte++) queue.reserve().fill(answer(byte));
  await settle();
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[1]]);
  stream.writes[0].settle();
  await settle();
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[1], [2, 3, 4]]);
});

Deno.test("AnswerQueue skips a request that gets no answer", async () => {
  const stream = heldStream();
  const { queue } = queueOf(stream);
  const [first, second] = [queue.reserve(), queue.reserve()];
  second.fill(answer(2));
  first.fill(null);
  await settle();
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[2]]);
});

Deno.test("AnswerQueue cuts a large answer into several writes, so that progress is seen", async () => {
  const MB = 1024 * 1024;
  const stream = heldStream();
  const { queue, events } = queueOf(stream);
  queue.reserve().fill([new Uint8Array(100), new Uint8Array(2 * MB)]);
  await settle();
  for (let turn = 0; turn < 3; turn++) {
    stream.writes[turn].settle();
    await settle();
  }
  assertEquals(stream.writes.map(({ bytes }) => bytes), [[100, MB - 100], [MB], [100]]);
  assertEquals(events, [`queued ${2 * MB + 100}`, `sent ${MB}`, `sent ${MB}`, "sent 100"]);
});

Deno.test("AnswerQueue wakes who waits for room, and everybody when it is closed", async () => {
  const stream = heldStream();
  const { queue, events } = queueOf(stream);
  const woken: string[] = [];
  queue.reserve().fill([new Uint8Array(50)]);
  const place = queue.reserve();
  queue.when(() => queue.unsentBytes === 0).then(() => woken.push("empty"));
  queue.when(() => queue.unanswered === 0).then(() => woken.push("answered"));
  await settle();
  assertEquals(woken, []);
  stream.writes[0].settle();
  await settle();
  assertEquals(woken, ["empty"]);
  queue.close();
  await settle();
  assertEquals(woken, ["empty", "answered"]);
  place.fill(answer(1));
  assertEquals(events, ["queued 50", "sent 50"]);
});

Deno.test("AnswerQueue takes back what was not sent when it is closed", () => {
  const stream = heldStream();
  const { queue, events } = queueOf(stream);
  queue.reserve().fill([new Uint8Array(50)]);
  queue.close();
  assertEquals(events, ["queued 50", "sent 50"]);
});

Deno.test("AnswerQueue tells of a stream that breaks", async () => {
  const stream = heldStream();
  const { queue, events } = queueOf(stream);
  queue.reserve().fill(answer(1));
  await settle();
  stream.writes[0].fail(new Error("reset"));
  await settle();
  assertEquals(events, ["queued 1", "failed reset"]);
});
