import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  applyChanges,
  type ConfigTarget,
  replaceAll,
  type SettingChange,
} from "../../config/alter.ts";
import { BrokerConfig } from "../../config/broker_config.ts";
import { ConfigError } from "../../config/config_error.ts";
import { describeTopicConfig } from "../../config/describe.ts";
import { parseHostCounts } from "../../config/host_counts.ts";
import { resolveTopicConfig } from "../../config/topic_config.ts";
import { TOPIC_SYNONYMS } from "../../config/topic_synonyms.ts";
import { KafkaError } from "../../protocol/errors.ts";

function alter(
  target: ConfigTarget,
  current: Record<string, string>,
  changes: readonly SettingChange[],
  broker = BrokerConfig.defaults,
): Record<string, string> {
  const before = new Map(Object.entries(current));
  return Object.fromEntries(applyChanges(target, before, changes, broker));
}

function set(name: string, value: string | null): SettingChange {
  return { operation: "set", name, value };
}

function refuses(change: () => unknown, kind: string, message: string): void {
  const error = assertThrows(change, KafkaError) as KafkaError;
  assertEquals([error.kind, error.message], [kind, message]);
}

Deno.test("A change sets one setting and leaves the others", () => {
  assertEquals(
    alter("topic", { "retention.ms": "1", "segment.ms": "2" }, [
      set("retention.ms", "3"),
      { operation: "delete", name: "segment.ms", value: null },
      set("flush.ms", "4"),
    ]),
    { "retention.ms": "3", "flush.ms": "4" },
  );
});

Deno.test("A change does not touch the map that it started from", () => {
  const current = new Map([["retention.ms", "1"]]);
  applyChanges("topic", current, [set("retention.ms", "2")], BrokerConfig.defaults);
  assertEquals([...current], [["retention.ms", "1"]]);
});

Deno.test("A list is appended to and subtracted from, starting at its default", () => {
  const append = (value: string): SettingChange => ({
    operation: "append",
    name: "cleanup.policy",
    value,
  });
  const subtract = { ...append("delete"), operation: "subtract" } as const;
  assertEquals(alter("topic", {}, [append("compact")]), { "cleanup.policy": "delete,compact" });
  assertEquals(alter("topic", {}, [append("delete")]), { "cleanup.policy": "delete" });
  assertEquals(
    alter("topic", { "cleanup.policy": "delete,compact" }, [subtract]),
    { "cleanup.policy": "compact" },
  );
  assertEquals(alter("topic", {}, [subtract]), { "cleanup.policy": "" });
});

Deno.test("A list that was appended to and subtracted from again is what it was", () => {
  const replica = fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => `${a}:${b}`);
  const replicas = fc.uniqueArray(replica, { minLength: 1, maxLength: 8 });
  const name = "leader.replication.throttled.replicas";
  fc.assert(fc.property(replicas, replicas, (before, added) => {
    const fresh = added.filter((item) => !before.includes(item));
    const value = fresh.join(",");
    const current = { [name]: before.join(",") };
    const more = alter("topic", current, [{ operation: "append", name, value }]);
    assertEquals(alter("topic", more, [{ operation: "subtract", name, value }]), current);
  }));
});

Deno.test("Appending to something else than a list is refused", () => {
  refuses(
    () => alter("topic", {}, [{ operation: "append", name: "retention.ms", value: "1" }]),
    "INVALID_CONFIG",
    "Can't APPEND to key retention.ms because its type is not LIST.",
  );
});

Deno.test("A name that comes twice is refused", () => {
  refuses(
    () => alter("topic", {}, [set("retention.ms", "1"), set("retention.ms", "2")]),
    "INVALID_REQUEST",
    "Error due to duplicate config keys: retention.ms",
  );
});

Deno.test("A value that is null is refused unless the setting is deleted", () => {
  refuses(
    () => alter("topic", {}, [set("retention.ms", null)]),
    "INVALID_REQUEST",
    "Null value not supported for : retention.ms",
  );
  refuses(
    () => replaceAll("topic", [{ name: "retention.ms", value: null }], BrokerConfig.defaults),
    "INVALID_CONFIG",
    "Null value not supported for topic configs: retention.ms",
  );
});

