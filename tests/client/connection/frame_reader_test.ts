import { assertEquals, assertRejects } from "@std/assert";
import { FrameReader } from "../../../client/connection/frame_reader.ts";
import { pipe } from "../../../environment/pipe.ts";

function frame(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setInt32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8));
}

for (const size of [0, 1, 100, 65_531, 65_532, 65_533, 65_536, 200_000, 2_100_000]) {
  for (const step of [1_000_000_000, 70_000, 4096]) {
    Deno.test(`FrameReader reads frames of ${size} bytes that come in pieces of ${step}`, async () => {
      const [near, far] = pipe();
      const reader = new FrameReader(near, 10_000_000);
      const body = pattern(size);
      const bytes = new Uint8Array(2 * (4 + size) + 5);
      bytes.set(frame(body));
      bytes.set(frame(new Uint8Array([7])), 4 + size);
      bytes.set(frame(body), 4 + size + 5);
      (async () => {
        for (let at = 0; at < bytes.length; at += step) {
          await far.write([bytes.subarray(at, at + step)]);
        }
        far.close();
      })();
      const frames = [await reader.next(), await reader.next(), await reader.next()];
      assertEquals(frames.map((bytes) => bytes?.length), [size, 1, size]);
      assertEquals(frames[0]!.every((byte, i) => byte === body[i]), true);
      assertEquals(frames[2]!.every((byte, i) => byte === body[i]), true);
      assertEquals(await reader.next(), null);
    });
  }
}

Deno.test("FrameReader refuses sizes that are negative or too large", async () => {
  for (const size of [-1, 1001]) {
    const [near, far] = pipe();
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setInt32(0, size);
    far.write([bytes]);
    await assertRejects(
      () => new FrameReader(near, 1000).next(),
      RangeError,
      `A frame of ${size} bytes (at most 1000)`,
    );
  }
});

Deno.test("FrameReader tells when the stream ends inside a frame or a size", async () => {
  for (const length of [2, 6, 70_000]) {
    const [near, far] = pipe({ bufferBytesMax: 1_000_000 });
    const bytes = frame(pattern(100_000)).subarray(0, length);
    far.write([bytes]);
    far.close();
    await assertRejects(
      () => new FrameReader(near, 1_000_000).next(),
      RangeError,
      "The connection ended inside a frame",
    );
  }
});
