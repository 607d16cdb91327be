import { assertEquals } from "@std/assert";
import type { Address, ByteStream, Listener } from "../../environment/environment.ts";
import { pipe } from "../../environment/pipe.ts";
import { settle } from "../support/manual_environment.ts";
import { idOf, OVERLAPPING, startFakeServer } from "./fake_apis.ts";
import { WireClient } from "./support.ts";

const MB = 1024 * 1024;

/** A listener that tests connect to by a call. */
function fakeListener() {
  const backlog: ByteStream[] = [];
  let accepting: ((stream: ByteStream | null) => void) | null = null;
  let closed = false;
  const listener: Listener = {
    address: { host: "127.0.0.1", port: 9092 },
    accept: () => {
      if (closed) return Promise.resolve(null);
      const next = backlog.shift();
      if (next) return Promise.resolve(next);
      return new Promise((resolve) => accepting = resolve);
    },
    close: () => {
      closed = true;
      accepting?.(null);
    },
  };
  return {
    listener,
    connect(host: string): WireClient {
      const remote: Address = { host, port: 40_000 };
      const [near, far] = pipe({ addresses: [remote, listener.address] });
      // The far end's own address is the listener's, its peer's the client's.
      const stream: ByteStream = {
        local: listener.address,
        remote,
        read: (buffer) => far.read(buffer),
        write: (chunks) => far.write(chunks),
        close: () => far.close(),
      };
      if (accepting) accepting(stream);
      else backlog.push(stream);
      accepting = null;
      return new WireClient(near);
    },
  };
}

Deno.test("Server works on no more requests at a time than queued.max.requests", async () => {
  await using fake = startFakeServer({ "queued.max.requests": "3" });
  const clients = Array.from({ length: 5 }, () => fake.connect());
  for (const client of clients) await client.send(fake.alone(1));
  await settle();
  assertEquals(fake.begun.length, 3);
  fake.begun[0].answer();
  await settle();
  assertEquals(fake.begun.length, 4);
  fake.begun[1].context.park();
  await settle();
  assertEquals(fake.begun.length, 5, "a request that only waits leaves its slot to others");
  for (const { answer } of fake.begun) answer();
  for (const client of clients) assertEquals(idOf(await client.receive()), 1);
});

Deno.test("Server gives back the slot of a request whose connection has gone", async () => {
  await using fake = startFakeServer({ "queued.max.requests": "1" });
  const [gone, waiting, last] = [fake.connect(), fake.connect(), fake.connect()];
  for (const client of [gone, waiting, last]) {
    await client.send(fake.alone(1));
    await settle();
  }
  gone.stream.close();
  waiting.stream.close();
  await settle();
  // That the client is gone shows when it is answered: nothing is read while its next request may not begin.
  for (let turn = 0; turn < 3; turn++) {
    fake.begun[turn].answer();
    await settle();
  }
  assertEquals(idOf(await last.receive()), 1);
});

Deno.test("Server is not harmed by 300 connections that announce 90 MB and stall", async () => {
  await using fake = startFakeServer({ "odradek.queued.max.request.bytes": String(MB) });
  await stall(fake, 20_000);
  for (const frame of [fake.alone(1), frameOf(300_000)]) {
    using client = fake.connect();
    await client.send(frame);
    await settle();
    fake.begun.at(-1)!.answer();
    assertEquals(idOf(await client.receive()), idOf(frame.slice(8)));
  }
});

Deno.test("Server lets go of stalled large requests while others wait for memory", async () => {
  await using fake = startFakeServer({ "odradek.queued.max.request.bytes": String(32 * MB) });
  await stall(fake, 200_000);
  using small = fake.connect();
  await small.send(fake.alone(1));
  await settle();
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await small.receive()), 1, "a small request does not notice");

  using ordinary = fake.connect();
  await ordinary.send(frameOf(300_000));
  await settle();
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await ordinary.receive()), 0, "nor does one of 300 KB");

  using large = fake.connect();
  const sent = large.send(frameOf(3_000_000));
  await fake.environment.advance(200_000);
  await sent;
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await large.receive()), 0);
  const messages = new Set(fake.environment.lines.map(({ message }) => message));
  assertEquals([...messages], [
    "A large request stalled while others waited for memory; the connection is closed",
  ]);
});

