// Real time: the broker is a process of its own, behind real sockets.
/**
 * Clients that no broker wishes for, over real sockets, against a broker in a process of its own: it closes their
 * connection or answers with an error, says so in one line, and a good client beside them does not notice.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeRequest, errorName } from "../../protocol/mod.ts";
import { buildBatch, sealBatch } from "../../protocol/records/builder.ts";
import { attributesOf } from "../../protocol/records/batch_header.ts";
import { Serving } from "../cli/process.ts";
import { dial } from "../compat/support/wire.ts";
import { rawFrame, type WireClient } from "./support.ts";
import { batchOf, createTopic, FETCH, fetchFrom, PRODUCE, produceTo, valuesIn } from "./topics.ts";

const MB = 1024 * 1024;
/** A good client waits no longer for an answer, while bad ones do their worst on a busy machine. */
const PATIENCE_MS = 5000;

/** A broker in a process of its own, with a topic `good`. */
async function start(...options: string[]) {
  const data = await Deno.makeTempDir();
  const serving = await Serving.start("--listen", "127.0.0.1:0", "--data", data, ...options);
  const address = { host: "127.0.0.1", port: serving.port };
  const connect = () => dial(address);
  const good = await connect();
  await createTopic(good, "good");
  return {
    connect,
    good,
    socket: () => Deno.connect({ hostname: address.host, port: address.port }),
    memoryBytes: () => memoryOf(serving.pid),
    /** Stops the broker, and returns the lines it has logged. */
    async stop(): Promise<string[]> {
      const { code, stderr } = await serving.stop("SIGTERM");
      assertEquals(code, 0, stderr);
      return stderr.split("\n").filter((line) => line !== "");
    },
    async [Symbol.asyncDispose]() {
      good[Symbol.dispose]();
      await serving[Symbol.asyncDispose]();
      await Deno.remove(data, { recursive: true });
    },
  };
}

/** The memory that a process holds, as Linux tells it. Deno itself reads that of others only with all permissions. */
async function memoryOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(new TextDecoder().decode(stdout))![1]);
}

