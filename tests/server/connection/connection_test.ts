import { assert, assertEquals } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { ConnectionRefusal } from "../../../server/api.ts";
import { settle } from "../../support/manual_environment.ts";
import { ALONE, idOf, OVERLAPPING, startFakeServer } from "../fake_apis.ts";
import { rawFrame } from "../support.ts";

Deno.test("Connection begins the next request when the one before is answered", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.alone(1), fake.alone(2));
  await settle();
  assertEquals(fake.names(), ["alone"]);
  fake.begun[0].answer();
  assertEquals(idOf(await client.receive()), 1);
  await settle();
  assertEquals(fake.names(), ["alone", "alone"]);
  fake.begun[1].answer();
  assertEquals(idOf(await client.receive()), 2);
});

Deno.test("Connection lets overlapping requests overlap, and answers them in order", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.overlapping(1, "a"), fake.overlapping(2, "b"), fake.overlapping(3, "c"));
  await settle();
  assertEquals(fake.names(), ["a", "b", "c"]);
  for (const { answer } of [...fake.begun].reverse()) answer();
  for (const id of [1, 2, 3]) assertEquals(idOf(await client.receive()), id);
});

Deno.test("Connection never mixes overlapping requests with others", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.overlapping(1, "a"), fake.alone(2), fake.overlapping(3, "b"));
  await settle();
  assertEquals(fake.names(), ["a"]);
  fake.begun[0].answer();
  await settle();
  assertEquals(fake.names(), ["a", "alone"]);
  fake.begun[1].answer();
  await settle();
  assertEquals(fake.names(), ["a", "alone", "b"]);
  fake.begun[2].answer();
  for (const id of [1, 2, 3]) assertEquals(idOf(await client.receive()), id);
});

Deno.test("Connection holds back overlapping requests beyond a number", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  for (let id = 0; id < 150; id++) await client.send(fake.overlapping(id, "x"));
  await settle();
  assertEquals(fake.begun.length, 100);
  for (const { answer } of fake.begun.slice(0, 30)) answer();
  await settle();
  assertEquals(fake.begun.length, 130);
});

Deno.test("Connection begins only some large requests in one turn, and small ones of others in between", async () => {
  await using fake = startFakeServer();
  using small = fake.connect();
  const large = ["a", "b", "c", "d"].map((name) => ({ name, client: fake.connect() }));
  for (const { name, client } of large) {
    // What follows the end of a request is let pass: it only makes it large.
    await client.send(rawFrame(OVERLAPPING, 0, 1, `\0\0\0\x01${name}${"x".repeat(200_000)}`));
    await settle();
  }
  await small.send(fake.alone(7));
  await settle();
  assertEquals(fake.names(), ["a", "b", "alone"]);
  await fake.environment.advance(0);
  assertEquals(fake.names(), ["a", "b", "alone", "c", "d"]);
  for (const { client } of large) client[Symbol.dispose]();
});

Deno.test("Connection stops listening to a client that does not read", async () => {
  await using fake = startFakeServer();
  using silent = fake.connect();
  using other = fake.connect();
  for (let id = 0; id < 20; id++) await silent.send(fake.alone(id));
  for (let turn = 0; turn < 20; turn++) {
    await settle();
    fake.begun.at(-1)?.answer(300_000);
  }
  await settle();
  const begun = fake.begun.length;
  assert(begun <= 2, `${begun} requests were begun`);
  await other.send(fake.alone(7));
  await settle();
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await other.receive()), 7);
  assertEquals(idOf(await silent.receive()), 0);
});

