import { assert, assertEquals, assertRejects } from "@std/assert";
import { pipe } from "../../environment/pipe.ts";
import type { ByteStream } from "../../environment/environment.ts";
import { NetworkError } from "../../environment/network_error.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

async function readSome(stream: ByteStream, bytesMax = 16): Promise<number[] | null> {
  const buffer = new Uint8Array(bytesMax);
  const count = await stream.read(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

/** Whether a promise has settled after everything that was ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return settled;
}

Deno.test("Pipe carries bytes in order both ways", async () => {
  const [near, far] = pipe();
  await near.write([bytes(1, 2), bytes(), bytes(3)]);
  await far.write([bytes(9)]);
  assertEquals(await readSome(far, 2), [1, 2]);
  assertEquals(await readSome(far), [3]);
  assertEquals(await readSome(near), [9]);
});

Deno.test("Pipe hands a write to a read that waits", async () => {
  const [near, far] = pipe();
  const read = readSome(far);
  assert(!(await isSettled(read)));
  await near.write([bytes(5)]);
  assertEquals(await read, [5]);
});

Deno.test("Pipe makes a writer wait until its buffer has room", async () => {
  const [near, far] = pipe({ bufferBytesMax: 4 });
  const write = near.write([bytes(1, 2, 3), bytes(4, 5, 6)]);
  assert(!(await isSettled(write)));
  assertEquals(await readSome(far, 1), [1]);
  assert(!(await isSettled(write)));
  assertEquals(await readSome(far, 1), [2]);
  await write;
  assertEquals(await readSome(far), [3, 4, 5, 6]);
});

Deno.test("Pipe holds nothing that the writer may change once its write has settled", async () => {
  const [near, far] = pipe();
  const chunk = bytes(1, 2, 3);
  await near.write([chunk]);
  chunk.fill(0);
  assertEquals(await readSome(far), [1, 2, 3]);
});

Deno.test("Pipe carries every byte of writes and reads of any size", async () => {
  const [near, far] = pipe({ bufferBytesMax: 100 });
  const sent: number[] = [];
  const writer = (async () => {
    for (let size = 0; size < 300; size += 7) {
      const chunks = [0, 1, 2].map((part) => new Uint8Array(size).fill((size + part) % 251));
      chunks.forEach((chunk) => sent.push(...chunk));
      await near.write(chunks);
    }
    near.close();
  })();
  const received: number[] = [];
  for (let size = 1;; size = size % 113 + 1) {
    const read = await readSome(far, size);
    if (read === null) break;
    received.push(...read);
  }
  await writer;
  assertEquals(received, sent);
});

Deno.test("Pipe lets the peer read what was written before a close, then ends", async () => {
  const [near, far] = pipe();
  await near.write([bytes(1)]);
  near.close();
  near.close();
  assertEquals(await readSome(far), [1]);
  assertEquals(await readSome(far), null);
  assertEquals(await readSome(near), null);
  await assertRejects(() => far.write([bytes(2)]), NetworkError, "peer has closed");
  await assertRejects(() => near.write([bytes(2)]), NetworkError, "closed");
});

Deno.test("Pipe ends what waits on it when either side closes", async () => {
  const [near, far] = pipe({ bufferBytesMax: 1 });
  const reads = [readSome(near), readSome(far)];
  near.close();
  assertEquals(await Promise.all(reads), [null, null]);

  const [left, right] = pipe({ bufferBytesMax: 1 });
  const ownWrite = assertRejects(() => left.write([bytes(1, 2)]), NetworkError, "closed");
  const peerWrite = assertRejects(() => right.write([bytes(1, 2)]), NetworkError, "peer");
  left.close();
  await Promise.all([ownWrite, peerWrite]);
});

Deno.test("Pipe refuses a second read or write at a time", async () => {
  const [near, far] = pipe({ bufferBytesMax: 1 });
  const write = near.write([bytes(1, 2, 3)]);
  await assertRejects(() => near.write([bytes(4)]), TypeError);
  const read = readSome(near);
  await assertRejects(() => near.read(new Uint8Array(1)), TypeError);
  near.close();
  far.close();
  await read;
  await assertRejects(() => write, NetworkError);
});
