import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrokerConfig } from "../../config/broker_config.ts";
import { TOPIC_DEFINITIONS } from "../../config/definitions.ts";
import { checkTopicOverrides, resolveTopicConfig } from "../../config/topic_config.ts";
import { KafkaError } from "../../protocol/errors.ts";

function resolve(overrides: Record<string, string>, broker: [string, string][] = []) {
  return resolveTopicConfig(new Map(Object.entries(overrides)), BrokerConfig.parse(broker));
}

function refuses(overrides: Record<string, string>, message: string): void {
  const check = () => checkTopicOverrides(new Map(Object.entries(overrides)));
  const error = assertThrows(check, KafkaError) as KafkaError;
  assertEquals([error.kind, error.message], ["INVALID_CONFIG", message]);
}

Deno.test("TopicConfig without any setting is Kafka's default", () => {
  const config = resolve({});
  assertEquals(config.retentionMs, 604_800_000);
  assertEquals(config.retentionBytes, -1);
  assertEquals(config.segmentMs, 604_800_000);
  assertEquals([...config.cleanupPolicy], ["delete"]);
  assertEquals(config.maxMessageBytes, 1_048_588);
  assertEquals(config.messageTimestampType, "CreateTime");
  assertEquals(config.messageTimestampBeforeMaxMs, Number(2n ** 63n - 1n));
  assertEquals(config.compressionType, "producer");
});

Deno.test("TopicConfig takes the broker's settings where the topic has none", () => {
  const config = resolve({ "max.message.bytes": "10" }, [
    ["message.max.bytes", "20"],
    ["log.cleanup.policy", "compact"],
  ]);
  assertEquals(config.maxMessageBytes, 10);
  assertEquals([...config.cleanupPolicy], ["compact"]);
});

Deno.test("TopicConfig takes retention from milliseconds before minutes before hours", () => {
  const hours: [string, string] = ["log.retention.hours", "2"];
  const minutes: [string, string] = ["log.retention.minutes", "3"];
  const ms: [string, string] = ["log.retention.ms", "4"];
  assertEquals(resolve({}, [hours]).retentionMs, 7_200_000);
  assertEquals(resolve({}, [hours, minutes]).retentionMs, 180_000);
  assertEquals(resolve({}, [hours, minutes, ms]).retentionMs, 4);
  assertEquals(resolve({}, [["log.retention.hours", "-1"]]).retentionMs, -1);
  assertEquals(resolve({}, [["log.roll.hours", "1"]]).segmentMs, 3_600_000);
});

Deno.test("TopicConfig follows a broker setting that is changed while running", () => {
  const broker = BrokerConfig.parse([["log.retention.ms", "1"]])
    .withDynamic(new Map([["log.retention.ms", "5"]]), new Map());
  assertEquals(resolveTopicConfig(new Map(), broker).retentionMs, 5);
});

Deno.test("TopicConfig with an empty cleanup policy neither deletes nor compacts", () => {
  checkTopicOverrides(new Map([["cleanup.policy", ""]]));
  assertEquals(resolve({ "cleanup.policy": "" }).cleanupPolicy.size, 0);
});

Deno.test("Topic overrides are refused with Kafka's words", () => {
  refuses({ "retention.mss": "1" }, "Unknown topic config name: retention.mss");
  refuses(
    { "retention.ms": "abc" },
    "Invalid value abc for configuration retention.ms: Not a number of type LONG",
  );
  refuses(
    { "retention.ms": "-2" },
    "Invalid value -2 for configuration retention.ms: Value must be at least -1",
  );
  refuses(
    { "compression.type": "rar" },
    "Invalid value rar for configuration compression.type: " +
      "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
  );
  refuses({ "hasOwnProperty": "1" }, "Unknown topic config name: hasOwnProperty");
});

Deno.test("Topic overrides with a smallest compaction lag above the largest are refused", () => {
  refuses(
    {
      "min.compaction.lag.ms": "9223372036854775807",
      "max.compaction.lag.ms": "9223372036854775806",
    },
    "conflict topic config setting min.compaction.lag.ms (9223372036854775807) > " +
      "max.compaction.lag.ms (9223372036854775806)",
  );
});

Deno.test("Topic overrides that pass the check always resolve, and any others are KafkaErrors", () => {
  const name = fc.constantFrom(...Object.keys(TOPIC_DEFINITIONS));
  const text = fc.oneof(
    fc.string(),
    fc.bigInt().map(String),
    fc.double().map(String),
    fc.constantFrom("true", "delete,compact", "gzip", "LogAppendTime", "*", "0:1", "-1", ""),
  );
  const overrides = fc.array(fc.tuple(name, text), { maxLength: 4 }).map((pairs) => new Map(pairs));
  fc.assert(fc.property(overrides, (overrides) => {
    try {
      checkTopicOverrides(overrides);
    } catch (error) {
      assertEquals((error as KafkaError).kind, "INVALID_CONFIG");
      return;
    }
    resolveTopicConfig(overrides, BrokerConfig.defaults);
  }));
});
