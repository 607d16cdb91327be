import type { ConfigChange } from "../../actors/controller/messages.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type IncrementalAlterConfigsRequest,
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from "../../protocol/messages/44_incremental_alter_configs.ts";
import { defineApi } from "../api.ts";
import { alterAnswer, authorizeConfigs, configResource, resourceKey } from "../config_resources.ts";
import { eachOnce } from "../each_once.ts";

/** By their numbers on the wire. (Kafka: `AlterConfigOp.OpType`.) */
const OPERATIONS = ["set", "delete", "append", "subtract"] as const;

/**
 * IncrementalAlterConfigs: changes single settings of topics and brokers (KIP-339).
 * - v1: flexible
 */
export const incrementalAlterConfigs = defineApi({
  name: "IncrementalAlterConfigs",
  key: 44,
  versions: [0, 1],
  request: incrementalAlterConfigsRequest,
  response: incrementalAlterConfigsResponse,

  async handle({ resources, validateOnly }, context) {
    const responses = await eachOnce(resources, {
      name: (wanted) => resourceKey(wanted),
      check: (wanted) => {
        authorizeConfigs(context, "AlterConfigs", configResource(wanted));
        changesOf(wanted);
      },
      perform: (wanted) =>
        context.broker.controller.ask("alterConfigs", {
          validateOnly,
          resources: wanted.map((each) => ({
            resource: configResource(each),
            changes: changesOf(each),
          })),
        }),
      answer: (wanted) => alterAnswer(wanted),
      fail: (wanted, error) => alterAnswer(wanted, error),
    });
    return { throttleTimeMs: 0, responses };
  },

  refuse: ({ resources }, error) => ({
    throttleTimeMs: 0,
    responses: resources.map((resource) => alterAnswer(resource, error)),
  }),
});

/** @throws KafkaError INVALID_REQUEST for an operation that does not exist */
function changesOf(
  { configs }: IncrementalAlterConfigsRequest["resources"][number],
): ConfigChange[] {
  return configs.map(({ name, configOperation, value }) => {
    const operation = OPERATIONS[configOperation];
    if (operation === undefined) {
      throw new KafkaError("INVALID_REQUEST", `There is no config operation ${configOperation}`);
    }
    return { operation, name, value };
  });
}
