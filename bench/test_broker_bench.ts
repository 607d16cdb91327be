// deno-lint-ignore-file no-console -- it prints its figures
/**
 * How soon a broker for tests is there: the first of a process, and those after it; and how long a test file with one takes
 * that produces and consumes, against one that does nothing. Prints medians with their spread (lowest to highest).
 *
 *     deno run --allow-net --allow-read --allow-run bench/test_broker_bench.ts [rounds]
 *
 * @module
 */
import { startTestBroker } from "../testing/mod.ts";

const rounds = Number(Deno.args[0] ?? 11);
const FILE = new URL("../examples/scenarios/10_real_time_test.ts", import.meta.url).pathname;

async function startMs(): Promise<number> {
  const start = performance.now();
  const broker = await startTestBroker();
  const ms = performance.now() - start;
  await broker.close();
  return ms;
}

/** What `deno test` says that the tests of a file took, without the start of Deno itself. */
async function testFileMs(): Promise<number> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--allow-net=127.0.0.1", "--allow-read", FILE],
    env: { NO_COLOR: "1" },
  }).output();
  const match = /^ok \| 1 passed .*\((?:(\d+)s)?(?:(\d+)ms)?\)/m.exec(
    new TextDecoder().decode(stdout),
  );
  if (!match) throw new Error(`The test failed: ${new TextDecoder().decode(stdout)}`);
  return Number(match[1] ?? 0) * 1000 + Number(match[2] ?? 0);
}

function told(values: readonly number[]): string {
  const sorted = values.toSorted((left, right) => left - right);
  const [low, middle, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)!]
    .map((value) => value.toFixed(1));
  return `${middle} ms (${low} to ${high})`;
}

console.log(`first start of a process   ${(await startMs()).toFixed(1)} ms`);
const starts: number[] = [];
for (let round = 0; round < rounds; round++) starts.push(await startMs());
console.log(`starts after it            ${told(starts)}`);
const files: number[] = [];
for (let round = 0; round < rounds; round++) files.push(await testFileMs());
console.log(`test file                  ${told(files)}`);