Deno.test("Replacing all settings forgets those that are not named", () => {
  const next = replaceAll("topic", [{ name: "flush.ms", value: "4" }], BrokerConfig.defaults);
  assertEquals([...next], [["flush.ms", "4"]]);
});

Deno.test("A wrong topic setting is INVALID_CONFIG, a wrong broker setting INVALID_REQUEST", () => {
  refuses(
    () => alter("topic", {}, [set("x", "1")]),
    "INVALID_CONFIG",
    "Unknown topic config name: x",
  );
  refuses(() => alter("broker", {}, [set("x", "1")]), "INVALID_REQUEST", "Unknown configuration x");
  refuses(
    () => alter("broker", {}, [set("log.retention.ms", "x")]),
    "INVALID_REQUEST",
    "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
  );
});

Deno.test("A broker setting that is read at start only cannot be changed", () => {
  refuses(
    () => alter("broker", {}, [set("num.partitions", "3"), set("log.retention.ms", "1")]),
    "INVALID_REQUEST",
    "Cannot update these configs dynamically: Set(num.partitions)",
  );
});

Deno.test("A setting that each broker has for itself cannot be set for all", () => {
  assertEquals(alter("broker", {}, [set("ssl.protocol", "TLSv1.3")]), {
    "ssl.protocol": "TLSv1.3",
  });
  refuses(
    () => alter("brokers", {}, [set("ssl.protocol", "TLSv1.3")]),
    "INVALID_REQUEST",
    "Cannot update these configs at default cluster level, broker id must be specified: " +
      "Set(ssl.protocol)",
  );
});

Deno.test("More than one replica in sync is refused for topics and brokers, unless any factor is accepted", () => {
  const change = [set("min.insync.replicas", "2")];
  const complaint = "Invalid value 2 for configuration min.insync.replicas: one copy is kept, so " +
    "it cannot be more than 1; odradek.accept.any.replication.factor=true accepts the number and " +
    "keeps one copy";
  refuses(() => alter("topic", {}, change), "INVALID_CONFIG", complaint);
  refuses(() => alter("brokers", {}, change), "INVALID_REQUEST", complaint);
  const lenient = BrokerConfig.parse([["odradek.accept.any.replication.factor", "true"]]);
  assertEquals(alter("topic", {}, change, lenient), { "min.insync.replicas": "2" });
  assertEquals(alter("brokers", {}, change, lenient), { "min.insync.replicas": "2" });
});

Deno.test("A change of broker settings that passes always leaves topics settings that they can live with", () => {
  const values = [
    "-9223372036854775808",
    "-2",
    "-1",
    "0",
    "1",
    "4",
    "9223372036854775807",
    "1e999",
  ];
  const words = ["", "x", "true", "0.0", "producer", "compact", "delete,compact", "1048576"];
  let passed = 0;
  for (const { name } of Object.values(TOPIC_SYNONYMS).flat()) {
    for (const value of [...values, ...words]) {
      for (const target of ["broker", "brokers", "at start"] as const) {
        let config: BrokerConfig;
        try {
          if (target === "at start") config = BrokerConfig.parse([[name, value]]);
          else {
            const texts = applyChanges(
              target,
              new Map(),
              [set(name, value)],
              BrokerConfig.defaults,
            );
            config = BrokerConfig.defaults.withDynamic(texts, new Map());
          }
        } catch (error) {
          if (target === "at start") assertInstanceOf(error, ConfigError);
          else assertEquals((error as KafkaError).kind, "INVALID_REQUEST");
          continue;
        }
        passed++;
        resolveTopicConfig(new Map(), config);
        describeTopicConfig(new Map(), config, null);
      }
    }
  }
  assert(passed > 100);
});

