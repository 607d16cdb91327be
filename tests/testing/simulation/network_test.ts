import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import type { ByteStream } from "../../../environment/environment.ts";
import { NetworkError } from "../../../environment/network_error.ts";
import { sleep } from "../../../environment/sleep.ts";
import { type NetworkFaults, simulate } from "../../../testing/mod.ts";

const ADDRESS = { host: "127.0.0.1", port: 9092 };

/** A simulation with two processes and a connection between them. */
async function connected(faults: Partial<NetworkFaults> = {}, seed = 1) {
  const simulation = simulate({ seed, network: faults });
  const left = simulation.process("left");
  const right = simulation.process("right");
  const streams = await simulation.run(async () => {
    const listener = await right.environment.network.listen(ADDRESS);
    const [near, far] = await Promise.all([
      left.environment.network.dial(ADDRESS),
      listener.accept(),
    ]);
    return { near, far: far!, listener };
  });
  return { simulation, left, right, ...streams };
}

async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: number[] = [];
  const buffer = new Uint8Array(777);
  for (let count; (count = await stream.read(buffer)) !== null;) {
    assertGreater(count, 0);
    for (let index = 0; index < count; index++) parts.push(buffer[index]);
  }
  return Uint8Array.from(parts);
}

const numbered = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251);

Deno.test("Simulated connection carries all bytes in order, cut up and delayed at will", async () => {
  const { simulation, near, far } = await connected({
    splitChance: 0.9,
    spikeChance: 0.2,
    slowChance: 1,
    windowBytes: 500,
  });
  const sent = numbered(20_000);
  const received = await simulation.run(async () => {
    const reading = readAll(far);
    for (let start = 0; start < sent.length; start += 2000) {
      const chunk = sent.slice(start, start + 2000);
      await near.write([chunk.subarray(0, 3), chunk.subarray(3)]);
      chunk.fill(0); // the writer's own again
    }
    near.close();
    return await reading;
  });
  assertEquals(received, sent);
  for (const kind of ["network split", "network delay", "network slow connection"]) {
    assertGreater(simulation.faults.of(kind), 0, kind);
  }
});

Deno.test("Simulated writer waits while its peer does not read", async () => {
  const { simulation, near, far } = await connected({ windowBytes: 100 });
  let written = false;
  near.write([new Uint8Array(300)]).then(() => written = true);
  await simulation.advance("1h");
  assert(!written);
  await simulation.run(async () => {
    const buffer = new Uint8Array(250);
    for (let count = 0; count < 250;) count += (await far.read(buffer.subarray(count)))!;
  });
  await simulation.until(() => written);
});

Deno.test("Simulated slow reader lets its peer wait, and nobody wait for the peer", async () => {
  const { simulation, left, right, near, far } = await connected({ windowBytes: 1000 });
  simulation.network.slowReader(right, left, 10);
  const timeOf = (from: ByteStream, to: ByteStream) => {
    const startMs = simulation.nowMs;
    return simulation.run(async () => {
      const buffer = new Uint8Array(20_000);
      const reading = (async () => {
        for (let count = 0; count < buffer.length;) {
          count += (await to.read(buffer.subarray(count)))!;
        }
      })();
      await from.write([numbered(20_000)]);
      const writtenMs = simulation.nowMs - startMs;
      await reading;
      return writtenMs;
    });
  };
  assertGreater(await timeOf(near, far), 1900); // all but the window, at 10 bytes a millisecond
  assertLess(await timeOf(far, near), 100);
  assertEquals(simulation.faults.of("network slow connection"), 1);
});

Deno.test("Simulated connections overtake each other, whereas each keeps its order", async () => {
  const { simulation, left, near, far, listener } = await connected({ delayMs: [0, 50] });
  const arrived: string[] = [];
  await simulation.run(async () => {
    const [near2, far2] = await Promise.all([
      left.environment.network.dial(ADDRESS),
      listener.accept(),
    ]);
    const readings = [far, far2!].map(async (stream, number) => {
      const buffer = new Uint8Array(1);
      for (let count = 0; count < 20; count++) {
        await stream.read(buffer);
        arrived.push(`${number}/${buffer[0]}`);
      }
    });
    for (let round = 0; round < 20; round++) {
      for (const stream of [near, near2]) await stream.write([Uint8Array.of(round)]);
      await sleep(left.environment, 1);
    }
    await Promise.all(readings);
  });
  const sent = Array.from({ length: 20 }, (_, round) => [`0/${round}`, `1/${round}`]).flat();
  assertNotEquals(arrived, sent);
  for (const number of [0, 1]) {
    const isIts = (what: string) => what.startsWith(`${number}/`);
    assertEquals(arrived.filter(isIts), sent.filter(isIts));
  }
});

Deno.test("Simulated network refuses a dial to nobody and a port taken", async () => {
  const { simulation, left, right } = await connected();
  await simulation.run(async () => {
    const nobody = await assertRejects(
      () => left.environment.network.dial({ host: "127.0.0.1", port: 1 }),
      NetworkError,
    );
    assertEquals(nobody.kind, "refused");
    const taken = await assertRejects(
      () => right.environment.network.listen(ADDRESS),
      NetworkError,
    );
    assertEquals(taken.kind, "addressInUse");
    const free = await right.environment.network.listen({ host: "127.0.0.1", port: 0 });
    assertGreater(free.address.port, 0);
  });
});

