// Real time: the adapter of the real clock is what is tested.
import { assert, assertEquals, assertGreater, assertNotEquals, assertRejects } from "@std/assert";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { DenoListener } from "../../../environment/deno/network.ts";
import { DenoStream, gather } from "../../../environment/deno/stream.ts";
import type { ByteStream, LogSink } from "../../../environment/environment.ts";
import { NetworkError } from "../../../environment/network_error.ts";
import { sleep } from "../../../environment/sleep.ts";

const silent: LogSink = { write() {} };
const environment = denoEnvironment({ log: silent });
const { network } = environment;
const anyPort = { host: "127.0.0.1", port: 0 };

async function connected(): Promise<{ client: ByteStream; server: ByteStream; close(): void }> {
  const listener = await network.listen(anyPort);
  const [client, server] = await Promise.all([
    network.dial(listener.address),
    listener.accept(),
  ]);
  const close = () => [client, server!, listener].forEach((end) => end.close());
  return { client, server: server!, close };
}

Deno.test("Deno environment tells wall-clock and monotonic time", async () => {
  const { clock } = environment;
  assert(Math.abs(clock.now() - Date.now()) < 1000);
  assert(Number.isInteger(clock.now()));
  const before = clock.monotonicMs();
  await sleep(environment, 5); // real time: the adapter of the real clock is what is tested
  assertGreater(clock.monotonicMs(), before);
});

Deno.test("Deno environment's timers fire once, and not after a cancel", async () => {
  const fired: string[] = [];
  environment.timers.schedule(1, () => fired.push("one"));
  environment.timers.schedule(1, () => fired.push("cancelled")).cancel();
  const far = environment.timers.schedule(2 ** 40, () => fired.push("in 34 years"));
  await sleep(environment, 20);
  far.cancel();
  assertEquals(fired, ["one"]);
});

Deno.test("Deno environment's timers of no time fire with the next turn, in order, unless cancelled", async () => {
  const fired: string[] = [];
  environment.timers.schedule(0, () => fired.push("first"));
  environment.timers.schedule(0, () => fired.push("cancelled")).cancel();
  environment.timers.schedule(-1, () => fired.push("second"));
  assertEquals(fired, []);
  await sleep(environment, 20);
  assertEquals(fired, ["first", "second"]);
});

Deno.test("Deno environment draws as many random bytes as asked for", () => {
  const { random } = environment;
  assertEquals(random.bytes(0).length, 0);
  const many = random.bytes(150_000);
  assertNotEquals(many.subarray(0, 16), many.subarray(149_984));
  const next = random.next();
  assert(next >= 0 && next < 1);
});

Deno.test("Deno network carries small and large chunks in order", async () => {
  const { client, server, close } = await connected();
  const chunks = [1, 100, 70_000, 3, 0, 200_000, 5].map((size, index) =>
    new Uint8Array(size).fill(index + 1)
  );
  const expected = chunks.flatMap((chunk) => [...chunk]);
  const written = client.write(chunks).then(() => client.close());
  const received: number[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await server.read(buffer)) !== null;) {
    for (let index = 0; index < count; index++) received.push(buffer[index]);
  }
  await written;
  assertEquals(received.length, expected.length);
  assert(received.every((value, index) => value === expected[index]));
  assertEquals(client.remote, server.local);
  close();
});

Deno.test("Deno network ends a pending read and accept on close", async () => {
  const { client, server, close } = await connected();
  const read = client.read(new Uint8Array(1));
  client.close();
  client.close();
  assertEquals(await read, null);
  assertEquals(await client.read(new Uint8Array(1)), null);
  assertEquals(await server.read(new Uint8Array(1)), null);
  const closed = await assertRejects(() => client.write([new Uint8Array(1)]), NetworkError);
  assertEquals(closed.kind, "closed");
  close();

  const listener = await network.listen(anyPort);
  const accept = listener.accept();
  listener.close();
  listener.close();
  assertEquals(await accept, null);
  assertEquals(await listener.accept(), null);
});

Deno.test("Deno network tells what went wrong in the project's own terms", async () => {
  const listener = await network.listen(anyPort);
  const taken = await assertRejects(() => network.listen(listener.address), NetworkError);
  assertEquals(taken.kind, "addressInUse");
  assertEquals(
    taken.message,
    `Cannot listen on 127.0.0.1:${listener.address.port}: Address already in use`,
  );
  listener.close();
  const refused = await assertRejects(() => network.dial(listener.address), NetworkError);
  assertEquals(refused.kind, "refused");
  const port = await assertRejects(
    () => network.listen({ host: "127.0.0.1", port: 99_999 }),
    NetworkError,
  );
  assertEquals(port.kind, "other");
});

Deno.test("Deno network reports a reset as such", async () => {
  const { client, server, close } = await connected();
  await server.write([new Uint8Array(100_000)]);
  client.close(); // with unread bytes: the system sends a reset
  const error = await assertRejects(async () => {
    for (let writes = 0; writes < 100; writes++) await server.write([new Uint8Array(1000)]);
  }, NetworkError);
  assertEquals(error.kind, "reset");
  close();
});

Deno.test("Deno listener goes on accepting, after a pause, when the process is out of descriptors", async () => {
  const warnings: string[] = [];
  const delaysMs: number[] = [];
  const connection = { setNoDelay() {}, localAddr: ADDRESS, remoteAddr: ADDRESS };
  let attempts = 0;
  const listener = new DenoListener({
    addr: ADDRESS,
    accept: () => {
      if (++attempts <= 2) return Promise.reject(new Error("Too many open files (os error 24)"));
      return Promise.resolve(connection as unknown as Deno.TcpConn);
    },
    close() {},
  }, {
    timers: {
      schedule(delayMs, callback) {
        delaysMs.push(delayMs);
        return environment.timers.schedule(0, callback);
      },
    },
    log: { write: (_level, message) => void warnings.push(message) },
  });
  assert(await listener.accept() instanceof DenoStream);
  assertEquals(attempts, 3);
  assertEquals(delaysMs, [100, 100]);
  assertEquals(warnings, ["Cannot accept a connection, trying on"]);
});

const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 9092 };

Deno.test("Deno stream writes on when the system takes only a part", async () => {
  const written: number[] = [];
  const stream = new DenoStream({
    localAddr: ADDRESS,
    remoteAddr: ADDRESS,
    setNoDelay() {},
    read: () => Promise.resolve(null),
    write: (bytes) => {
      const count = Math.min(3, bytes.length);
      written.push(...bytes.subarray(0, count));
      return Promise.resolve(count);
    },
    close() {},
  });
  await stream.write([Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7)]);
  assertEquals(written, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("Gathering joins small neighbours and passes large chunks untouched", () => {
  const sizes = (lengths: number[]) =>
    [...gather(lengths.map((length) => new Uint8Array(length)), 10)].map((chunk) => chunk.length);
  assertEquals(sizes([1, 2, 3]), [6]);
  assertEquals(sizes([4, 6, 1]), [10, 1]);
  assertEquals(sizes([1, 50, 1]), [1, 50, 1]);
  assertEquals(sizes([]), []);
  assertEquals(sizes([0, 0]), []);
  const large = new Uint8Array(50);
  assert([...gather([large], 10)][0] === large);
});
