import { assert, assertEquals } from "@std/assert";
import { Pacer } from "../../../storage/log/pacer.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

/** A pacer, and the traffic that it sees. */
class Pace {
  readonly environment = new ManualEnvironment();
  readonly traffic = { appends: 0, pendingBytes: 0 };
  readonly pacer = new Pacer(this.environment, () => ({ ...this.traffic }));

  /** Milliseconds of rest after so many of work, behind a rest. */
  async restAfter(workMs: number): Promise<number> {
    await this.#rest();
    await this.environment.advance(workMs);
    return await this.#rest();
  }

  async #rest(): Promise<number> {
    let rested = false;
    this.pacer.pause().then(() => rested = true);
    for (let ms = 0;; ms++) {
      await settle();
      if (rested) return ms;
      await this.environment.advance(1);
    }
  }
}

Deno.test("Pacer lets work go on at once while no batches come", async () => {
  const pace = new Pace();
  assertEquals([await pace.restAfter(1), await pace.restAfter(20)].filter((ms) => ms > 1), []);
  assert(!pace.pacer.busy);
});

Deno.test("Pacer rests twice as long as the work took while batches come, and never for long", async () => {
  const pace = new Pace();
  const rests: number[] = [];
  for (const workMs of [1, 2, 10, 500]) {
    pace.traffic.appends++;
    rests.push(await pace.restAfter(workMs));
  }
  assertEquals(rests, [0, 6, 20, 40], "what was too short for a rest counts for the next");
});

Deno.test("Pacer takes batches to be coming as long as one waits, and a little longer", async () => {
  const pace = new Pace();
  pace.traffic.pendingBytes = 1;
  assert(pace.pacer.busy);
  pace.traffic.pendingBytes = 0;
  await pace.environment.advance(50);
  assert(pace.pacer.busy);
  await pace.environment.advance(60);
  assert(!pace.pacer.busy);
});
