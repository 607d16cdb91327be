import { assert, assertEquals } from "@std/assert";
import { RequestMemory } from "../../../server/connection/request_memory.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

const KB = 1024;

function memoryOf(bytesMax: number) {
  const environment = new ManualEnvironment();
  let contests = 0;
  const memory = new RequestMemory(bytesMax, environment.clock, () => contests++);
  return { environment, memory, contests: () => contests };
}

/** Whether a promise has settled by now. */
async function isDone(growth: Promise<void> | void): Promise<boolean> {
  let done = growth === undefined;
  growth?.then(() => done = true);
  await settle();
  return done;
}

Deno.test("RequestMemory grants at once what is free, and takes it back", () => {
  const { memory } = memoryOf(100 * KB);
  const lease = memory.lease(1024 * KB, () => {});
  assertEquals(lease.grow(64 * KB), undefined);
  assertEquals(memory.heldBytes, 64 * KB);
  lease.release();
  lease.release();
  assertEquals(memory.heldBytes, 0);
});

Deno.test("RequestMemory lets a frame wait until another gives back", async () => {
  const { memory, contests } = memoryOf(100 * KB);
  const [first, second] = [memory.lease(1024 * KB, () => {}), memory.lease(1024 * KB, () => {})];
  await first.grow(64 * KB);
  const growth = second.grow(64 * KB);
  assert(!await isDone(growth));
  assertEquals(contests(), 1);
  first.received();
  assert(await isDone(growth), "the oldest frame that is still received may overdraw");
  first.release();
  second.release();
  assertEquals(memory.heldBytes, 0);
});

Deno.test("RequestMemory lets the oldest frame overdraw, so that somebody always gets on", async () => {
  const { memory } = memoryOf(128 * KB);
  const leases = Array.from({ length: 4 }, () => memory.lease(1024 * KB, () => {}));
  const growths = leases.map((lease) => lease.grow(64 * KB));
  assertEquals(await Promise.all(growths.map(isDone)), [true, true, false, false]);
  assert(await isDone(leases[0].grow(512 * KB)));
  leases[0].release();
  assert(await isDone(leases[1].grow(512 * KB)), "now it is the oldest");
});

Deno.test("RequestMemory evicts, while others wait, the frame that does not fill what it has", async () => {
  const { memory, environment } = memoryOf(64 * KB);
  const evicted: string[] = [];
  const stalled = memory.lease(1024 * KB, () => {
    evicted.push("stalled");
    stalled.release();
  });
  await stalled.grow(64 * KB);
  await environment.advance(60_000);
  memory.evictStalled();
  assertEquals(evicted, [], "nobody waits");

  const waiting = memory.lease(1024 * KB, () => evicted.push("waiting"));
  const growth = waiting.grow(64 * KB);
  assert(!await isDone(growth));
  memory.evictStalled();
  assertEquals(evicted, ["stalled"]);
  assert(await isDone(growth));
});

Deno.test("RequestMemory gives a frame time in proportion to what it was granted", async () => {
  const { memory, environment } = memoryOf(640 * KB);
  const evicted: string[] = [];
  const slow = memory.lease(1024 * KB, () => evicted.push("slow"));
  await slow.grow(640 * KB);
  memory.lease(1024 * KB, () => {}).grow(64 * KB);
  await environment.advance(14_000);
  memory.evictStalled();
  assertEquals(evicted, []);
  await environment.advance(2_000);
  memory.evictStalled();
  assertEquals(evicted, ["slow"]);
});

Deno.test("RequestMemory evicts a frame that holds memory and waits for more for long", async () => {
  const { memory, environment } = memoryOf(64 * KB);
  const evicted: string[] = [];
  const lease = (name: string) => memory.lease(1024 * KB, () => evicted.push(name));
  const [oldest, holding, empty] = [lease("oldest"), lease("holding"), lease("empty")];
  await oldest.grow(32 * KB);
  await holding.grow(32 * KB);
  holding.grow(32 * KB);
  empty.grow(32 * KB);
  for (let seconds = 0; seconds < 29; seconds++) {
    await oldest.grow(32 * KB); // it gets on: it is the oldest, and may overdraw
    await environment.advance(1_000);
    memory.evictStalled();
  }
  assertEquals(evicted, []);
  await oldest.grow(32 * KB);
  await environment.advance(1_000);
  memory.evictStalled();
  assertEquals(evicted, ["holding"]);
});

