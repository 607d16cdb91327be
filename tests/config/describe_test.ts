import { assert, assertEquals } from "@std/assert";
import { BrokerConfig } from "../../config/broker_config.ts";
import { TOPIC_DEFINITIONS } from "../../config/definitions.ts";
import {
  CONFIG_SOURCES,
  type ConfigEntry,
  describeBrokerConfig,
  describeBrokerDefaults,
  describeTopicConfig,
} from "../../config/describe.ts";

const ALL_SOURCES = BrokerConfig.parse([["log.retention.hours", "2"], ["log.retention.ms", "7"]])
  .withDynamic(new Map([["log.retention.ms", "8"]]), new Map([["log.retention.ms", "9"]]));

function only(entries: readonly ConfigEntry[], name: string): ConfigEntry {
  const found = entries.filter((entry) => entry.name === name);
  assertEquals(found.length, 1);
  return found[0];
}

Deno.test("A topic's own setting is shown with every place that would give one behind it", () => {
  const entry = only(
    describeTopicConfig(new Map([["retention.ms", " 10 "]]), ALL_SOURCES, null),
    "retention.ms",
  );
  assertEquals(entry.value, "10");
  assertEquals(entry.source, CONFIG_SOURCES.DYNAMIC_TOPIC_CONFIG);
  assertEquals(entry.type, 5);
  assert(!entry.readOnly && !entry.sensitive);
  assertEquals(entry.synonyms, [
    { name: "retention.ms", value: "10", source: 1 },
    { name: "log.retention.ms", value: "9", source: 2 },
    { name: "log.retention.ms", value: "8", source: 3 },
    { name: "log.retention.ms", value: "7", source: 4 },
    { name: "log.retention.hours", value: "7200000", source: 4 },
    { name: "log.retention.hours", value: "604800000", source: 5 },
  ]);
});

Deno.test("A topic's setting that nobody set is shown with Kafka's default", () => {
  const entries = describeTopicConfig(new Map(), BrokerConfig.defaults, null);
  const { value, source } = only(entries, "retention.ms");
  assertEquals([value, source], ["604800000", CONFIG_SOURCES.DEFAULT_CONFIG]);
  const throttled = only(entries, "leader.replication.throttled.replicas");
  assertEquals([throttled.value, throttled.source, throttled.synonyms], ["", 5, []]);
});

Deno.test("Internal settings are shown only where they were set", () => {
  const names = (overrides: [string, string][]) =>
    describeTopicConfig(new Map(overrides), BrokerConfig.defaults, null).map(({ name }) => name);
  assertEquals(names([]).length, Object.keys(TOPIC_DEFINITIONS).length - 1);
  assert(!names([]).includes("internal.segment.bytes"));
  assert(names([["internal.segment.bytes", "9"]]).includes("internal.segment.bytes"));
});

Deno.test("Only the names asked for are shown, and unknown ones are not", () => {
  const names = new Set(["retention.ms", "nonsense"]);
  const entries = describeTopicConfig(new Map(), BrokerConfig.defaults, names);
  assertEquals(entries.map(({ name }) => name), ["retention.ms"]);
});

Deno.test("A broker's settings tell their source, and which can change while it runs", () => {
  const entries = describeBrokerConfig(ALL_SOURCES, null);
  const hours = only(entries, "log.retention.hours");
  assertEquals([hours.value, hours.source, hours.readOnly], ["2", 4, true]);
  const ms = only(entries, "log.retention.ms");
  assertEquals([ms.value, ms.source, ms.readOnly], ["9", 2, false]);
  const unset = only(entries, "broker.rack");
  assertEquals([unset.value, unset.source], [null, 5]);
});

Deno.test("A secret is never shown, neither as a value nor as a synonym", () => {
  const config = BrokerConfig.parse([["ssl.key.password", "hunter2"]]);
  const entries = describeBrokerConfig(config, null);
  assert(only(entries, "ssl.key.password").sensitive);
  assert(!JSON.stringify(entries).includes("hunter2"));
});

Deno.test("The settings of all brokers are those that were set while running", () => {
  const entries = describeBrokerDefaults(new Map([["log.retention.ms", "8"]]), null);
  assertEquals(entries.map(({ name, value, source }) => [name, value, source]), [
    ["log.retention.ms", "8", 3],
  ]);
});

Deno.test("Every setting has a sentence of documentation", () => {
  const entries = [
    ...describeTopicConfig(new Map(), BrokerConfig.defaults, null),
    ...describeBrokerConfig(BrokerConfig.defaults, null),
  ];
  for (const { name, documentation } of entries) {
    assert(documentation.endsWith("."), `${name}: ${documentation}`);
  }
});
