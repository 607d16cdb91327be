import { createAclsRequest, createAclsResponse } from "../../protocol/messages/30_create_acls.ts";
import { defineApi } from "../api.ts";
import { securityDisabled } from "../security/disabled.ts";

/**
 * CreateAcls: there is no authorizer yet, and Kafka without one answers SECURITY_DISABLED.
 * - v1: prefixed resource patterns
 * - v2: flexible
 * - v3: user resources
 */
export const createAcls = defineApi({
  name: "CreateAcls",
  key: 30,
  versions: [1, 3],
  note: "SECURITY_DISABLED, as in Kafka without an authorizer.",
  request: createAclsRequest,
  response: createAclsResponse,

  handle: () => {
    throw securityDisabled();
  },

  refuse: ({ creations }, { code, message }) => ({
    throttleTimeMs: 0,
    results: creations.map(() => ({ errorCode: code, errorMessage: message })),
  }),
});
