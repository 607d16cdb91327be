import { deleteAclsRequest, deleteAclsResponse } from "../../protocol/messages/31_delete_acls.ts";
import { defineApi } from "../api.ts";
import { securityDisabled } from "../security/disabled.ts";

/**
 * DeleteAcls: there is no authorizer yet, and Kafka without one answers SECURITY_DISABLED.
 * - v1: prefixed resource patterns
 * - v2: flexible
 * - v3: user resources
 */
export const deleteAcls = defineApi({
  name: "DeleteAcls",
  key: 31,
  versions: [1, 3],
  note: "SECURITY_DISABLED, as in Kafka without an authorizer.",
  request: deleteAclsRequest,
  response: deleteAclsResponse,

  handle: () => {
    throw securityDisabled();
  },

  refuse: ({ filters }, { code, message }) => ({
    throttleTimeMs: 0,
    filterResults: filters.map(() => ({
      errorCode: code,
      errorMessage: message,
      matchingAcls: [],
    })),
  }),
});
