// Real time: it measures that virtual time takes none.
import { assertEquals } from "@std/assert";
import { sleep } from "../../../environment/sleep.ts";
import { simulate, START_MS } from "../../../testing/mod.ts";

Deno.test("Simulated process runs its timers in virtual time", async () => {
  const simulation = simulate({ seed: 1 });
  const { environment } = simulation.process("one");
  const began = performance.now();
  await simulation.run(() => sleep(environment, 86_400_000), { within: "2d" });
  assertEquals(environment.clock.now(), START_MS + 86_400_000);
  assertEquals(environment.clock.monotonicMs(), 86_400_000);
  assertEquals(performance.now() - began < 1000, true);
});

Deno.test("Killed process is never entered again: timers, reads, writes, accepts, dials, store", async () => {
  const simulation = simulate({ seed: 2, network: { windowBytes: 10 } });
  const victim = simulation.process("victim");
  const peer = simulation.process("peer");
  const happened: string[] = [];
  const note = (what: string) => () => void happened.push(what);
  const { network, timers, log } = victim.environment;
  const address = { host: "127.0.0.1", port: 9092 };
  const key = Uint8Array.of(1);

  const afterwards = await simulation.run(async () => {
    const kv = await simulation.store().of(victim).open("log");
    const listener = await network.listen(address);
    const [dialled, accepted] = await Promise.all([
      peer.environment.network.dial(address),
      listener.accept(),
    ]);
    timers.schedule(1, note("timer"));
    listener.accept().then(note("accept"), note("accept failed"));
    accepted!.read(new Uint8Array(1)).then(note("read"), note("read failed"));
    accepted!.write([new Uint8Array(100)]).then(note("write"), note("write failed"));
    network.dial(address).then(note("dial"), note("dial failed"));
    kv.get([key]).then(note("get"), note("get failed"));
    kv.commit({ sets: [{ key, value: key }] }).then(note("commit"));
    victim.kill();
    // what its code still tries in the same turn leads nowhere
    timers.schedule(1, note("late timer"));
    kv.commit({ sets: [{ key: Uint8Array.of(2), value: key }] }).then(note("late commit"));
    kv.get([key]).then(note("late get"), note("late get failed"));
    accepted!.write([Uint8Array.of(9)]).then(note("late write"), note("late write failed"));
    network.listen({ host: "127.0.0.1", port: 1 }).then(note("late listen"), note("late listen"));
    network.dial(address).then(note("late dial"), note("late dial failed"));
    log.write("error", "late", { error: new TypeError("would fail the simulation") });
    accepted!.close();
    return { dialled };
  });
  await simulation.advance("1h");
  assertEquals(happened, []);

  // Its peer reads what was sent before the end, then the end; its port is free.
  const received = await simulation.run(async () => {
    const bytes: number[] = [];
    const buffer = new Uint8Array(1000);
    for (let count; (count = await afterwards.dialled.read(buffer)) !== null;) {
      bytes.push(...buffer.subarray(0, count));
    }
    const successor = simulation.process("victim");
    assertEquals(successor.name, "victim#2");
    await successor.environment.network.listen(address);
    return bytes.length;
  });
  assertEquals(received, 100);
  const inner = await simulation.store().inner("log");
  assertEquals(await inner.get([Uint8Array.of(2)]), [null]);
});

Deno.test("Paused process goes on later, with everything that came up meanwhile, in order", async () => {
  const simulation = simulate({ seed: 3 });
  const one = simulation.process("one");
  const happened: string[] = [];
  one.environment.timers.schedule(10, () => happened.push("first"));
  one.environment.timers.schedule(20, () => happened.push("second"));
  const cancelled = one.environment.timers.schedule(15, () => happened.push("cancelled"));
  one.pause();
  await simulation.advance("1s");
  assertEquals(happened, []);
  cancelled.cancel();
  one.resume();
  await simulation.advance(0);
  assertEquals(happened, ["first", "second"]);
  assertEquals(one.environment.clock.monotonicMs(), 1000);
});

Deno.test("Drifting process's timers come early or late", async () => {
  const simulation = simulate({ seed: 4 });
  const fast = simulation.process("fast");
  fast.clock.drift(250_000);
  await simulation.run(() => sleep(fast.environment, 1000));
  assertEquals(simulation.nowMs, 800);
});

Deno.test("Process counts the timers that it has set and that have not come to anything", async () => {
  await using simulation = simulate({ seed: 1 });
  const process = simulation.process("p");
  const [first] = [1000, 2000, 3000].map((delayMs) =>
    process.environment.timers.schedule(delayMs, () => {})
  );
  assertEquals(process.pendingTimers, 3);
  first.cancel();
  assertEquals(process.pendingTimers, 2);
  await simulation.advance("2s");
  assertEquals(process.pendingTimers, 1);
  process.kill();
  assertEquals(process.pendingTimers, 0);
});
