import {
  describeAclsRequest,
  describeAclsResponse,
} from "../../protocol/messages/29_describe_acls.ts";
import { defineApi } from "../api.ts";
import { securityDisabled } from "../security/disabled.ts";

/**
 * DescribeAcls: there is no authorizer yet, and Kafka without one answers SECURITY_DISABLED.
 * - v1: prefixed resource patterns
 * - v2: flexible
 * - v3: user resources
 */
export const describeAcls = defineApi({
  name: "DescribeAcls",
  key: 29,
  versions: [1, 3],
  note: "SECURITY_DISABLED, as in Kafka without an authorizer.",
  request: describeAclsRequest,
  response: describeAclsResponse,

  handle: () => {
    throw securityDisabled();
  },

  refuse: (_request, { code, message }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: message,
    resources: [],
  }),
});