Deno.test("Simulated dial is refused now and then although somebody listens", async () => {
  const { simulation, left, listener } = await connected();
  (async () => {
    while (await listener.accept());
  })();
  simulation.network.faults = { ...simulation.network.faults, refuseChance: 0.5 };
  await simulation.run(async () => {
    let refused = 0;
    for (let dial = 0; dial < 50; dial++) {
      await left.environment.network.dial(ADDRESS).catch(() => refused++);
    }
    assert(refused > 10 && refused < 40);
    assertEquals(simulation.faults.of("network dial refused"), refused);
  });
});

Deno.test("Simulated reset reaches both ends", async () => {
  const { simulation, left, right, near, far } = await connected();
  await simulation.run(async () => {
    const reads = [near, far].map((end) =>
      assertRejects(() => end.read(new Uint8Array(1)), NetworkError)
    );
    simulation.network.reset(left, right);
    for (const read of reads) assertEquals((await read).kind, "reset");
    await assertRejects(() => near.write([Uint8Array.of(1)]), NetworkError);
  });
  assertEquals(simulation.faults.of("network reset"), 1);
  assertEquals(simulation.network.connections, 0);
});

Deno.test("Simulated network resets and half-opens connections at random", async () => {
  for (const [chance, kind] of [["resetChance", "reset"], ["halfOpenChance", "half-open"]]) {
    const { simulation, left, near, far } = await connected({ [chance]: 0.05 });
    readAll(far).catch(() => {});
    let ended = false;
    (async () => {
      for (let write = 0; write < 1000; write++) {
        await near.write([new Uint8Array(200)]);
        await sleep(left.environment, 1);
      }
    })().catch(() => {}).finally(() => ended = true);
    await simulation.advance("10m");
    assertGreater(simulation.faults.of(`network ${kind}`), 0);
    assertEquals(ended, kind === "reset"); // nobody learns of the other
  }
});

Deno.test("Simulated partition holds bytes back until it heals, and lets dials time out", async () => {
  const { simulation, left, right, near, far } = await connected();
  simulation.network.partition(left, right);
  let received = -1;
  far.read(new Uint8Array(10)).then((count) => received = count!);
  await simulation.run(async () => {
    await near.write([numbered(10)]);
    const error = await assertRejects(
      () => left.environment.network.dial(ADDRESS),
      NetworkError,
      "timed out",
    );
    assertEquals(error.kind, "unreachable");
  });
  assertEquals(received, -1);
  simulation.network.heal();
  await simulation.until(() => received >= 0, { within: "1s" });
  assertEquals(simulation.faults.of("network partition"), 1);
});

Deno.test("Simulated one-way partition lets the other way pass", async () => {
  const { simulation, left, right, near, far } = await connected();
  simulation.network.partitionOneWay(left, right);
  let forth = 0;
  far.read(new Uint8Array(1)).then((count) => forth = count!);
  await simulation.run(async () => {
    await near.write([Uint8Array.of(1)]);
    await far.write([Uint8Array.of(2)]);
    assertEquals(await near.read(new Uint8Array(1)), 1);
  });
  assertEquals(forth, 0);
});

Deno.test("Simulated process taken off its address keeps its connections and leaves its port", async () => {
  const { simulation, left, right, near, far } = await connected();
  const successor = simulation.process("successor");
  await simulation.run(async () => {
    simulation.network.unroute(right);
    const listener = await successor.environment.network.listen(ADDRESS);
    await right.environment.network.listen(ADDRESS); // on a machine that nobody reaches
    await near.write([Uint8Array.of(1)]);
    assertEquals(await far.read(new Uint8Array(1)), 1);
    const [, accepted] = await Promise.all([
      left.environment.network.dial(ADDRESS),
      listener.accept(),
    ]);
    assert(accepted !== null);
  });
});

Deno.test("Simulated close ends reads on both sides and breaks the peer's writes", async () => {
  const { simulation, right, near, far } = await connected();
  await simulation.run(async () => {
    const own = near.read(new Uint8Array(1));
    await near.write([Uint8Array.of(1, 2)]);
    near.close();
    near.close();
    assertEquals(await own, null);
    assertEquals([...await readAll(far)], [1, 2]);
    const closed = await assertRejects(() => near.write([Uint8Array.of(1)]), NetworkError);
    assertEquals(closed.kind, "closed");
    await far.write([Uint8Array.of(1)]); // leaves, and is answered with a reset
    const reset = await assertRejects(async () => {
      while (true) {
        await far.write([Uint8Array.of(1)]);
        await sleep(right.environment, 1);
      }
    }, NetworkError);
    assertEquals(reset.kind, "reset");
  });
});

Deno.test("Simulated listener that closes lets accepts end and dials fail", async () => {
  const { simulation, left, listener } = await connected();
  await simulation.run(async () => {
    const accept = listener.accept();
    listener.close();
    listener.close();
    assertEquals(await accept, null);
    await assertRejects(() => left.environment.network.dial(ADDRESS), NetworkError, "refused");
  });
});

Deno.test("Simulated peers of a killed process see its end, a reset, or nothing", async () => {
  const outcomes: Record<string, unknown> = {};
  for (const death of ["closed", "reset", "silent"] as const) {
    const { simulation, right, near } = await connected();
    outcomes[death] = "nothing";
    near.read(new Uint8Array(1)).then(
      (count) => outcomes[death] = count,
      (error) => outcomes[death] = error.kind,
    );
    right.kill(death);
    await simulation.advance("1h");
  }
  assertEquals(outcomes, { closed: null, reset: "reset", silent: "nothing" });
});
