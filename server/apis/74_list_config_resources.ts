import { KafkaError } from "../../protocol/errors.ts";
import {
  listConfigResourcesRequest,
  listConfigResourcesResponse,
} from "../../protocol/messages/74_list_config_resources.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { CONFIG_RESOURCE_TYPES } from "../config_resources.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = CONFIG_RESOURCE_TYPES;

/**
 * ListConfigResources: what settings can be made for (KIP-1142). Loggers, client metrics and groups have none here.
 * - v0: client metrics only
 * - v1: any type; none given means all
 */
export const listConfigResources = defineApi({
  name: "ListConfigResources",
  key: 74,
  versions: [0, 1],
  request: listConfigResourcesRequest,
  response: listConfigResourcesResponse,

  handle({ resourceTypes }, context) {
    authorize(context, "DescribeConfigs", "Cluster", CLUSTER);
    if (context.apiVersion === 0) {
      return { throttleTimeMs: 0, errorCode: 0, configResources: [] };
    }
    const types = resourceTypes.length > 0 ? new Set(resourceTypes) : new Set([TOPIC, BROKER]);
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      configResources: [...types].flatMap((resourceType) =>
        namesOf(resourceType, context).map((resourceName) => ({ resourceName, resourceType }))
      ),
    };
  },

  refuse: (_request, { code }) => ({ throttleTimeMs: 0, errorCode: code, configResources: [] }),
});

function namesOf(resourceType: number, { broker }: RequestContext): string[] {
  switch (resourceType) {
    case TOPIC:
      return [...broker.metadata().topics.keys()];
    case BROKER:
      return [String(broker.nodeId)];
    case BROKER_LOGGER:
    case CLIENT_METRICS:
    case GROUP:
      return [];
    default:
      throw new KafkaError("UNSUPPORTED_VERSION", `Unknown resource type ${resourceType}`);
  }
}
