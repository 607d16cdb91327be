// Real time: a turn of the event loop, which takes no time.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { IdFilter } from "../../../server/transactions/id_filter.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";

/** A pattern that asks for as much work as there can be. */
const HOSTILE = "(.?){900}(.?){90}x";

Deno.test("Id filter lets all pass without a pattern, and those that match with one", async () => {
  const environment = new ManualEnvironment();
  for (const pattern of [null, ""]) {
    assert(await new IdFilter(pattern, environment).passes("anything"));
  }
  const filter = new IdFilter("orders-[0-9]+", environment);
  assertEquals(await filter.passes("orders-17"), true);
  assertEquals(await filter.passes("orders-17-b"), false);
});

Deno.test("Id filter refuses what is no pattern", () => {
  const error = assertThrows(() => new IdFilter("(", new ManualEnvironment()), KafkaError);
  assertEquals(error.kind, "INVALID_REGULAR_EXPRESSION");
});

/** Counts how often others have had their turn. */
function turnCounter() {
  let turns = 0;
  const schedule = (_delayMs: number, callback: () => void) => {
    turns++;
    const id = setTimeout(callback, 0);
    return { cancel: () => clearTimeout(id) };
  };
  return { environment: { timers: { schedule } }, turns: () => turns };
}

Deno.test("Id filter lets others have their turn while it looks at a hostile pattern", async () => {
  const { environment, turns } = turnCounter();
  assertEquals(await new IdFilter(HOSTILE, environment).passes("a".repeat(900)), false);
  assert(turns() > 10, `${turns()} turns`);
});

Deno.test("Id filter takes the turns of many ids together", async () => {
  const { environment, turns } = turnCounter();
  const filter = new IdFilter("(.?){500}x", environment);
  for (let id = 0; id < 200; id++) await filter.passes("a".repeat(50));
  assert(turns() > 10, `${turns()} turns`);
});

Deno.test("Id filter gives up on a pattern that takes too long", async () => {
  const environment = new ManualEnvironment();
  const filter = new IdFilter(HOSTILE, environment, 200_000);
  const refused = assertRejects(() => filter.passes("a".repeat(900)), KafkaError);
  for (let turn = 0; turn < 10; turn++) await environment.advance(0);
  assertEquals((await refused).kind, "INVALID_REGULAR_EXPRESSION");
});