Deno.test("Server takes in large requests that wait behind others only up to its limit, and one", async () => {
  const limit = { "odradek.queued.max.request.bytes": String(MB) };
  await using fake = startFakeServer(limit);
  const clients = Array.from({ length: 20 }, () => fake.connect());
  const taken = new Set<number>();
  for (const [at, client] of clients.entries()) {
    await client.send(fake.alone(1));
    client.send(frameOf(600_000)).then(() => taken.add(at));
    await settle();
  }
  assertEquals(taken.size, 2);
  // The requests before them are answered, one after another: everybody gets on.
  for (const client of clients) {
    for (const { answer } of fake.begun) answer();
    await settle();
    assertEquals(idOf(await client.receive()), 1);
    await fake.environment.advance(100);
    for (const { answer } of fake.begun) answer();
    assertEquals(idOf(await client.receive()), 0);
  }
  assertEquals(fake.environment.lines, []);
});

Deno.test("Server lets go of large requests that wait for their turn for long while others wait for memory", async () => {
  await using fake = startFakeServer({ "odradek.queued.max.request.bytes": String(MB) });
  const hoarders = Array.from({ length: 2 }, () => fake.connect());
  for (const hoarder of hoarders) {
    await hoarder.send(fake.alone(1));
    await hoarder.send(frameOf(600_000));
  }
  await settle();
  await fake.environment.advance(60_000);
  assertEquals(fake.server.connectionCount, 2, "nobody waits");
  using honest = fake.connect();
  const sent = honest.send(frameOf(600_000));
  await fake.environment.advance(2_000);
  await sent;
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await honest.receive()), 0);
  assertEquals(fake.environment.lines.map(({ message }) => message), [
    "A large request stalled while others waited for memory; the connection is closed",
    "A large request stalled while others waited for memory; the connection is closed",
  ]);
});

/** 300 connections that announce 90 MB each, send a part of it, and then nothing. */
async function stall(fake: ReturnType<typeof startFakeServer>, bytes: number): Promise<void> {
  const announcement = new Uint8Array(bytes);
  new DataView(announcement.buffer).setInt32(0, 90 * MB);
  for (let count = 0; count < 300; count++) fake.connect().send(announcement).catch(() => {});
  await settle();
}

/** A request of `size` bytes with correlation id 0. */
function frameOf(size: number): Uint8Array {
  const frame = new Uint8Array(4 + size);
  const view = new DataView(frame.buffer);
  view.setInt32(0, size);
  view.setInt16(4, OVERLAPPING);
  view.setInt16(12, -1);
  view.setInt32(14, size - 14);
  return frame;
}

Deno.test("Server lets go of clients that do not read while memory for answers is short", async () => {
  await using fake = startFakeServer({ "odradek.queued.max.response.bytes": String(MB) });
  const silent = fake.connect();
  using other = fake.connect();
  await silent.send(fake.alone(1));
  await settle();
  fake.begun[0].answer(900_000);
  await fake.environment.advance(12_000);
  assertEquals(
    fake.environment.lines.map(({ message }) => message),
    ["A client did not read its answers while memory for them was short; the connection is closed"],
  );
  await other.send(fake.alone(1));
  await settle();
  fake.begun[1].answer();
  assertEquals(idOf(await other.receive()), 1);
});

Deno.test("Server counts the answers that are being made, until they are given, whatever becomes of them", async () => {
  await using fake = startFakeServer({ "odradek.queued.max.response.bytes": String(8 * MB) });
  const clients = Array.from({ length: 40 }, () => fake.connect());
  for (const client of clients) await client.send(fake.alone(1));
  await settle();
  const { responses } = fake.begun[0].context;
  const taken = fake.begun.map(({ context }) => context.share.take(MB));
  assertEquals([taken[0], taken[39]], [MB, 64 * 1024]);
  assertEquals(responses.sharedBytes, taken.reduce((sum, bytes) => sum + bytes));
  clients[39].stream.close();
  for (const { answer } of fake.begun.slice(1)) answer();
  fake.begun[0].fail(new Error("an error"));
  await settle();
  assertEquals(responses.sharedBytes, 0);
});

