import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import type { Kv, KvOutcome } from "../../../../storage/kv/kv.ts";
import {
  type CommitFault,
  QUIET_KV,
  simulate,
  type SimulatedStore,
  type Simulation,
} from "../../../../testing/mod.ts";

const KEY = Uint8Array.of(1);
const VALUE = Uint8Array.of(7);
const FIRST_WRITE = { checks: [{ key: KEY, version: null }], sets: [{ key: KEY, value: VALUE }] };

async function withStore(
  test: (parts: { simulation: Simulation; store: SimulatedStore; kv: Kv; inner: Kv }) => unknown,
): Promise<void> {
  const simulation = simulate({ seed: 1 });
  const store = simulation.store();
  const kv = await store.of(simulation.process("broker")).open("log");
  await test({ simulation, store, kv, inner: await store.inner("log") });
}

const isStored = async (kv: Kv) => (await kv.get([KEY]))[0] !== null;

Deno.test("Simulated store answers later, in virtual time, with what it holds", () =>
  withStore(async ({ simulation, kv }) => {
    await simulation.run(async () => {
      const outcome = await kv.commit(FIRST_WRITE);
      assertEquals(outcome.kind, "ok");
      const [entry] = await kv.get([KEY]);
      assertEquals(entry!.value, VALUE);
      const [listed] = await kv.list({ start: KEY, end: Uint8Array.of(2) }, { limit: 9 });
      assertEquals(listed.value, VALUE);
      assertEquals((await kv.commit(FIRST_WRITE)).kind, "conflict");
    });
    assertGreater(simulation.nowMs, 0);
  }));

/** What becomes of one commit under a fault: the answer, and whether it is stored when that comes and in the end. */
const EXPECTED: [
  CommitFault,
  KvOutcome["kind"],
  storedAtAnswer: boolean,
  storedInTheEnd: boolean,
][] = [
  ["lostRequest", "unknown", false, false],
  ["lostAnswer", "unknown", true, true],
  ["late", "unknown", false, true],
  ["duplicate", "conflict", true, true],
  ["conflict", "conflict", false, false],
  ["refused", "refused", false, false],
  ["slow", "ok", true, true],
];

for (const [fault, kind, storedAtAnswer, storedInTheEnd] of EXPECTED) {
  Deno.test(`Simulated store answers ${kind} under the fault ${fault}, once, and counts it`, () =>
    withStore(async ({ simulation, store, kv, inner }) => {
      store.faults = { ...QUIET_KV, lateMs: [1000, 2000] };
      store.fail(fault);
      const outcome = await simulation.run(() => kv.commit(FIRST_WRITE));
      assertEquals(outcome.kind, kind);
      assertEquals(await isStored(inner), storedAtAnswer);
      await simulation.advance("1m");
      assertEquals(await isStored(inner), storedInTheEnd);
      assertEquals(Object.values(simulation.faults.all()), [1]);
      const next = await simulation.run(() => kv.commit({ sets: [{ key: KEY, value: VALUE }] }));
      assertEquals(next.kind, "ok");
    }));
}

Deno.test("Simulated store holds what was committed, not what the caller made of its bytes later", () =>
  withStore(async ({ simulation, store, kv, inner }) => {
    const value = VALUE.slice();
    store.fail("late");
    await simulation.run(() => kv.commit({ sets: [{ key: KEY, value }] }));
    value.fill(0);
    await simulation.advance("1m");
    assertEquals((await inner.get([KEY]))[0]!.value, VALUE);
  }));

Deno.test("Simulated store refuses deletes too while its disk is full, and goes on after", () =>
  withStore(async ({ simulation, store, kv }) => {
    const folder = store.of(simulation.process("other"));
    assertEquals(await folder.freeBytes(), 100e9);
    await simulation.run(() => kv.commit(FIRST_WRITE));
    store.diskFull = true;
    assertEquals(await folder.freeBytes(), 0);
    const outcome = await simulation.run(() => kv.commit({ deletes: [KEY] }));
    assertEquals(outcome.kind, "refused");
    assertEquals(simulation.faults.of("kv disk full"), 1);
    store.diskFull = false;
    assertEquals((await simulation.run(() => kv.commit({ deletes: [KEY] }))).kind, "ok");
  }));

Deno.test("Simulated store's reads fail at random", () =>
  withStore(async ({ simulation, store, kv }) => {
    store.faults = { ...QUIET_KV, readErrorChance: 1 };
    await simulation.run(async () => {
      await assertRejects(() => kv.get([KEY]), Error, "Cannot read");
      await assertRejects(
        () => kv.list({ start: KEY, end: KEY }, { limit: 1 }),
        Error,
        "Cannot read",
      );
    });
    assertEquals(simulation.faults.of("kv read error"), 2);
  }));

Deno.test("Simulated store passes on that a call is beyond its limits", () =>
  withStore(async ({ simulation, kv }) => {
    await simulation.run(async () => {
      await assertRejects(() => kv.get(new Array(11).fill(KEY)), RangeError);
      const outcome = await kv.commit({ sets: [{ key: KEY, value: new Uint8Array(70_000) }] });
      assertEquals(outcome.kind, "refused");
    });
  }));

Deno.test("Simulated commit of a killed process arrives all the same, or never", async () => {
  const stored: boolean[] = [];
  for (let seed = 0; seed < 40; seed++) {
    const simulation = simulate({ seed });
    const broker = simulation.process("broker");
    const kv = await simulation.store().of(broker).open("log");
    kv.commit(FIRST_WRITE).then(() => assert(false, "answered a dead process"));
    broker.kill();
    await simulation.advance("1m");
    stored.push(await isStored(await simulation.store().inner("log")));
  }
  const outlived = stored.filter((isThere) => isThere).length;
  assert(outlived > 5 && outlived < 35, String(outlived));
});

for (const outliveChance of [0, 1]) {
  const fate = outliveChance === 1 ? "in spite of" : "not, because of";
  Deno.test(`Simulated commit whose arrival kills its process is applied ${fate} it`, () =>
    withStore(async ({ simulation, store, kv, inner }) => {
      store.faults = { ...QUIET_KV, outliveChance };
      let seen = 0;
      const end = store.observe((commit, from) => {
        seen += commit.sets!.length;
        from.kill("silent");
      });
      kv.commit(FIRST_WRITE).then(() => seen = Infinity);
      await simulation.advance("1s");
      assertEquals(await isStored(inner), outliveChance === 1);
      assertEquals(seen, 1);
      end();
      assertEquals(simulation.processes(), []);
    }));
}

Deno.test("Simulated folder opens each store once per process, and is shared by processes", async () => {
  const simulation = simulate({ seed: 1 });
  const old = simulation.store().of(simulation.process("broker"));
  const successor = simulation.store().of(simulation.process("broker"));
  const first = await old.open("log");
  await assertRejects(() => old.open("log"), Error, "open already");
  const second = await successor.open("log");
  await simulation.run(async () => {
    assertEquals((await first.commit(FIRST_WRITE)).kind, "ok");
    assertEquals((await second.commit(FIRST_WRITE)).kind, "conflict");
  });
});
