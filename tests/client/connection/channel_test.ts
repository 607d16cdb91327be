import { assertEquals, assertRejects } from "@std/assert";
import { Channel, type ChannelOptions } from "../../../client/connection/channel.ts";
import { FrameReader } from "../../../client/connection/frame_reader.ts";
import type { ByteStream } from "../../../environment/environment.ts";
import { pipe } from "../../../environment/pipe.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

/** A channel, and the other end of its connection. */
function connected(options: Partial<ChannelOptions> = {}) {
  const environment = new ManualEnvironment();
  const [near, far] = pipe();
  const channel = new Channel(near, {
    environment,
    peer: "broker:9092",
    inFlightMax: 5,
    responseBytesMax: 1000,
    ...options,
  });
  return { environment, channel, far, requests: new FrameReader(far, 1000) };
}

/** A request whose frame is its name, and whose answer is the text behind the correlation id. */
function call(name: string, timeoutMs = 1000) {
  return {
    what: name,
    timeoutMs,
    encode: (correlationId: number) => [frame(correlationId, name)],
    decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(4)),
  };
}

function frame(correlationId: number, text: string): Uint8Array {
  const bytes = new Uint8Array(8 + text.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length - 4);
  view.setInt32(4, correlationId);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes;
}

async function nextRequest(requests: FrameReader): Promise<[number, string]> {
  const bytes = (await requests.next())!;
  const correlationId = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
  return [correlationId, new TextDecoder().decode(bytes.subarray(4))];
}

async function answer(far: ByteStream, correlationId: number, text: string): Promise<void> {
  await far.write([frame(correlationId, text)]);
  await settle();
}

Deno.test("Channel sends requests without waiting for answers, and matches these in order", async () => {
  const { channel, far, requests } = connected();
  const answers = ["a", "b"].map((name) => channel.exchange(call(name)));
  assertEquals(await nextRequest(requests), [0, "a"]);
  assertEquals(await nextRequest(requests), [1, "b"]);
  await answer(far, 0, "A");
  await answer(far, 1, "B");
  assertEquals(await Promise.all(answers), ["A", "B"]);
  channel.close();
});

Deno.test("Channel holds requests back beyond inFlightMax, in order", async () => {
  const { channel, far, requests } = connected({ inFlightMax: 2 });
  const answers = ["a", "b", "c"].map((name) => channel.exchange(call(name)));
  await nextRequest(requests);
  await nextRequest(requests);
  let third: unknown = null;
  nextRequest(requests).then((request) => third = request);
  await settle();
  assertEquals(third, null);
  await answer(far, 0, "A");
  assertEquals(third, [2, "c"]);
  assertEquals(channel.inFlight, 2);
  await answer(far, 1, "B");
  await answer(far, 2, "C");
  assertEquals(await Promise.all(answers), ["A", "B", "C"]);
  channel.close();
});

Deno.test("Channel closes on an answer out of order, and all who wait are told", async () => {
  const { channel, far } = connected();
  const answers = ["a", "b"].map((name) =>
    assertRejects(
      () => channel.exchange(call(name)),
      KafkaError,
      `Cannot get an answer to ${name}: Connection to broker:9092: ` +
        "an answer with correlation id 1, expected 0",
    )
  );
  await answer(far, 1, "B");
  for (const { kind } of await Promise.all(answers)) assertEquals(kind, "NETWORK_EXCEPTION");
  await assertRejects(() => channel.exchange(call("c")), KafkaError, "Cannot send c: ");
});

Deno.test("Channel closes on an answer that nobody asked for", async () => {
  const { channel, far } = connected();
  await answer(far, 0, "A");
  assertEquals(
    channel.failure?.message,
    "Connection to broker:9092: an answer with correlation id 0, expected none",
  );
});

Deno.test("Channel closes on an answer that cannot be decoded", async () => {
  const { channel, far } = connected();
  const failed = assertRejects(
    () =>
      channel.exchange({
        ...call("a"),
        decode: () => {
          throw new RangeError("no such answer");
        },
      }),
    KafkaError,
    "no such answer",
  );
  await answer(far, 0, "A");
  await failed;
});

Deno.test("Channel closes when an answer does not come in time: the next one might be the late one", async () => {
  const { channel, environment } = connected();
  const slow = assertRejects(
    () => channel.exchange(call("slow", 1000)),
    KafkaError,
    "Cannot get an answer to slow from broker:9092 within 1000 ms",
  );
  const other = assertRejects(() => channel.exchange(call("other", 9000)), KafkaError);
  await environment.advance(1000);
  assertEquals((await slow).kind, "REQUEST_TIMED_OUT");
  assertEquals((await other).kind, "NETWORK_EXCEPTION");
});

Deno.test("Channel stays open when a request expires that was not sent yet", async () => {
  const { channel, environment, far } = connected({ inFlightMax: 1 });
  const first = channel.exchange(call("a", 9000));
  const second = assertRejects(() => channel.exchange(call("b", 1000)), KafkaError);
  await environment.advance(1000);
  assertEquals((await second).kind, "REQUEST_TIMED_OUT");
  await answer(far, 0, "A");
  assertEquals(await first, "A");
  channel.close();
});

Deno.test("Channel settles a request without an answer when its bytes are out", async () => {
  const { channel, far, requests } = connected();
  const posted = channel.exchange({ ...call("post"), decode: null });
  const asked = channel.exchange(call("ask"));
  assertEquals(await nextRequest(requests), [0, "post"]);
  await posted;
  await nextRequest(requests);
  await answer(far, 1, "A");
  assertEquals(await asked, "A");
  channel.close();
});

Deno.test("Channel sends nothing while it is throttled", async () => {
  const { channel, environment, requests } = connected();
  channel.throttle(500);
  const answer = channel.exchange(call("a", 9000)).catch(() => {});
  let request: unknown = null;
  nextRequest(requests).then((seen) => request = seen, () => {});
  await environment.advance(499);
  assertEquals(request, null);
  await environment.advance(1);
  assertEquals(request, [0, "a"]);
  channel.close();
  await answer;
});

Deno.test("Channel stays throttled as long as was asked for, when a later answer asks for less", async () => {
  const { channel, environment, requests } = connected();
  channel.throttle(500);
  await environment.advance(100);
  channel.throttle(50);
  const answer = channel.exchange(call("a", 9000)).catch(() => {});
  let request: unknown = null;
  nextRequest(requests).then((seen) => request = seen, () => {});
  await environment.advance(399);
  assertEquals(request, null);
  await environment.advance(1);
  assertEquals(request, [0, "a"]);
  channel.close();
  await answer;
});

Deno.test("Channel goes on after a request that cannot be encoded", async () => {
  const { channel, far } = connected();
  const bad = {
    ...call("bad"),
    encode: () => {
      throw new KafkaError("UNSUPPORTED_VERSION", "no version can carry it");
    },
  };
  const error = await assertRejects(() => channel.exchange(bad), KafkaError);
  assertEquals(error.message, "Cannot send bad: no version can carry it");
  const good = channel.exchange(call("good"));
  await answer(far, 0, "A");
  assertEquals(await good, "A");
  channel.close();
});

Deno.test("Channel tells those who wait when the broker closes the connection", async () => {
  const { channel, far } = connected();
  const failed = assertRejects(
    () => channel.exchange(call("a")),
    KafkaError,
    "Cannot get an answer to a: Connection to broker:9092: the broker closed it",
  );
  far.close();
  await failed;
});
