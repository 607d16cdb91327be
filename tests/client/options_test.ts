import { assertEquals, assertThrows } from "@std/assert";
import { clientSettings } from "../../client/options.ts";
import { producerSettings } from "../../client/producer/options.ts";
import { consumerSettings } from "../../client/consumer/options.ts";
import { addressText, parseAddresses } from "../../client/transport.ts";
import { ManualEnvironment } from "../support/manual_environment.ts";

const environment = new ManualEnvironment();
const base = { environment, bootstrapServers: "a:1" };
const KAFKA_CONFIGS = new URL("../../../shared/kafka/kafka-configs.json", import.meta.url);

Deno.test("Bootstrap servers are hosts and ports, with commas between them", () => {
  assertEquals(parseAddresses("a:1, b.example.org:9092,[::1]:65535"), [
    { host: "a", port: 1 },
    { host: "b.example.org", port: 9092 },
    { host: "::1", port: 65535 },
  ]);
  for (const { host, port } of parseAddresses("a:1,[::1]:2")) {
    assertEquals(parseAddresses(addressText({ host, port })), [{ host, port }]);
  }
});

Deno.test("Bootstrap servers that are no such thing are refused", () => {
  for (const text of ["a", "a:", ":1", "a:b", "a:65536", "::1:9092", "http://a:1"]) {
    assertThrows(() => parseAddresses(text), TypeError, `Cannot use "${text}"`);
  }
});

Deno.test("Client options need a way to reach a broker", () => {
  assertThrows(
    () => clientSettings({ environment }),
    TypeError,
    "give bootstrapServers, or a dial",
  );
  const dial = () => Promise.reject(new Error("unused"));
  assertEquals(clientSettings({ environment, dial }).bootstrapServers.length, 1);
});

Deno.test("Client options that are undefined have their defaults", () => {
  const { clientId, requestTimeoutMs } = clientSettings({ ...base, requestTimeoutMs: undefined });
  assertEquals([clientId, requestTimeoutMs], ["", 30_000]);
});

Deno.test("Client options refuse numbers that make no sense", () => {
  for (const requestTimeoutMs of [-1, 0.5, NaN, Infinity]) {
    assertThrows(
      () => clientSettings({ ...base, requestTimeoutMs }),
      RangeError,
      `Cannot use requestTimeoutMs ${requestTimeoutMs}`,
    );
  }
});

Deno.test("Producer is idempotent unless other settings rule it out", () => {
  assertEquals(producerSettings(base).enableIdempotence, true);
  assertEquals(producerSettings({ ...base, acks: 1 }).enableIdempotence, false);
  assertEquals(producerSettings({ ...base, retries: 0 }).enableIdempotence, false);
  const many = { ...base, maxInFlightRequestsPerConnection: 6 };
  assertEquals(producerSettings(many).enableIdempotence, false);
});

Deno.test("Producer options refuse codecs, levels and acks that do not exist", () => {
  const refused = [
    { compressionType: "brotli" as "gzip" },
    { acks: 2 as 1 },
  ];
  for (const options of refused) {
    assertThrows(() => producerSettings({ ...base, ...options }), TypeError, "Cannot use ");
  }
  for (const compressionLevel of [0, 10, -2, 1.5]) {
    const options = { ...base, compressionType: "gzip", compressionLevel } as const;
    assertThrows(() => producerSettings(options), RangeError, "Cannot use compressionLevel");
  }
  producerSettings({ ...base, compressionType: "zstd", compressionLevel: -5 });
});

Deno.test({
  name: "Client options have the names and defaults of Kafka's configuration",
  ignore: !exists(KAFKA_CONFIGS),
  fn() {
    const configs = JSON.parse(Deno.readTextFileSync(KAFKA_CONFIGS));
    const { client: producerClient, ...producer } = producerSettings(base);
    const { client: consumerClient, ...consumer } = consumerSettings(base);
    for (
      const [section, settings] of [
        ["producer", { ...producerClient, ...producer }],
        ["consumer", { ...consumerClient, ...consumer }],
      ] as const
    ) {
      const defaults = new Map<string, unknown>(
        configs[section].map((
          { name, default: value }: { name: string; default: unknown },
        ) => [camelCase(name), value]),
      );
      // Of Java's admin or producer only.
      const others = ["defaultApiTimeoutMs", "retries"];
      for (const [name, value] of Object.entries(settings)) {
        if (others.includes(name) || value === undefined || typeof value === "object") continue;
        if (typeof value === "function") continue;
        assertEquals([section, name, defaults.has(name)], [section, name, true]);
        assertEquals([name, String(value)], [name, String(defaults.get(name))]);
      }
    }
  },
});

function camelCase(name: string): string {
  return name.replace(/\.(.)/g, (_, letter) => letter.toUpperCase());
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
