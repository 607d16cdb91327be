// Real time: a loop on the real clock disturbs the simulation, which must not notice.
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { sleep } from "../../../environment/sleep.ts";
import { simulate, SimulationError } from "../../../testing/mod.ts";
import { echoHash } from "./echo_program.ts";

Deno.test("Simulation of a seed is the same every time, and another for another seed", async () => {
  const first = await echoHash(17);
  assertEquals(await echoHash(17), first);
  assertNotEquals(await echoHash(18), first);
});

Deno.test("Simulation of a seed is the same while the host is busy", async () => {
  const quiet = await echoHash(5);
  let busy = true;
  const noise = (async () => {
    while (busy) await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
  })();
  const noisy = await Promise.all([echoHash(5), echoHash(5)]);
  busy = false;
  await noise;
  assertEquals(noisy, [quiet, quiet]);
});

Deno.test("Simulation of a seed is the same in another process", async () => {
  const program = new URL("./echo_program.ts", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", program, "17"],
  }).output();
  assert(success);
  assertEquals(new TextDecoder().decode(stdout).trim(), await echoHash(17));
});

Deno.test("Simulation runs everything that follows from an event before the next one", async () => {
  const simulation = simulate({ seed: 1 });
  const { environment } = simulation.process("one");
  const order: string[] = [];
  const chain = async (name: string) => {
    for (let hop = 0; hop < 1000; hop++) await null;
    order.push(name);
  };
  environment.timers.schedule(1, () => void chain("slow"));
  environment.timers.schedule(1, () => void order.push("next"));
  await simulation.advance(2);
  assertEquals(order, ["slow", "next"]);
});

Deno.test("Simulation advances by the time asked for and no further", async () => {
  const simulation = simulate({ seed: 1 });
  const { environment } = simulation.process("one");
  const fired: number[] = [];
  for (const delayMs of [1000, 2000, 2001]) {
    environment.timers.schedule(delayMs, () => fired.push(delayMs));
  }
  await simulation.advance("2s");
  assertEquals(fired, [1000, 2000]);
  assertEquals(simulation.nowMs, 2000);
  await simulation.until(() => fired.length === 3);
  assertEquals(simulation.nowMs, 2001);
});

Deno.test("Simulation lets things happen at random moments until told to end", async () => {
  const simulation = simulate({ seed: 1 });
  let times = 0;
  const end = simulation.occasionally("fault", "1s", () => times++);
  await simulation.advance("1000s");
  assert(times > 850 && times < 1150, String(times));
  end();
  const before = times;
  await simulation.advance("100s");
  assertEquals(times, before);
});

const failing = (body: (simulation: ReturnType<typeof simulate>) => Promise<unknown>) => {
  const simulation = simulate({ seed: 99, replay: "deno task simulate --from 99" });
  return assertRejects(() => body(simulation), SimulationError);
};

Deno.test("Simulation that fails names the seed, the moment, what happened and how to replay it", async () => {
  const error = await failing(async (simulation) => {
    const one = simulation.process("one");
    await simulation.run(async () => {
      await sleep(one.environment, 1500);
      simulation.note("about to fail");
      one.environment.log.write("warn", "Something is odd");
      throw new RangeError("broken");
    });
  });
  for (
    const part of [
      "Seed 99: the program failed at 1500.000 ms: RangeError: broken",
      "1.500000s  test         about to fail",
      "one          warn: Something is odd",
      "Replay: deno task simulate --from 99",
    ]
  ) assert(error.message.includes(part), error.message);
  assertEquals((error.cause as Error).message, "broken");
});

Deno.test("Simulation fails on an unhandled rejection", async () => {
  const error = await failing(async (simulation) => {
    const { environment } = simulation.process("one");
    environment.timers.schedule(1, () => void Promise.reject(new Error("nobody listens")));
    await simulation.advance("1s");
  });
  assert(error.message.includes("nobody listens"));
});

Deno.test("Simulation fails on an error thrown by a timer", async () => {
  await failing(async (simulation) => {
    simulation.process("one").environment.timers.schedule(1, () => {
      throw new Error("uncaught");
    });
    await simulation.advance("1s");
  });
});

Deno.test("Simulation fails on a logged error that only a bug can cause", async () => {
  const logging = (error: Error) => (simulation: ReturnType<typeof simulate>) =>
    simulation.run(() =>
      simulation.process("one").environment.log.write("error", "actor crashed", { error })
    );
  await failing(logging(new TypeError("undefined is not a function")));
  await logging(new Error("the store is gone"))(simulate({ seed: 1 }));
});

Deno.test("Simulation fails when nothing is left that could happen, and when time is up", async () => {
  const stuck = await failing((simulation) => simulation.run(() => new Promise(() => {})));
  assert(stuck.message.includes("nothing is left"));
  const late = await failing((simulation) => {
    const { environment } = simulation.process("one");
    return simulation.run(() => sleep(environment, 60_001), { within: "1m" });
  });
  assert(late.message.includes("not done in time"));
});

Deno.test("Simulation is driven by one at a time", async () => {
  const simulation = simulate({ seed: 1 });
  const first = simulation.advance("1s");
  await assertRejects(() => simulation.advance("1s"), TypeError, "driven already");
  await first;
});

Deno.test("Simulation ends with all its processes dead", async () => {
  let fired = false;
  const one = await (async () => {
    await using simulation = simulate({ seed: 1 });
    const process = simulation.process("one");
    process.environment.timers.schedule(1, () => fired = true);
    return process;
  })();
  assert(!one.alive);
  assert(!fired);
});
