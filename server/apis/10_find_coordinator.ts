import { KafkaError } from "../../protocol/errors.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../protocol/messages/10_find_coordinator.ts";
import type { Draft } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { answerItems } from "../item_turns.ts";
import { thisNode } from "../leader.ts";
import { authorize } from "../security/authorizer.ts";

/** From this version on several coordinators are asked for at once (KIP-699). */
const BATCH_VERSION = 4;
const GROUP = 0;
const TRANSACTION = 1;

type Coordinator = NonNullable<Draft<typeof findCoordinatorResponse>["coordinators"]>[number];

/**
 * FindCoordinator: which broker coordinates a group or a transactional id.
 * - v1: key types
 * - v3: flexible
 * - v4: several keys at once
 * - v5: TRANSACTION_ABORTABLE may be answered
 * - v6: share groups
 */
export const findCoordinator = defineApi({
  name: "FindCoordinator",
  key: 10,
  versions: [0, 6],
  request: findCoordinatorRequest,
  response: findCoordinatorResponse,

  async handle({ key, keyType, coordinatorKeys }, context) {
    if (context.apiVersion >= BATCH_VERSION) {
      const { timers } = context.broker.environment;
      const found = (key: string) => find(key, keyType, context);
      return { coordinators: await answerItems([...new Set(coordinatorKeys)], timers, found) };
    }
    const { key: _key, ...found } = await find(key, keyType, context);
    return found;
  },

  refuse({ coordinatorKeys }, error, { apiVersion }) {
    if (apiVersion >= BATCH_VERSION) {
      return { coordinators: coordinatorKeys.map((key) => notFound(key, error)) };
    }
    const { key: _key, ...failure } = notFound("", error);
    return failure;
  },
});

async function find(key: string, keyType: number, context: RequestContext): Promise<Coordinator> {
  try {
    switch (keyType) {
      case GROUP:
        authorize(context, "Describe", "Group", key);
        await context.broker.coordinators.prepareGroups();
        break;
      case TRANSACTION:
        authorize(context, "Describe", "TransactionalId", key);
        await context.broker.coordinators.prepareTransactions();
        break;
      default:
        throw new KafkaError("INVALID_REQUEST", `There are no coordinators of type ${keyType}`);
    }
    const { nodeId, host, port } = thisNode(context);
    return { key, nodeId, host, port, errorCode: 0, errorMessage: null };
  } catch (error) {
    return notFound(key, outcomeError(error, "FindCoordinator", context));
  }
}

function notFound(key: string, { code, message }: KafkaError): Coordinator {
  return { key, nodeId: -1, host: "", port: -1, errorCode: code, errorMessage: message };
}
