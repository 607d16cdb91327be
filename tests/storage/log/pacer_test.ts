import { assertEquals } from "@std/assert";
import { Pacer } from "../../../storage/log/pacer.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

/** A pacer, and the traffic that it sees. */
class Pacing {
  readonly environment = new ManualEnvironment();
  readonly traffic = { appends: 0, appendedBytes: 0, pendingBytes: 0 };
  readonly pacer = new Pacer(this.environment, () => ({ ...this.traffic }));
  readonly pace = this.pacer.pace();

  /** Batches that come for so long; one waits from then on. */
  async write(bytesPerMs: number, forMs: number): Promise<void> {
    for (let ms = 0; ms < forMs; ms++) {
      this.traffic.appends++;
      this.traffic.appendedBytes += bytesPerMs;
      await this.environment.advance(1);
      void this.pacer.share;
    }
    this.traffic.pendingBytes = 1;
  }

  /** Milliseconds of rest after so many of work, behind a rest. */
  async restAfter(workMs: number): Promise<number> {
    await this.#rest();
    await this.environment.advance(workMs);
    return await this.#rest();
  }

  async #rest(): Promise<number> {
    let rested = false;
    this.pace.pause().then(() => rested = true);
    for (let ms = 0;; ms++) {
      await settle();
      if (rested) return ms;
      await this.environment.advance(1);
    }
  }
}

Deno.test("Pacer lets work go on at once and in large steps while no batches come", async () => {
  const { pacer, pace, ...pacing } = new Pacing();
  assertEquals([pacer.share, pace.stepBytes], [1, 512 * 1024]);
  const { environment } = pacing;
  await environment.advance(20);
  let rested = false;
  pace.pause().then(() => rested = true);
  await environment.advance(0);
  await settle();
  assertEquals(rested, true);
});

Deno.test("Pacer gives work a twentieth of the time beside few batches, and never rests for long", async () => {
  const pacing = new Pacing();
  const rests: number[] = [];
  await pacing.write(100, 300);
  await pacing.pace.during(async () => {
    for (const workMs of [0.2, 0.8, 3, 500]) rests.push(await pacing.restAfter(workMs));
  });
  assertEquals(rests, [0, 19, 57, 100], "what was too short for a rest counts for the next");
  assertEquals(pacing.pace.stepBytes, 64 * 1024);
});

Deno.test("Pacer gives work more of the time, and larger steps, the more bytes come, and half of it at most", async () => {
  const found: [share: number, stepKiB: number][] = [];
  for (const bytesPerMs of [1_000, 4_000, 6_250, 12_500, 100_000]) {
    const pacing = new Pacing();
    await pacing.write(bytesPerMs, 600);
    const stepBytes = await pacing.pace.during(() => Promise.resolve(pacing.pace.stepBytes));
    found.push([pacing.pacer.share, stepBytes / 1024]);
  }
  assertEquals(found, [[1 / 20, 64], [0.08, 64], [1 / 8, 128], [1 / 4, 128], [1 / 2, 256]]);
});

Deno.test("Pacer gives work that does not end more of the time, twice as much after a minute, and a third at most", async () => {
  const pacing = new Pacing();
  await pacing.write(100, 300);
  const rests = await pacing.pace.during(async () => {
    const rests: number[] = [];
    for (const afterMs of [0, 60_000, 240_000]) {
      await pacing.environment.advance(afterMs);
      rests.push(await pacing.restAfter(2));
    }
    return rests;
  });
  assertEquals(rests, [38, 18, 4]);
  for (const [resumes, restMs] of [[true, 4], [false, 38]] as const) {
    assertEquals(await pacing.pace.during(() => pacing.restAfter(2), { resumes }), restMs);
  }
});

Deno.test("Pacer takes larger steps where so much is written that commits are long anyway, with all shards", async () => {
  const pacing = new Pacing();
  void pacing.pacer.pace().during(() => new Promise(() => {}));
  await pacing.write(100_000, 600);
  assertEquals(pacing.pace.stepBytes, 256 * 1024);
  assertEquals([await pacing.restAfter(1), await pacing.restAfter(9)], [0, 10]);
});

Deno.test("Pacer shares the time out between the shards that are at work", async () => {
  const pacing = new Pacing();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const other = pacing.pacer.pace().during(() => over);
  await pacing.write(100, 300);
  const rests = [await pacing.pace.during(() => pacing.restAfter(2))];
  end();
  await other;
  rests.push(await pacing.pace.during(() => pacing.restAfter(2)));
  assertEquals(rests, [76, 38]);
});

Deno.test("Pacer takes batches to be coming as long as one waits, and a little longer", async () => {
  const { environment, traffic, pacer } = new Pacing();
  traffic.pendingBytes = 1;
  assertEquals(pacer.share, 1 / 20);
  traffic.pendingBytes = 0;
  await environment.advance(50);
  assertEquals(pacer.share, 1 / 20);
  await environment.advance(60);
  assertEquals(pacer.share, 1);
});