Deno.test("Times of the log that Kafka checks beside its table are checked here too", () => {
  const cases = [
    ["log.retention.ms", "0", "Value must be unlimited (-1) or at least 1"],
    ["log.roll.ms", "0", "Value must be at least 1"],
    ["log.roll.jitter.ms", "-1", "Value must be at least 0"],
  ];
  for (const [name, value, complaint] of cases) {
    const message = `Invalid value ${value} for configuration ${name}: ${complaint}`;
    for (const target of ["broker", "brokers"] as const) {
      refuses(() => alter(target, {}, [set(name, value)]), "INVALID_REQUEST", message);
    }
    assertThrows(() => BrokerConfig.parse([[name, value]]), ConfigError, message);
  }
  assertThrows(
    () => BrokerConfig.parse([["log.retention.hours", "0"]]),
    ConfigError,
    "the time must be unlimited (-1) or at least 1 ms",
  );
  const before = BrokerConfig.parse([["log.retention.hours", "0"], ["log.retention.minutes", "1"]]);
  assertEquals(resolveTopicConfig(new Map(), before).retentionMs, 60_000);
});

Deno.test("A retention below zero is none, all the same how far, as in Kafka", () => {
  const texts = applyChanges(
    "brokers",
    new Map(),
    [set("log.retention.ms", "-2")],
    BrokerConfig.defaults,
  );
  const broker = BrokerConfig.defaults.withDynamic(texts, new Map());
  assertEquals(resolveTopicConfig(new Map(), broker).retentionMs, -1);
});

Deno.test("Limits of connections by host are read as Kafka reads them, and refused where it refuses them", () => {
  const name = "max.connections.per.ip.overrides";
  const form = "Every entry must be in the form host:number";
  const cases: [text: string, expected: string | Record<string, number>][] = [
    ["", {}],
    [",", {}],
    ["127.0.0.1:5", { "127.0.0.1": 5 }],
    [" 127.0.0.1 : 5 , ::1:7,", { "127.0.0.1": 5, "::1": 7 }],
    ["0:0:0:0:0:0:0:1:6", { "::1": 6 }],
    ["fe80::1%eth0:4", { "fe80::1%eth0": 4 }],
    ["host.example:1,host.example:2", { "host.example": 2 }],
    ["127.0.0.1:-1", { "127.0.0.1": -1 }],
    ["127.0.0.1:+2147483647", { "127.0.0.1": 2147483647 }],
    ["127.0.0.1:ten", form],
    ["127.0.0.1:", form],
    ["127.0.0.1:1.5", form],
    ["127.0.0.1", form],
    ["127.0.0.1:5,,::1:7", form],
    ["127.0.0.1:99999999999", form],
    ["127.0.0.1:2147483648", "Every number must be of type INT"],
    ["[::1]:5", "It contains the invalid address [::1]"],
    ["no host:5", "It contains the invalid address no host"],
  ];
  for (const [text, expected] of cases) {
    const read = parseHostCounts(text);
    if (typeof expected !== "string") {
      assertEquals(read, new Map(Object.entries(expected)));
      for (const target of ["broker", "brokers"] as const) alter(target, {}, [set(name, text)]);
      continue;
    }
    assertEquals(read, expected);
    const message = `Invalid value ${text} for configuration ${name}: ${expected}`;
    for (const target of ["broker", "brokers"] as const) {
      refuses(() => alter(target, {}, [set(name, text)]), "INVALID_REQUEST", message);
    }
    assertThrows(() => BrokerConfig.parse([[name, text]]), ConfigError, message);
  }
});

Deno.test("A limit of no connections at all is refused unless some host has a limit of its own", () => {
  const none = set("max.connections.per.ip", "0");
  const message = "max.connections.per.ip can be set to zero only if " +
    "max.connections.per.ip.overrides property is set.";
  refuses(() => alter("broker", {}, [none]), "INVALID_REQUEST", message);
  assertThrows(() => BrokerConfig.parse([[none.name, "0"]]), ConfigError, message);
  alter("broker", {}, [none, set("max.connections.per.ip.overrides", "127.0.0.1:1")]);
});
