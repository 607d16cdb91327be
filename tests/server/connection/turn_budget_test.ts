import { assert, assertEquals } from "@std/assert";
import { TurnBudget } from "../../../server/connection/turn_budget.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";

const KB = 1024;

/** Asks for each size, and tells in the order in which they may begin. */
function begun(budget: TurnBudget, sizesKb: readonly number[]): number[] {
  const order: number[] = [];
  for (const sizeKb of sizesKb) budget.take(sizeKb * KB).then(() => order.push(sizeKb));
  return order;
}

Deno.test("A turn takes large requests up to its budget, and the next turn goes on in the order of asking", async () => {
  const environment = new ManualEnvironment();
  const budget = new TurnBudget(environment.timers);
  const order = begun(budget, [100, 101, 102, 103, 104, 105]);
  await Promise.resolve();
  assertEquals(order, [100, 101, 102], "The third goes beyond the budget, the fourth waits");
  await environment.advance(0);
  assertEquals(order, [100, 101, 102, 103, 104, 105]);
  assertEquals(environment.pendingTimers, 0);
});

Deno.test("A turn takes a request that is larger than its budget when it is the first", async () => {
  const environment = new ManualEnvironment();
  const budget = new TurnBudget(environment.timers);
  assert(budget.tryTake(100_000 * KB));
  assert(!budget.tryTake(9 * KB));
  await environment.advance(0);
  assert(budget.tryTake(9 * KB));
});

Deno.test("A turn takes every small request, whoever waits", () => {
  const environment = new ManualEnvironment();
  const budget = new TurnBudget(environment.timers);
  begun(budget, [300, 300]);
  for (let n = 0; n < 1_000; n++) assert(budget.tryTake(8 * KB));
});

Deno.test("A turn budget that nothing large uses needs no timer", () => {
  const environment = new ManualEnvironment();
  assert(new TurnBudget(environment.timers).tryTake(8 * KB));
  assertEquals(environment.pendingTimers, 0);
});