Deno.test("RequestMemory keeps half of itself from frames beyond 2 MiB", async () => {
  const { memory } = memoryOf(128 * KB);
  const large = [1, 2].map(() => memory.lease(90 * 1024 * KB, () => {}));
  const ordinary = memory.lease(1024 * KB, () => {});
  assert(await isDone(large[0].grow(64 * KB)));
  assert(!await isDone(large[1].grow(64 * KB)));
  assert(await isDone(ordinary.grow(64 * KB)));
});

Deno.test("RequestMemory forgets a waiting frame whose connection is gone", async () => {
  const { memory } = memoryOf(64 * KB);
  const [holding, gone] = [memory.lease(1024 * KB, () => {}), memory.lease(1024 * KB, () => {})];
  await holding.grow(64 * KB);
  const growth = gone.grow(64 * KB);
  gone.release();
  assert(await isDone(growth));
  assert(!memory.contested);
  assertEquals(memory.heldBytes, 64 * KB);
});

Deno.test("RequestMemory holds no more than its limit and one frame, however many frames are complete", async () => {
  const { memory } = memoryOf(256 * KB);
  const leases = Array.from({ length: 40 }, () => memory.lease(100 * KB, () => {}));
  const growths = leases.map((lease) => lease.grow(100 * KB));
  const got = new Set<number>();
  let heldBytesMost = 0;
  for (let round = 0; round < 40; round++) {
    for (const [at, growth] of growths.entries()) {
      if (got.has(at) || !await isDone(growth)) continue;
      got.add(at);
      leases[at].received();
      heldBytesMost = Math.max(heldBytesMost, memory.heldBytes);
    }
  }
  assertEquals(got.size, 3, "two in the limit, one over it");
  assertEquals(heldBytesMost, 300 * KB);
  for (let at = 0; at < 40; at++) {
    assert(await isDone(growths[at]), "each gets on when those before it are done");
    leases[at].received();
    leases[at].started();
    assert(memory.heldBytes <= 356 * KB);
    leases[at].release();
  }
  assertEquals(memory.heldBytes, 0);
  assert(!memory.contested);
});

Deno.test("RequestMemory lets the oldest frame overdraw beside complete ones that keep to the limit", async () => {
  const { memory } = memoryOf(256 * KB);
  const complete = memory.lease(256 * KB, () => {});
  await complete.grow(256 * KB);
  complete.received();
  const oldest = memory.lease(1024 * KB, () => {});
  assert(await isDone(oldest.grow(512 * KB)));
  assert(await isDone(oldest.grow(512 * KB)), "what it holds itself does not hold it up");
});

Deno.test("RequestMemory evicts, while others wait, a complete frame whose turn does not come", async () => {
  const { memory, environment } = memoryOf(64 * KB);
  const evicted: string[] = [];
  const lease = (name: string) => {
    const lease = memory.lease(128 * KB, () => {
      evicted.push(name);
      lease.release();
    });
    return lease;
  };
  const [waits, works, next] = [lease("waits"), lease("works"), lease("next")];
  for (const frame of [waits, works]) {
    await frame.grow(64 * KB);
    frame.received();
  }
  works.started();
  const growth = next.grow(64 * KB);
  await environment.advance(29_000);
  memory.evictStalled();
  assertEquals(evicted, []);
  assert(!await isDone(growth));
  await environment.advance(1_000);
  memory.evictStalled();
  assertEquals(evicted, ["waits"], "not the one that was begun");
  assert(await isDone(growth));
});

Deno.test("RequestMemory forgets a frame that is complete when its connection is gone already", async () => {
  const { memory, environment } = memoryOf(64 * KB);
  const gone = memory.lease(128 * KB, () => assert(false));
  await gone.grow(64 * KB);
  gone.release();
  gone.received();
  memory.lease(64 * KB, () => {}).grow(64 * KB);
  memory.lease(64 * KB, () => {}).grow(64 * KB);
  await environment.advance(60_000);
  assert(memory.contested);
  memory.evictStalled();
  assertEquals(memory.heldBytes, 64 * KB);
});
