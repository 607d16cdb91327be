import { assert, assertGreater } from "@std/assert";
import type { Kv } from "../../../../storage/kv/kv.ts";
import { sleep } from "../../../../environment/sleep.ts";
import { type Random, ROUGH_KV, simulate, type SimulatedProcess } from "../../../../testing/mod.ts";
import { isLinearizable, type RegisterOperation } from "./linearizability.ts";

const KEY = Uint8Array.of(1);
const encode = (value: number) => new Uint8Array(new Float64Array([value]).buffer);
const decode = (bytes: Uint8Array) => new Float64Array(bytes.slice().buffer)[0];

type Action = RegisterOperation["action"];

const operation = (calledAt: number, returnedAt: number, action: Action) => ({
  calledAt,
  returnedAt,
  action,
});

Deno.test("Linearizability checker accepts what one order explains and catches a stale read", () => {
  const write = operation(0, 10, { kind: "swapped", from: null, to: 1 });
  const read = (calledAt: number, value: number | null) =>
    operation(calledAt, calledAt + 1, { kind: "read", value });
  assert(isLinearizable([write, read(5, null), read(6, 1), read(11, 1)]));
  assert(!isLinearizable([write, read(11, null)]), "stale");
  assert(!isLinearizable([write, read(5, 1), read(7, null)]), "back in time");
  assert(!isLinearizable([write, operation(20, 21, { kind: "swapped", from: null, to: 2 })]));
});

Deno.test("Linearizability checker knows that an unclear write may come later, once or never", () => {
  const unclear = operation(0, Infinity, { kind: "unclear", from: null, to: 1 });
  const read = (calledAt: number, value: number | null) =>
    operation(calledAt, calledAt + 1, { kind: "read", value });
  assert(isLinearizable([unclear, read(5, null)]));
  assert(isLinearizable([unclear, read(5, null), read(99, 1)]));
  assert(!isLinearizable([unclear, read(5, 1), read(99, null)]));
  const conflicted = operation(0, 9, { kind: "conflicted", from: null, to: 1 });
  assert(isLinearizable([conflicted, read(10, 1)]), "applied all the same");
  assert(!isLinearizable([conflicted, read(10, null)]), "there was nothing to conflict with");
});

/** Reads and swaps the register again and again, and tells what it saw. */
async function worker(
  process: SimulatedProcess,
  kv: Kv,
  random: Random,
  operations: RegisterOperation[],
  nextValue: () => number,
): Promise<void> {
  const now = () => process.clock.monotonicMs();
  for (let round = 0; round < 4; round++) {
    const readCalledAt = now();
    const entry = await kv.get([KEY]).then(([found]) => found, () => undefined);
    if (entry === undefined) continue;
    const from = entry && decode(entry.value);
    operations.push(operation(readCalledAt, now(), { kind: "read", value: from }));
    await sleep(process.environment, random.between([0, 2]));
    const to = nextValue();
    const calledAt = now();
    const unclear = operation(calledAt, Infinity, { kind: "unclear", from, to });
    operations.push(unclear);
    const settle = (...clear: RegisterOperation[]) =>
      operations.splice(operations.indexOf(unclear), 1, ...clear);
    const outcome = await kv.commit({
      checks: [{ key: KEY, version: entry?.version ?? null }],
      sets: [{ key: KEY, value: encode(to) }],
    });
    if (outcome.kind === "ok") {
      settle(operation(calledAt, now(), { kind: "swapped", from, to }));
    } else if (outcome.kind === "conflict") {
      settle(operation(calledAt, now(), { kind: "conflicted", from, to }));
    } else if (outcome.kind === "refused") {
      settle(); // it never happened
    }
  }
}

Deno.test("Simulated store is linearizable under every fault of requests, answers and processes", async () => {
  const kinds: Record<string, number> = {};
  let conflictsOfOneself = 0;
  for (let seed = 0; seed < 200; seed++) {
    const simulation = simulate({ seed });
    const store = simulation.store("data", {
      faults: {
        ...ROUGH_KV,
        lostRequestChance: 0.05,
        lostAnswerChance: 0.1,
        lateChance: 0.05,
        lateMs: [1, 20],
        duplicateChance: 0.15,
      },
    });
    const operations: RegisterOperation[] = [];
    let lastValue = 0;
    let working = 0;
    const start = (name: string) => {
      const process = simulation.process(name);
      working++;
      process.lifetime.onEnd(() => working--);
      store.of(process).open("log").then((kv) =>
        worker(process, kv, simulation.random(process.name), operations, () => ++lastValue)
      ).then(() => process.kill());
      return process;
    };
    const processes = ["a", "b", "c"].map(start);
    simulation.after(3, () => {
      processes[0].kill();
      start("a");
    });
    await simulation.until(() => working === 0);
    await simulation.advance("10s"); // what is late arrives
    const inner = await store.inner("log");
    const [last] = await inner.get([KEY]);
    const value = last && decode(last.value);
    operations.push(operation(simulation.nowMs, simulation.nowMs, { kind: "read", value }));
    assert(isLinearizable(operations), `seed ${seed}: ${JSON.stringify(operations)}`);

    conflictsOfOneself += operations.filter(({ action }) =>
      action.kind === "conflicted" &&
      operations.some((other) => other.action.kind === "read" && other.action.value === action.to)
    ).length;
    for (const [kind, count] of Object.entries(simulation.faults.all())) {
      kinds[kind] = (kinds[kind] ?? 0) + count;
    }
  }
  for (
    const kind of [
      "kv lost request",
      "kv lost answer",
      "kv late request",
      "kv duplicate request",
      "kv refused",
      "kv slow",
      "kv read error",
      "kv request outlives process",
      "kv request dies with process",
    ]
  ) assertGreater(kinds[kind] ?? 0, 0, kind);
  assertGreater(conflictsOfOneself, 0);
});
