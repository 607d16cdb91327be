import { assert, assertEquals } from "@std/assert";
import {
  describeConfigsRequest,
  describeConfigsResponse,
} from "../../../protocol/messages/32_describe_configs.ts";
import {
  alterConfigsRequest,
  alterConfigsResponse,
} from "../../../protocol/messages/33_alter_configs.ts";
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from "../../../protocol/messages/44_incremental_alter_configs.ts";
import {
  listConfigResourcesRequest,
  listConfigResourcesResponse,
} from "../../../protocol/messages/74_list_config_resources.ts";
import { startBroker, type WireClient } from "../support.ts";
import { createTopic } from "../topics.ts";

const DESCRIBE = [describeConfigsRequest, describeConfigsResponse] as const;
const REPLACE = [alterConfigsRequest, alterConfigsResponse] as const;
const ALTER = [incrementalAlterConfigsRequest, incrementalAlterConfigsResponse] as const;
const LIST = [listConfigResourcesRequest, listConfigResourcesResponse] as const;
const TOPIC = 2;
const BROKER = 4;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

async function settings(
  client: WireClient,
  resourceType: number,
  resourceName: string,
  ...names: string[]
): Promise<unknown[][]> {
  const { results } = await client.ask(DESCRIBE, 4, {
    resources: [{ resourceType, resourceName, configurationKeys: names }],
  });
  if (results[0].errorCode !== 0) return [["error", results[0].errorCode]];
  return results[0].configs.map(({ name, value, configSource }) => [name, value, configSource]);
}

async function alter(
  client: WireClient,
  resourceType: number,
  resourceName: string,
  changes: readonly (readonly [name: string, operation: number, value: string | null])[],
  validateOnly = false,
): Promise<number> {
  const { responses } = await client.ask(ALTER, 1, {
    validateOnly,
    resources: [{
      resourceType,
      resourceName,
      configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
    }],
  });
  assertEquals([responses[0].resourceType, responses[0].resourceName], [
    resourceType,
    resourceName,
  ]);
  return responses[0].errorCode;
}

Deno.test("DescribeConfigs shows a topic's settings and where they come from, in every version", async () => {
  await using broker = await startBroker({ "log.retention.ms": "777" });
  using client = broker.connect();
  await createTopic(client, "a", 1, [{ name: "max.message.bytes", value: "5000" }]);
  for (let version = 1; version <= 4; version++) {
    const { results } = await client.ask(DESCRIBE, version, {
      resources: [{ resourceType: TOPIC, resourceName: "a", configurationKeys: null }],
      includeSynonyms: true,
      ...(version >= 3 && { includeDocumentation: true }),
    });
    const [{ errorCode, configs }] = results;
    assertEquals(errorCode, 0);
    const of = (wanted: string) => configs.find(({ name }) => name === wanted)!;
    assertEquals([of("max.message.bytes").value, of("max.message.bytes").configSource], [
      "5000",
      1,
    ]);
    assertEquals([of("retention.ms").value, of("retention.ms").configSource], ["777", 4]);
    assertEquals(of("retention.ms").synonyms[0], {
      name: "log.retention.ms",
      value: "777",
      source: 4,
    });
    assertEquals(of("cleanup.policy").configSource, 5);
    if (version >= 3) {
      assertEquals(of("max.message.bytes").configType, 3);
      assert(of("max.message.bytes").documentation);
    }
  }
});

Deno.test("DescribeConfigs leaves out synonyms and documentation that were not asked for", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const { results } = await client.ask(DESCRIBE, 4, {
    resources: [{ resourceType: TOPIC, resourceName: "a", configurationKeys: ["retention.ms"] }],
  });
  const [{ configs }] = results;
  assertEquals(
    configs.map(({ name, synonyms, documentation }) => [name, synonyms, documentation]),
    [
      ["retention.ms", [], null],
    ],
  );
});

Deno.test("DescribeConfigs answers each resource on its own", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  assertEquals(await settings(client, TOPIC, "nowhere"), [["error", 3]]);
  assertEquals(await settings(client, TOPIC, "a b"), [["error", 17]]);
  assertEquals(await settings(client, BROKER, "2"), [["error", 42]]);
  assertEquals(await settings(client, 16, "metrics"), [["error", 42]]);
  assertEquals(await settings(client, BROKER, "1", "num.partitions"), [["num.partitions", "1", 5]]);
  assertEquals(await settings(client, BROKER, "", "num.partitions"), []);
});

