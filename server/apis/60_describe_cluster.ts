import { KafkaError } from "../../protocol/errors.ts";
import {
  describeClusterRequest,
  describeClusterResponse,
} from "../../protocol/messages/60_describe_cluster.ts";
import { defineApi } from "../api.ts";
import { thisNode } from "../leader.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../security/operations.ts";

const BROKERS = 1;
const CONTROLLERS = 2;

/**
 * DescribeCluster: cluster id, controller, brokers.
 * - v1: the kind of endpoints asked for
 * - v2: fenced brokers, of which there are none
 */
export const describeCluster = defineApi({
  name: "DescribeCluster",
  key: 60,
  versions: [0, 2],
  request: describeClusterRequest,
  response: describeClusterResponse,

  handle({ endpointType, includeClusterAuthorizedOperations }, context) {
    if (endpointType === CONTROLLERS) {
      throw new KafkaError(
        "MISMATCHED_ENDPOINT_TYPE",
        "The request was sent to a broker, and asks for endpoints of controllers.",
      );
    }
    if (endpointType !== BROKERS) {
      throw new KafkaError("UNSUPPORTED_ENDPOINT_TYPE", `Endpoint type ${endpointType} is unknown`);
    }
    authorize(context, "Describe", "Cluster", CLUSTER);
    const { nodeId, ...place } = thisNode(context);
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      endpointType,
      clusterId: context.broker.metadata().clusterId,
      controllerId: nodeId,
      brokers: [{ brokerId: nodeId, ...place, isFenced: false }],
      clusterAuthorizedOperations: includeClusterAuthorizedOperations
        ? authorizedOperations(context, "Cluster", CLUSTER)
        : OPERATIONS_NOT_ASKED,
    };
  },

  refuse: ({ endpointType }, { code, message }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: message,
    endpointType,
    clusterId: "",
    brokers: [],
  }),
});
