import type { ConfigResource } from "../../actors/controller/messages.ts";
import {
  type ConfigEntry,
  describeBrokerConfig,
  describeBrokerDefaults,
  describeTopicConfig,
} from "../../config/describe.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type DescribeConfigsRequest,
  describeConfigsRequest,
  describeConfigsResponse,
} from "../../protocol/messages/32_describe_configs.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { authorizeConfigs, configResource, resourceKey } from "../config_resources.ts";
import { outcomeError } from "../errors.ts";
import { answerItems } from "../item_turns.ts";
import { namedOnce, union } from "../named_once.ts";
import { topicNamed } from "../topics.ts";

type WantedResource = DescribeConfigsRequest["resources"][number];
type Result = Draft<typeof describeConfigsResponse>["results"][number];

const EMPTY: ReadonlyMap<string, string> = new Map();

/**
 * DescribeConfigs: the settings of topics and brokers, and where each comes from.
 * - v1: sources and synonyms (KIP-226)
 * - v3: types, documentation
 * - v4: flexible
 */
export const describeConfigs = defineApi({
  name: "DescribeConfigs",
  key: 32,
  versions: [1, 4],
  note: "Topics and brokers.",
  request: describeConfigsRequest,
  response: describeConfigsResponse,

  async handle(request, context) {
    const { timers } = context.broker.environment;
    const wantedOnce = namedOnce(request.resources, resourceKey, merged);
    return {
      throttleTimeMs: 0,
      results: await answerItems(wantedOnce, timers, (wanted): Result => {
        try {
          const resource = configResource(wanted);
          authorizeConfigs(context, "DescribeConfigs", resource);
          const names = wanted.configurationKeys && new Set(wanted.configurationKeys);
          const { resourceType, resourceName } = wanted;
          return {
            errorCode: 0,
            errorMessage: null,
            resourceType,
            resourceName,
            configs: entriesOf(resource, names, context).map((entry) => shape(entry, request)),
          };
        } catch (error) {
          return failed(wanted, outcomeError(error, "DescribeConfigs", context));
        }
      }),
    };
  },

  refuse: ({ resources }, error) => ({
    throttleTimeMs: 0,
    results: resources.map((resource) => failed(resource, error)),
  }),
});

/** One resource that is named several times, with all the settings that are asked for; null or none asks for all. */
function merged(same: readonly WantedResource[]): WantedResource {
  const lists = same.map(({ configurationKeys }) => configurationKeys ?? []);
  const all = lists.some((list) => list.length === 0);
  return { ...same[0], configurationKeys: all ? null : union(lists) };
}

/** @throws KafkaError when there is no such resource */
function entriesOf(
  { type, name }: ConfigResource,
  names: ReadonlySet<string> | null,
  { broker }: RequestContext,
): readonly ConfigEntry[] {
  const metadata = broker.metadata();
  if (type === "topic") {
    return describeTopicConfig(topicNamed(name, metadata).overrides, broker.config(), names);
  }
  if (name === "") return describeBrokerDefaults(metadata.brokerOverrides.get("") ?? EMPTY, names);
  if (name !== String(broker.nodeId)) {
    throw new KafkaError(
      "INVALID_REQUEST",
      `Unexpected broker id, expected ${broker.nodeId} or empty string, but received ${name}`,
    );
  }
  return describeBrokerConfig(broker.config(), names);
}

function shape(entry: ConfigEntry, request: DescribeConfigsRequest): Result["configs"][number] {
  return {
    name: entry.name,
    value: entry.value,
    readOnly: entry.readOnly,
    configSource: entry.source,
    isSensitive: entry.sensitive,
    synonyms: request.includeSynonyms ? entry.synonyms : [],
    configType: entry.type,
    documentation: request.includeDocumentation ? entry.documentation : null,
  };
}

function failed(
  { resourceType, resourceName }: WantedResource,
  { code, message }: KafkaError,
): Result {
  return { errorCode: code, errorMessage: message, resourceType, resourceName, configs: [] };
}
