import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { pipe } from "../../../environment/pipe.ts";
import type { ByteStream } from "../../../environment/environment.ts";
import { FrameReader, ProtocolViolation } from "../../../server/connection/frame_reader.ts";
import { RequestMemory } from "../../../server/connection/request_memory.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { Random } from "../../protocol/random_message.ts";

const FRAME_BYTES_MAX = 4 * 1024 * 1024;

function readerOf(stream: Pick<ByteStream, "read">, memoryBytesMax = 64 * 1024 * 1024) {
  const memory = new RequestMemory(memoryBytesMax, new ManualEnvironment().clock, () => {});
  const reader = new FrameReader(stream as ByteStream, FRAME_BYTES_MAX, memory, () => {});
  return { reader, memory };
}

/** A stream that gives `bytes` in pieces, and remembers how large the buffers were that it was asked to fill. */
function piecewise(bytes: Uint8Array, pieceOf: () => number) {
  let at = 0;
  const asked: number[] = [];
  return {
    asked,
    read(buffer: Uint8Array): Promise<number | null> {
      asked.push(buffer.length);
      if (at === bytes.length) return Promise.resolve(null);
      const count = Math.min(pieceOf(), buffer.length, bytes.length - at);
      buffer.set(bytes.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
  };
}

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(bodies.reduce((sum, body) => sum + 4 + body.length, 0));
  let at = 0;
  for (const body of bodies) {
    new DataView(bytes.buffer).setInt32(at, body.length);
    bytes.set(body, at + 4);
    at += 4 + body.length;
  }
  return bytes;
}

async function framesOf(reader: FrameReader): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  while (true) {
    const frame = reader.take();
    if (frame) {
      frames.push(frame.bytes);
      frame.release();
    } else if (!await reader.fill()) return frames;
  }
}

Deno.test("FrameReader cuts any stream into the frames that were sent, however it arrives", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const sizes = [0, 1, 3, 100, 1020, 4092, 4093, 9_000, 65_532, 65_533, 70_000, 300_000];
    const bodies = Array.from(
      { length: 30 },
      () => new Uint8Array(sizes[random.below(sizes.length)]).fill(random.below(256)),
    );
    const pieceMax = [1 + random.below(9), 1_000, 70_000, 1_000_000][random.below(4)];
    const bytes = framed(seed % 4 === 0 ? bodies.filter(({ length }) => length < 9_000) : bodies);
    const stream = piecewise(bytes, () => 1 + random.below(pieceMax < 10 ? 3_000 : pieceMax));
    const { reader, memory } = readerOf(stream);
    assertEquals(framed(await framesOf(reader)), bytes, `seed ${seed}`);
    assert(!reader.midFrame);
    assertEquals(memory.heldBytes, 0);
  }
});

Deno.test("FrameReader never writes to a frame that it has given away", async () => {
  const random = new Random(5);
  const bodies = Array.from(
    { length: 2_000 },
    (_, at) => new Uint8Array(random.below(900)).fill(at),
  );
  const { reader } = readerOf(piecewise(framed(bodies), () => 1 + random.below(5_000)));
  const frames = await framesOf(reader);
  assertEquals(frames.map((frame) => frame.toString()), bodies.map((body) => body.toString()));
});

Deno.test("FrameReader asks for no more memory than twice what arrived, whatever is announced", async () => {
  const announced = new Uint8Array(4 + 100_000);
  new DataView(announced.buffer).setInt32(0, FRAME_BYTES_MAX);
  const stream = piecewise(announced, () => 10_000);
  const { reader, memory } = readerOf(stream);
  while (await reader.fill());
  assertEquals(memory.heldBytes, 64 * 1024, "the first 64 KiB are free");
  assert(Math.max(...stream.asked) <= 128 * 1024);
  assert(reader.midFrame);
  reader.close();
  assertEquals(memory.heldBytes, 0);
});

Deno.test("FrameReader refuses a size that is negative or beyond the limit", async () => {
  for (const size of [-1, -2147483648, FRAME_BYTES_MAX + 1, 2147483647]) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setInt32(0, size);
    const { reader } = readerOf(piecewise(bytes, () => 8));
    await reader.fill();
    assertThrows(() => reader.take(), ProtocolViolation, `announced ${size} bytes`);
  }
});

Deno.test("FrameReader tells a TLS hello and an HTTP request from a Kafka client", async () => {
  const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01);
  const http = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  for (const [bytes, name] of [[hello, "TLS"], [http, "HTTP"]] as const) {
    const { reader } = readerOf(piecewise(bytes, () => 100));
    await reader.fill();
    assertThrows(() => reader.take(), ProtocolViolation, name);
  }
});

Deno.test("FrameReader holds a small buffer for a connection that is idle", async () => {
  const stream = piecewise(framed([new Uint8Array(30)]), () => 100);
  const { reader } = readerOf(stream);
  await reader.fill();
  reader.take();
  await reader.fill();
  assert(Math.max(...stream.asked) <= 4 * 1024);
});

Deno.test("FrameReader reports what breaks the stream", async () => {
  const [near, far] = pipe();
  const { reader } = readerOf({
    read: () => Promise.reject(new TypeError("broken")),
  });
  await assertRejects(() => reader.fill(), TypeError, "broken");
  near.close();
  far.close();
});
