/**
 * Requests of transactional producers, in every version, right and wrong: our broker answers what Apache Kafka answers.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ApacheKafka } from "./support/apache_kafka.ts";
import { brokerOfSuite } from "./support/broker.ts";
import { play, SCENARIOS } from "./support/transaction_scenarios.ts";

const OVERDUE = ["transaction.abort.timed.out.transaction.cleanup.interval.ms", "500"] as const;

const broker = brokerOfSuite("--set", OVERDUE.join("="));
let kafka: ApacheKafka;

Deno.test.beforeAll(async () => {
  kafka = await ApacheKafka.start({ [OVERDUE[0]]: OVERDUE[1] });
});
Deno.test.afterAll(() => kafka[Symbol.asyncDispose]());

for (const [what, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`Broker answers as Apache Kafka does: ${what}`, async () => {
    const [host, port] = kafka.bootstrap.split(":");
    const original = { host, port: Number(port), bootstrap: kafka.bootstrap };
    const [ours, theirs] = await Promise.all([play(scenario, broker), play(scenario, original)]);
    assertEquals(ours, theirs);
  });
}
