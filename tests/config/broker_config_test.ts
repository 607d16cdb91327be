import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrokerConfig } from "../../config/broker_config.ts";
import { ConfigError } from "../../config/config_error.ts";

Deno.test("BrokerConfig without entries gives Kafka's defaults", () => {
  const config = BrokerConfig.defaults;
  assertEquals(config.int("num.partitions"), 1);
  assertEquals(config.boolean("auto.create.topics.enable"), true);
  assertEquals(config.list("log.cleanup.policy"), ["delete"]);
  assertEquals(config.double("log.cleaner.min.cleanable.ratio"), 0.5);
  assertEquals(config.string("compression.type"), "producer");
  assertEquals(config.text("log.flush.interval.messages"), "9223372036854775807");
  assertEquals(config.long("log.retention.ms"), null);
  assert(!config.isSet("num.partitions"));
});

Deno.test("BrokerConfig gives what was set, the last one of a name", () => {
  const config = BrokerConfig.parse([["num.partitions", "3"], ["num.partitions", " 4 "]]);
  assertEquals(config.int("num.partitions"), 4);
  assert(config.isSet("num.partitions"));
});

Deno.test("BrokerConfig refuses unknown names, wrong types and values out of range in one line", () => {
  const cases = [
    ["num.partition", "1", "Unknown configuration num.partition"],
    [
      "num.partitions",
      "x",
      "Invalid value x for configuration num.partitions: Not a number of type INT",
    ],
    [
      "num.partitions",
      "0",
      "Invalid value 0 for configuration num.partitions: Value must be at least 1",
    ],
  ] as const;
  for (const [name, text, message] of cases) {
    const error = assertThrows(() => BrokerConfig.parse([[name, text]]), ConfigError) as Error;
    assertEquals(error.message, message);
  }
});

Deno.test("BrokerConfig does not take names that every object has for settings", () => {
  for (const name of ["toString", "__proto__", "constructor"]) {
    assertThrows(() => BrokerConfig.parse([[name, "1"]]), ConfigError, "Unknown configuration");
  }
});

Deno.test("BrokerConfig puts settings of one broker over those of all, and those over the static ones", () => {
  const fixed = BrokerConfig.parse([["log.retention.ms", "1"], ["log.segment.bytes", "2000000"]]);
  const config = fixed.withDynamic(
    new Map([["log.retention.ms", "2"], ["log.segment.bytes", "3000000"]]),
    new Map([["log.retention.ms", "3"]]),
  );
  assertEquals(config.long("log.retention.ms"), 3);
  assertEquals(config.int("log.segment.bytes"), 3_000_000);
  assertEquals(config.layersOf("log.retention.ms"), [
    { source: "DYNAMIC_BROKER_CONFIG", text: "3" },
    { source: "DYNAMIC_DEFAULT_BROKER_CONFIG", text: "2" },
    { source: "STATIC_BROKER_CONFIG", text: "1" },
  ]);
  assertEquals(fixed.long("log.retention.ms"), 1);
});

Deno.test("BrokerConfig replaces dynamic settings by the next ones instead of adding them up", () => {
  const first = BrokerConfig.defaults.withDynamic(new Map([["log.retention.ms", "2"]]), new Map());
  const second = first.withDynamic(new Map(), new Map([["log.segment.bytes", "3000000"]]));
  assertEquals(second.long("log.retention.ms"), null);
  assertEquals(second.int("log.segment.bytes"), 3_000_000);
});

Deno.test("BrokerConfig leaves out stored dynamic settings that this version cannot use", () => {
  const stored = new Map([
    ["from.the.future", "1"],
    ["num.partitions", "7"],
    ["log.retention.ms", "soon"],
    ["log.segment.bytes", "3000000"],
  ]);
  const config = BrokerConfig.defaults.withDynamic(stored, new Map());
  assertEquals(config.int("num.partitions"), 1);
  assertEquals(config.long("log.retention.ms"), null);
  assertEquals(config.int("log.segment.bytes"), 3_000_000);
});

Deno.test("BrokerConfig refuses min.insync.replicas above 1 unless any replication factor is accepted", () => {
  assertThrows(
    () => BrokerConfig.parse([["min.insync.replicas", "2"]]),
    ConfigError,
    "odradek.accept.any.replication.factor=true",
  );
  const config = BrokerConfig.parse([
    ["min.insync.replicas", "2"],
    ["odradek.accept.any.replication.factor", "true"],
  ]);
  assertEquals(config.int("min.insync.replicas"), 2);
});
