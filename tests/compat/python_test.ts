/**
 * Python's clients: confluent-kafka (librdkafka 2.16), kafka-python and aiokafka.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PYTHON } from "../../tools/tasks/compat_tools.ts";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { runProgram } from "./support/program.ts";

const broker = brokerOfSuite();

/** Runs a script with Python and returns the JSON that it printed last. */
// deno-lint-ignore no-explicit-any
async function python(script: string, ...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await runProgram(
    PYTHON,
    [`tests/compat/python/${script}.py`, broker.bootstrap, ...args],
    { timeoutMs: 240_000 },
  );
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

Deno.test("confluent-kafka produces every codec idempotently and reads in groups of every strategy", async () => {
  const { failures, groups, state, retention } = await python(
    "confluent",
    uniqueName("ck"),
    "2000",
  );
  assertEquals(failures, []);
  const all = { seen: 10_000, committed: 10_000, shares: [2, 2] };
  assertEquals(groups, { "range": all, "roundrobin": all, "cooperative-sticky": all });
  assertEquals([state, retention], ["EMPTY", "604800000"]);
});

Deno.test("kafka-python and aiokafka write a topic, read it as a group and commit", async () => {
  const all = { seen: 2000, committed: 2000, ends: 2000 };
  assertEquals(await python("pure", uniqueName("py"), "2000"), {
    "kafka-python": all,
    "aiokafka": all,
  });
});
