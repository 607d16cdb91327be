import { assertEquals, assertThrows } from "@std/assert";
import { BrokerConfig } from "../../config/broker_config.ts";
import { checkReplicationFactor, defaultReplicationFactor } from "../../config/copies.ts";
import { KafkaError } from "../../protocol/errors.ts";

const strict = BrokerConfig.parse([["default.replication.factor", "3"]]);
const lenient = BrokerConfig.parse([
  ["default.replication.factor", "3"],
  ["odradek.accept.any.replication.factor", "true"],
]);

Deno.test("The default replication factor never is one that would be refused", () => {
  assertEquals(defaultReplicationFactor(BrokerConfig.defaults), 1);
  assertEquals(defaultReplicationFactor(strict), 1);
  assertEquals(defaultReplicationFactor(lenient), 3);
});

Deno.test("A replication factor above 1 is refused unless any is accepted, and one below 1 always", () => {
  checkReplicationFactor(1, strict);
  checkReplicationFactor(3, lenient);
  for (const [factor, broker] of [[3, strict], [0, strict], [0, lenient], [-2, lenient]] as const) {
    const error = assertThrows(() => checkReplicationFactor(factor, broker), KafkaError);
    assertEquals((error as KafkaError).kind, "INVALID_REPLICATION_FACTOR");
  }
});