Deno.test("Server leaves clients alone that do not read while there is memory", async () => {
  await using fake = startFakeServer();
  using silent = fake.connect();
  await silent.send(fake.alone(1));
  await settle();
  fake.begun[0].answer(900_000);
  await fake.environment.advance(300_000);
  assertEquals(idOf(await silent.receive()), 1);
});

Deno.test("Server closes a connection on which no byte moved for connections.max.idle.ms", async () => {
  await using fake = startFakeServer({ "connections.max.idle.ms": "60000" });
  using quiet = fake.connect();
  using busy = fake.connect();
  for (let minute = 0; minute < 4; minute++) {
    await fake.environment.advance(20_000);
    await busy.send(fake.alone(minute));
    await settle();
    fake.begun.at(-1)!.answer();
    await busy.receive();
  }
  assertEquals(fake.server.connectionCount, 1);
  assertEquals(await quiet.receive(), null);
  await fake.environment.advance(61_000);
  assertEquals(fake.server.connectionCount, 0);
});

Deno.test("Server keeps idle connections for ever when connections.max.idle.ms is negative", async () => {
  await using fake = startFakeServer({ "connections.max.idle.ms": "-1" });
  using _quiet = fake.connect();
  await fake.environment.advance(30 * 24 * 3_600_000);
  assertEquals(fake.server.connectionCount, 1);
});

Deno.test("Server closes further connections of an address that has max.connections.per.ip", async () => {
  await using fake = startFakeServer({
    "max.connections.per.ip": "2",
    "max.connections.per.ip.overrides": "10.0.0.9:1, ::1:3",
  });
  const { listener, connect } = fakeListener();
  fake.server.serve(listener);
  const counts: Record<string, number> = {};
  for (const host of ["10.0.0.1", "10.0.0.9", "::1", "10.0.0.2"]) {
    for (let each = 0; each < 4; each++) {
      connect(host);
      await settle();
    }
    counts[host] = fake.server.connectionCount;
  }
  assertEquals(counts, { "10.0.0.1": 2, "10.0.0.9": 3, "::1": 6, "10.0.0.2": 8 });
});

Deno.test("Server takes a connection again when an earlier one of the address has closed", async () => {
  await using fake = startFakeServer({ "max.connections.per.ip": "1" });
  const { listener, connect } = fakeListener();
  fake.server.serve(listener);
  const first = connect("10.0.0.1");
  await settle();
  first.stream.close();
  await settle();
  using second = connect("10.0.0.1");
  await second.send(fake.alone(3));
  await settle();
  fake.begun[0].answer();
  assertEquals(idOf(await second.receive()), 3);
});

Deno.test("Server leaves clients in the backlog while it has max.connections", async () => {
  await using fake = startFakeServer({ "max.connections": "2" });
  const { listener, connect } = fakeListener();
  fake.server.serve(listener);
  const clients = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((host) => connect(host));
  await settle();
  assertEquals(fake.server.connectionCount, 2);
  clients[0].stream.close();
  await settle();
  assertEquals(fake.server.connectionCount, 2);
  await clients[2].send(fake.alone(3));
  await settle();
  assertEquals(fake.begun.length, 1, "the third is served now");
});

Deno.test("Server answers what it has begun before it closes, and begins nothing more", async () => {
  await using fake = startFakeServer();
  const { listener, connect } = fakeListener();
  fake.server.serve(listener);
  using client = connect("10.0.0.1");
  using idle = connect("10.0.0.2");
  await client.send(fake.alone(1), fake.alone(2));
  await settle();
  const closed = fake.server.close();
  await settle();
  assertEquals(await idle.receive(), null);
  fake.begun[0].answer();
  assertEquals(idOf(await client.receive()), 1);
  assertEquals(await client.receive(), null);
  await closed;
  assertEquals([fake.begun.length, fake.server.connectionCount], [1, 0]);
});

Deno.test("Server does not wait for ever for a request when it closes", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.alone(1));
  await settle();
  const closed = fake.server.close();
  await fake.environment.advance(5_000);
  await closed;
  assertEquals(await client.receive(), null);
});
