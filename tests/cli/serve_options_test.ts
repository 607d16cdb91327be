import { assertEquals, assertThrows } from "@std/assert";
import { BrokerConfig } from "../../config/broker_config.ts";
import { resolveServeOptions, type ServeArguments } from "../../cli/serve_options.ts";
import { UsageError } from "../../cli/usage_error.ts";

function resolve(typed: ServeArguments, file?: string) {
  const settings = file === undefined ? null : { name: "server.properties", text: file };
  const options = resolveServeOptions(typed, settings);
  return { ...options, config: BrokerConfig.parse(Object.entries(options.config)) };
}

function refuses(typed: ServeArguments, message: string, file?: string): void {
  const error = assertThrows(() => resolve(typed, file), UsageError) as Error;
  assertEquals(error.message, message);
}

Deno.test("Without any option a broker listens on loopback and stores in ./data", () => {
  const { listeners, data, nodeId, clusterId, logLevel } = resolve({});
  const address = { host: "127.0.0.1", port: 9092 };
  assertEquals(listeners, [{ name: "PLAINTEXT", ...address, advertised: address }]);
  assertEquals([data, nodeId, clusterId, logLevel], ["./data", 1, null, "info"]);
});

Deno.test("A settings file of Kafka gives listeners, node id, folder and settings", () => {
  const options = resolve(
    {},
    [
      "process.roles=broker,controller",
      "node.id=7",
      "controller.quorum.bootstrap.servers=localhost:9093",
      "listeners=PLAINTEXT://:9092,INSIDE://10.0.0.1:9094,CONTROLLER://:9093",
      "inter.broker.listener.name=PLAINTEXT",
      "advertised.listeners=PLAINTEXT://broker.example:19092,CONTROLLER://localhost:9093",
      "controller.listener.names=CONTROLLER",
      "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT",
      "log.dirs=/var/lib/kafka",
      "num.partitions=3",
    ].join("\n"),
  );
  assertEquals(options.listeners, [
    {
      name: "PLAINTEXT",
      host: "0.0.0.0",
      port: 9092,
      advertised: { host: "broker.example", port: 19092 },
    },
    { name: "INSIDE", host: "10.0.0.1", port: 9094, advertised: { host: "10.0.0.1", port: 9094 } },
  ]);
  assertEquals([options.data, options.nodeId], ["/var/lib/kafka", 7]);
  assertEquals(options.config.int("num.partitions"), 3);
});

Deno.test("An option counts before --set, and --set before the settings file", () => {
  const file =
    "node.id=7\nnum.partitions=3\nnum.io.threads=2\nlog.dirs=/a\nlisteners=PLAINTEXT://h:1";
  const { config, nodeId, data, listeners } = resolve({
    set: ["num.partitions=4", "log.dirs=/b", "node.id=8"],
    nodeId: "9",
    listen: ["127.0.0.1:0"],
  }, file);
  assertEquals([nodeId, data, listeners[0].port], [9, "/b", 0]);
  assertEquals([config.int("num.partitions"), config.int("num.io.threads")], [4, 2]);
  assertEquals(config.int("node.id"), 9);
  assertEquals(config.list("listeners"), ["PLAINTEXT://127.0.0.1:0"]);
});

Deno.test("A listener on all addresses is not told to clients, unless as another", () => {
  const listen = ["0.0.0.0:9092", "[::]:9093"];
  const resolved = (advertise?: string[]) => resolve({ listen, advertise });
  const advertised = (advertise?: string[]) =>
    resolved(advertise).listeners.map(({ advertised }) => advertised);
  assertEquals(advertised(), [undefined, undefined]);
  assertEquals(advertised(["broker.example:1"]), [
    { host: "broker.example", port: 1 },
    undefined,
  ]);
  assertEquals(resolved(["broker.example:1"]).config.list("advertised.listeners"), [
    "PLAINTEXT://broker.example:1",
    "PLAINTEXT://[::]:9093",
  ]);
});

Deno.test("A value may contain equals signs and be empty", () => {
  const { config } = resolve({ set: ["broker.rack=a=b", "log.cleanup.policy="] });
  assertEquals([config.string("broker.rack"), config.list("log.cleanup.policy")], ["a=b", []]);
});

Deno.test("What is wrong is told in one line that names where it stands", () => {
  refuses({ set: ["num.partition=1"] }, "--set: Unknown configuration num.partition");
  refuses({ set: ["num.partitions"] }, '--set: "num.partitions" is not NAME=VALUE');
  refuses(
    {},
    "server.properties: Invalid value x for configuration num.partitions: Not a number of type INT",
    "num.partitions=x",
  );
  refuses({}, "server.properties: line 1: \\u needs four hexadecimal digits", "a=\\u1");
  refuses({ nodeId: "-1" }, '--node-id: "-1" is not a whole number from 0 to 2147483647');
  refuses({ logLevel: "loud" }, '--log-level: "loud" is none of debug, info, warn, error');
  refuses(
    { clusterId: "x" },
    '--cluster-id: "x" is not 22 characters of base64url (letters, digits, - and _)',
  );
  refuses(
    { advertise: ["a:1", "b:2"] },
    "--advertise was given 2 times, for 1 listener(s)",
  );
  refuses(
    { advertise: ["0.0.0.0:1"] },
    "--advertise: clients cannot connect to 0.0.0.0, name a real host",
  );
});

Deno.test("Settings that cannot be followed are refused, not left out", () => {
  refuses(
    { set: ["listeners=SSL://:9093"] },
    "listeners: SSL is SSL, and only PLAINTEXT is supported",
  );
  refuses(
    { set: ["listeners=INSIDE://:9093"] },
    "listeners: listener.security.protocol.map has no protocol for INSIDE",
  );
  refuses(
    { set: ["advertised.listeners=OUTSIDE://h:1"] },
    "advertised.listeners: there is no listener OUTSIDE",
  );
  refuses({ set: ["log.dirs=/a,/b"] }, "log.dirs: one data folder is used, not 2");
  refuses(
    { set: ["listeners=CONTROLLER://:1", "controller.listener.names=CONTROLLER"] },
    "listeners: there is none for clients",
  );
});

Deno.test("A folder with a comma in its name is used as it is", () => {
  assertEquals(resolve({ data: "/a,/a" }).data, "/a,/a");
});
