import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from "../../protocol/messages/46_list_partition_reassignments.ts";
import { defineApi } from "../api.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";

/** ListPartitionReassignments: partitions on their way to other brokers. There are never any: there is one broker. */
export const listPartitionReassignments = defineApi({
  name: "ListPartitionReassignments",
  key: 46,
  versions: [0, 0],
  note: "Always empty: there is one broker.",
  request: listPartitionReassignmentsRequest,
  response: listPartitionReassignmentsResponse,

  handle(_request, context) {
    authorize(context, "Describe", "Cluster", CLUSTER);
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics: [] };
  },

  refuse: (_request, { code, message }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: message,
    topics: [],
  }),
});
