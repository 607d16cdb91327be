import { assertEquals, assertMatch } from "@std/assert";
import { lint } from "./lint.ts";

const inActors = (source: string) => lint("environment", "actors/x.ts", source);

const FORBIDDEN = [
  "Deno.readFileSync(path)",
  "const open: Deno.Kv = x",
  "({ Deno })",
  "Date.now()",
  'Date["now"]()',
  "const { now } = Date",
  "new Date()",
  "new Date",
  "Date()",
  "performance.now()",
  "setTimeout(f, 1)",
  "f(setTimeout)",
  "setInterval(f, 1)",
  "setImmediate(f)",
  "queueMicrotask(f)",
  "Math.random()",
  "const { random: draw } = Math",
  "crypto.randomUUID()",
  "crypto.getRandomValues(bytes)",
  'crypto.subtle.digest("SHA-256", bytes)',
  "AbortSignal.timeout(5)",
  'new CompressionStream("gzip")',
  'new DecompressionStream("gzip")',
  "new FinalizationRegistry(f)",
  "new WeakRef(o)",
  "new Worker(url)",
  "globalThis.setTimeout",
  'fetch("http://example.com")',
  "WebAssembly.instantiate(bytes)",
  'await import("./a.ts")',
  'import "node:net"',
  'import { connect } from "node:net"',
  'import { setTimeout as sleep } from "node:timers/promises"',
  'import { Worker as W } from "node:worker_threads"',
  'import { gzip } from "node:zlib"',
  'import zlib from "node:zlib"',
  'import * as zlib from "node:zlib"',
  'import { randomBytes } from "node:crypto"',
  "class A { #t = setTimeout(f, 1) }",
  "const f = () => performance",
];

const ALLOWED = [
  "new Date(ms)",
  "const at: Date = new Date(0)",
  "Date.UTC(2026, 0)",
  "Math.max(1, 2)",
  "environment.timers.schedule(1, f); clock.now()",
  "const partition = { fetch(request) { return request } }; partition.fetch(1)",
  "class A { fetch = 1; performance() {} }; a.performance",
  "interface A { crypto: number; fetch(process: string): void }",
  "import { fetch } from './23_fetch.ts'; fetch(1)",
  "function f({ process }, crypto) { return process + crypto }",
  "const { performance } = x; f(performance)",
  'import { gzipSync, constants } from "node:zlib"',
  'import { createHash } from "node:crypto"',
  'import type { Socket } from "node:net"',
  "new WebAssembly.Module(bytes)",
];

Deno.test("Environment rule forbids every way around the environment", () => {
  for (const source of FORBIDDEN) assertEquals(inActors(source).length, 1, source);
});

Deno.test("Environment rule lets pass what only looks alike", () => {
  for (const source of ALLOWED) assertEquals(inActors(source), [], source);
});

Deno.test("Environment rule says what to use instead", () => {
  assertMatch(inActors("Date.now()")[0], /^Date.now is forbidden here: use environment.clock$/);
});

Deno.test("Environment rule covers the deterministic folders and exempts adapters by path", () => {
  const places: [string, number][] = [
    ["protocol/x.ts", 1],
    ["config/x.ts", 1],
    ["environment/x.ts", 1],
    ["storage/log/x.ts", 1],
    ["storage/kv/memory/x.ts", 1],
    ["server/apis/x.ts", 1],
    ["client/x.ts", 1],
    ["testing/simulation/x.ts", 1],
    ["environment/deno/x.ts", 0],
    ["storage/kv/deno/x.ts", 0],
    ["cli/x.ts", 0],
    ["tests/x_test.ts", 0],
    ["mod.ts", 0],
  ];
  for (const [path, count] of places) {
    assertEquals(lint("environment", path, "Deno.exit()").length, count, path);
  }
});
