import {
  alterConfigsRequest,
  alterConfigsResponse,
} from "../../protocol/messages/33_alter_configs.ts";
import { defineApi } from "../api.ts";
import { alterAnswer, authorizeConfigs, configResource, resourceKey } from "../config_resources.ts";
import { eachOnce } from "../each_once.ts";

/**
 * AlterConfigs: replaces all settings of topics and brokers; what is not named goes back to its default.
 * - v2: flexible
 */
export const alterConfigs = defineApi({
  name: "AlterConfigs",
  key: 33,
  versions: [0, 2],
  request: alterConfigsRequest,
  response: alterConfigsResponse,

  async handle({ resources, validateOnly }, context) {
    const responses = await eachOnce(resources, {
      name: (wanted) => resourceKey(wanted),
      check: (wanted) => authorizeConfigs(context, "AlterConfigs", configResource(wanted)),
      perform: (wanted) =>
        context.broker.controller.ask("replaceConfigs", {
          validateOnly,
          resources: wanted.map((each) => ({
            resource: configResource(each),
            configs: each.configs,
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