Deno.test("IncrementalAlterConfigs sets, deletes, appends and subtracts", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const policy = async () => (await settings(client, TOPIC, "a", "cleanup.policy"))[0].slice(1);
  assertEquals(await alter(client, TOPIC, "a", [["cleanup.policy", APPEND, "compact"]]), 0);
  assertEquals(await policy(), ["delete,compact", 1]);
  assertEquals(await alter(client, TOPIC, "a", [["cleanup.policy", SUBTRACT, "delete"]]), 0);
  assertEquals(await policy(), ["compact", 1]);
  assertEquals(await alter(client, TOPIC, "a", [["cleanup.policy", DELETE, null]]), 0);
  assertEquals(await policy(), ["delete", 5]);
  assertEquals(await alter(client, TOPIC, "a", [["retention.ms", SET, "5"]], true), 0);
  assertEquals(await settings(client, TOPIC, "a", "retention.ms"), [[
    "retention.ms",
    "604800000",
    5,
  ]]);
});

Deno.test("IncrementalAlterConfigs changes settings of this broker and of all brokers", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  assertEquals(await alter(client, BROKER, "", [["message.max.bytes", SET, "4000"]]), 0);
  assertEquals(await settings(client, BROKER, "", "message.max.bytes"), [
    ["message.max.bytes", "4000", 3],
  ]);
  assertEquals(await settings(client, TOPIC, "a", "max.message.bytes"), [
    ["max.message.bytes", "4000", 3],
  ]);
  assertEquals(await alter(client, BROKER, "1", [["message.max.bytes", SET, "6000"]]), 0);
  assertEquals(await settings(client, BROKER, "1", "message.max.bytes"), [
    ["message.max.bytes", "6000", 2],
  ]);
});

Deno.test("IncrementalAlterConfigs refuses what makes no sense", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  assertEquals(await alter(client, TOPIC, "a", [["no.such", SET, "1"]]), 40);
  assertEquals(await alter(client, TOPIC, "a", [["retention.ms", SET, "soon"]]), 40);
  assertEquals(await alter(client, TOPIC, "a", [["retention.ms", APPEND, "1"]]), 40);
  assertEquals(await alter(client, TOPIC, "a", [["retention.ms", 9, "1"]]), 42);
  assertEquals(await alter(client, TOPIC, "nowhere", [["retention.ms", SET, "1"]]), 3);
  assertEquals(await alter(client, BROKER, "7", [["message.max.bytes", SET, "1"]]), 42);
  assertEquals(await alter(client, 32, "group", [["x", SET, "1"]]), 42);
  const change = { name: "retention.ms", configOperation: SET, value: "1" };
  const twice = { resourceType: TOPIC, resourceName: "a", configs: [change] };
  const { responses } = await client.ask(ALTER, 0, {
    resources: [twice, twice],
    validateOnly: false,
  });
  assertEquals(responses.map(({ errorCode }) => errorCode), [42, 42]);
});

Deno.test("AlterConfigs replaces all settings, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 1, [{ name: "max.message.bytes", value: "5000" }]);
  for (let version = 0; version <= 2; version++) {
    const { responses } = await client.ask(REPLACE, version, {
      validateOnly: false,
      resources: [
        {
          resourceType: TOPIC,
          resourceName: "a",
          configs: [{ name: "retention.ms", value: String(version + 1) }],
        },
        { resourceType: TOPIC, resourceName: "nowhere", configs: [] },
      ],
    });
    assertEquals(responses.map(({ errorCode }) => errorCode), [0, 3]);
    assertEquals(await settings(client, TOPIC, "a", "retention.ms", "max.message.bytes"), [
      ["max.message.bytes", "1048588", 5],
      ["retention.ms", String(version + 1), 1],
    ]);
  }
});

Deno.test("ListConfigResources lists topics and the broker; in version 0 client metrics only", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const list = async (version: number, ...resourceTypes: number[]) => {
    const answer = await client.ask(LIST, version, version === 0 ? {} : { resourceTypes });
    if (answer.errorCode !== 0) return answer.errorCode;
    return answer.configResources.map(({ resourceName, resourceType }) => [
      resourceName,
      resourceType,
    ]);
  };
  assertEquals(await list(0), []);
  assertEquals(await list(1), [["a", TOPIC], ["1", BROKER]]);
  assertEquals(await list(1, BROKER, BROKER), [["1", BROKER]]);
  assertEquals(await list(1, 8, 16, 32), []);
  assertEquals(await list(1, 3), 35);
});
