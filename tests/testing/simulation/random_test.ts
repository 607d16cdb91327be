import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "../../../testing/simulation/random.ts";

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.next());

Deno.test("Random stream is the same for the same seed and differs for another", () => {
  assertEquals(draw(new Random("1/network"), 100), draw(new Random("1/network"), 100));
  assertNotEquals(draw(new Random("1/network"), 3), draw(new Random("2/network"), 3));
  assertNotEquals(draw(new Random("1/network"), 3), draw(new Random("1/kv"), 3));
});

Deno.test("Random stream spreads evenly over neighbouring seeds and within one", () => {
  const counts = new Array(10).fill(0);
  for (let seed = 0; seed < 1000; seed++) {
    const random = new Random(String(seed));
    for (let index = 0; index < 10; index++) counts[random.below(10)]++;
  }
  for (const count of counts) assert(count > 850 && count < 1150, `${counts}`);
});

Deno.test("Random stream keeps to its ranges", () => {
  const random = new Random("ranges");
  for (let index = 0; index < 1000; index++) {
    const between = random.between([5, 7]);
    assert(between >= 5 && between < 7);
    assert(random.exponential(10) >= 0);
    assert(["a", "b"].includes(random.pick(["a", "b"])));
  }
  assertEquals(random.bytes(5).length, 5);
  assert(!random.chance(0));
  assert(random.chance(1));
});