/** A good client produces and reads while `attack` runs: everything is stored in order, and no answer takes long. */
async function unaffected(good: WireClient, attack: () => Promise<void>): Promise<void> {
  let attacking = true;
  const attacked = Promise.allSettled([attack().finally(() => attacking = false)]);
  let longestMs = 0;
  const sent: string[] = [];
  while (attacking || sent.length < 20) {
    const startMs = performance.now();
    sent.push(`value ${sent.length}`);
    const { responses } = await good.ask(PRODUCE, 9, produceTo("good", 0, batchOf(sent.at(-1)!)));
    assertEquals(responses[0].partitionResponses[0].baseOffset, BigInt(sent.length - 1));
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  const [{ status, reason }] = await attacked as PromiseRejectedResult[];
  if (status === "rejected") throw reason;
  assertEquals(await read(good, "good"), sent);
  assert(longestMs < PATIENCE_MS, `an answer took ${longestMs} ms`);
}

async function read(client: WireClient, topic: string): Promise<string[]> {
  const values: string[] = [];
  for (;;) {
    const wanted = fetchFrom({ topic }, [{ partition: 0, offset: values.length }]);
    const { responses: [{ partitions: [{ records }] }] } = await client.ask(FETCH, 12, wanted);
    const more = valuesIn(records);
    if (more.length === 0) return values;
    values.push(...more);
  }
}

/** Reads until the broker closes the connection. */
async function isClosed(socket: Deno.Conn): Promise<void> {
  try {
    while (await socket.read(new Uint8Array(1024)) !== null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** What no Kafka client sends first, and the line that tells of it. */
const NO_REQUESTS: Readonly<Record<string, readonly [sent: Uint8Array, line: RegExp]>> = {
  "a TLS hello": [Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), /TLS hello/],
  "an HTTP request": [bytes("GET / HTTP/1.1\r\nHost: kafka\r\n\r\n"), /HTTP request/],
  "garbage": [bytes("lorem ipsum dolor sit amet, consetetur"), /announced 1819243109 bytes/],
  "a negative length": [Uint8Array.of(0xff, 0xff, 0xff, 0xfe), /announced -2 bytes/],
  "a huge length": [Uint8Array.of(0x7f, 0xff, 0xff, 0xff), /announced 2147483647 bytes/],
  "an unknown API": [rawFrame(999, 0, 1), /API 999/],
  "an unknown version": [rawFrame(3, 99, 1), /Metadata v99/],
  "an empty frame": [new Uint8Array(4), /request header/],
  "an array longer than its frame": [rawFrame(3, 1, 1, "\x7f\xff\xff\xff"), /Metadata v1/],
  "a string longer than its frame": [rawFrame(3, 1, 1, "\0\0\0\x01\x7f\xff"), /Metadata v1/],
};

Deno.test("Broker closes the connection of who is no Kafka client, with one line each", async () => {
  await using broker = await start();
  await unaffected(broker.good, async () => {
    for (const [sent] of Object.values(NO_REQUESTS)) {
      using socket = await broker.socket();
      await socket.write(sent);
      await isClosed(socket);
    }
  });
  const lines = await broker.stop();
  assertEquals(lines.length, Object.keys(NO_REQUESTS).length, lines.join("\n"));
  Object.values(NO_REQUESTS).forEach(([, line], index) => assertMatch(lines[index], line));
});

/** A batch whose attributes say something that is not so. */
function batchWithAttributes(attributes: number): Uint8Array {
  const batch = batchOf("a record");
  new DataView(batch.buffer, batch.byteOffset).setInt16(21, attributes);
  sealBatch(batch);
  return batch;
}

/** What a producer may get wrong, and the code that answers it. */
const BAD_BATCHES: Readonly<Record<string, readonly [batch: Uint8Array, code: string]>> = {
  "a wrong checksum": [batchOf("a record").with(70, 1), "CORRUPT_MESSAGE"],
  "half a batch": [batchOf("a record", "another").subarray(0, 65), "INVALID_RECORD"],
  "a body that does not inflate": [
    batchWithAttributes(attributesOf({ codec: "zstd" })),
    "INVALID_RECORD",
  ],
  "a control batch": [batchWithAttributes(attributesOf({ control: true })), "INVALID_RECORD"],
  "200 MB of zeros, compressed to little": [
    buildBatch([{ value: new Uint8Array(200 * MB) }], { codec: "zstd" }),
    "MESSAGE_TOO_LARGE",
  ],
};

Deno.test("Broker answers bad batches with an error, and stores nothing of them", async () => {
  await using broker = await start();
  using bad = await broker.connect();
  await createTopic(bad, "bad");
  await unaffected(broker.good, async () => {
    for (const [what, [batch, code]] of Object.entries(BAD_BATCHES)) {
      const { responses } = await bad.ask(PRODUCE, 9, produceTo("bad", 0, batch));
      const { errorCode } = responses[0].partitionResponses[0];
      assertEquals(errorName(errorCode), code, what);
    }
  });
  assertEquals(await read(bad, "bad"), []);
  assertEquals(await broker.stop(), []);
});

Deno.test("Broker is left by 300 clients in the middle of a request", async () => {
  await using broker = await start();
  const half = rawFrame(3, 1, 1, "\0\0\0\x05\0\x03abc").subarray(0, 20);
  await unaffected(broker.good, async () => {
    for (let i = 0; i < 300; i++) {
      using socket = await broker.socket();
      await socket.write(half.subarray(0, 1 + i % half.length));
    }
  });
  const lines = await broker.stop();
  console.log(lines.length, lines.slice(0, 3));
});

Deno.test("Broker holds little memory for 300 clients that announce 90 MB and stop", async () => {
  await using broker = await start();
  const before = await broker.memoryBytes();
  const sockets: Deno.Conn[] = [];
  const announcement = new Uint8Array(60_000);
  new DataView(announcement.buffer).setInt32(0, 90 * MB);
  await unaffected(broker.good, async () => {
    for (let i = 0; i < 300; i++) {
      const socket = await broker.socket();
      sockets.push(socket);
      await socket.write(announcement);
    }
  });
  assert(await broker.memoryBytes() < before + 100 * MB, `${await broker.memoryBytes()} bytes`);
  sockets.forEach((socket) => socket.close());
  await broker.stop();
});

Deno.test("Broker holds no more than its limit for clients that send large requests slowly", async () => {
  await using broker = await start("--set", `queued.max.request.bytes=${32 * MB}`);
  const before = await broker.memoryBytes();
  const sockets: Deno.Conn[] = [];
  const megabyte = new Uint8Array(MB);
  new DataView(megabyte.buffer).setInt32(0, 90 * MB);
  await unaffected(broker.good, async () => {
    const sending: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      const socket = await broker.socket();
      sockets.push(socket);
      sending.push(socket.write(megabyte).catch(() => {}));
    }
    await Promise.race([Promise.all(sending), new Promise((done) => setTimeout(done, 2000))]);
  });
  assert(await broker.memoryBytes() < before + 150 * MB, `${await broker.memoryBytes()} bytes`);
  sockets.forEach((socket) => socket.close());
  await broker.stop();
});

Deno.test("Broker holds little memory for clients that ask for much and never read", async () => {
  await using broker = await start();
  using writer = await broker.connect();
  await createTopic(writer, "large");
  for (let i = 0; i < 8; i++) {
    const batch = buildBatch([{ value: crypto.getRandomValues(new Uint8Array(65_536)) }]);
    await writer.ask(PRODUCE, 9, produceTo("large", 0, batch));
  }
  const question = encodeRequest(
    { schema: FETCH[0], version: 12, correlationId: 1, clientId: null },
    fetchFrom({ topic: "large" }, [{ partition: 0 }]),
  );
  const before = await broker.memoryBytes();
  const silent: WireClient[] = [];
  await unaffected(broker.good, async () => {
    for (let i = 0; i < 50; i++) {
      const client = await broker.connect();
      silent.push(client);
      for (let asked = 0; asked < 200; asked++) client.send(...question).catch(() => {});
    }
    await new Promise((done) => setTimeout(done, 1000));
  });
  assert(await broker.memoryBytes() < before + 150 * MB, `${await broker.memoryBytes()} bytes`);
  silent.forEach((client) => client[Symbol.dispose]());
  await broker.stop();
});