Deno.test("Connection closes with one log line on what no client would send", async () => {
  const cases: [string, Uint8Array][] = [
    ["an unknown API", rawFrame(999, 0, 1)],
    ["an unknown version", rawFrame(ALONE, 9, 1)],
    ["bytes that are cut short", rawFrame(OVERLAPPING, 0, 1, "\u0000\u0000\u0000\u0050abc")],
    ["a frame without a header", Uint8Array.of(0, 0, 0, 2, 0, 16)],
    ["an empty frame", Uint8Array.of(0, 0, 0, 0)],
    ["a negative size", Uint8Array.of(0xff, 0, 0, 0, 1, 2)],
    ["a size beyond the limit", Uint8Array.of(0x7f, 0, 0, 0)],
    ["a TLS hello", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
    ["an HTTP request", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  ];
  for (const [what, bytes] of cases) {
    await using fake = startFakeServer();
    using client = fake.connect();
    using other = fake.connect();
    await client.send(bytes);
    assertEquals(await client.receive(), null, what);
    await settle();
    const lines = fake.environment.lines.filter(({ level }) => level !== "debug");
    assertEquals(lines.map(({ level }) => level), ["warn"], what);
    await other.send(fake.alone(1));
    await settle();
    fake.begun[0].answer();
    assertEquals(idOf(await other.receive()), 1, `${what}: another client`);
  }
});

Deno.test("Connection does not mind bytes behind a request", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(rawFrame(ALONE, 0, 1, "zzz"));
  await settle();
  fake.begun[0].answer();
  assertEquals(idOf(await client.receive()), 1);
});

Deno.test("Connection survives random bytes, and so does everybody else", async () => {
  await using fake = startFakeServer({ "socket.request.max.bytes": "100000" });
  for (let round = 0; round < 200; round++) {
    using client = fake.connect();
    const bytes = fake.environment.random.bytes(1 + round * 7);
    if (round % 2) bytes.set([0, 0, 0, Math.max(0, Math.min(255, bytes.length - 4))]);
    await client.send(bytes).catch(() => {});
    await settle();
  }
  using client = fake.connect();
  await client.send(fake.alone(5));
  await settle();
  fake.begun.at(-1)!.answer();
  assertEquals(idOf(await client.receive()), 5);
  assertEquals(fake.environment.lines.filter(({ level }) => level === "error"), []);
});

Deno.test("Connection tells of a client that goes away in the middle of a request", async () => {
  await using fake = startFakeServer();
  const client = fake.connect();
  await client.send(fake.alone(1).subarray(0, 9));
  await settle();
  client.stream.close();
  await settle();
  assertEquals(fake.environment.lines.map(({ level, message }) => [level, message]), [[
    "info",
    "A client went away in the middle of a request; the connection is closed",
  ]]);
  assertEquals(fake.server.connectionCount, 0);
});

Deno.test("Connection answers an error with its code, and an unforeseen one with one log line", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.alone(1));
  await settle();
  fake.begun[0].fail(new KafkaError("COORDINATOR_LOAD_IN_PROGRESS"));
  assertEquals((await client.receive())?.slice(0, 6), Uint8Array.of(0, 0, 0, 1, 0, 14));
  assertEquals(fake.environment.lines, []);
  await client.send(fake.alone(2));
  await settle();
  fake.begun[1].fail(new TypeError("a bug"));
  assertEquals((await client.receive())?.slice(0, 6), Uint8Array.of(0, 0, 0, 2, 0xff, 0xff));
  assertEquals(fake.environment.lines.map(({ level }) => level), ["error"]);
});

Deno.test("Connection closes when closing is the only answer", async () => {
  await using fake = startFakeServer();
  using client = fake.connect();
  await client.send(fake.overlapping(1, "a"), fake.overlapping(2, "b"));
  await settle();
  fake.begun[1].fail(new ConnectionRefusal("no answer is possible"));
  assertEquals(await client.receive(), null);
  assertEquals(fake.environment.lines.map(({ level }) => level), ["info"]);
  fake.begun[0].answer();
});

Deno.test("Connection tells a waiting request that it closes", async () => {
  await using fake = startFakeServer();
  const client = fake.connect();
  await client.send(fake.alone(1));
  await settle();
  const told: string[] = [];
  fake.begun[0].context.peer.onClosing(() => told.push("kept"));
  fake.begun[0].context.peer.onClosing(() => told.push("taken back"))();
  client.stream.close();
  await settle();
  assertEquals(told, ["kept"]);
});
