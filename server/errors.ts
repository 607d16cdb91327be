import { KafkaError } from "../protocol/errors.ts";
import type { RequestContext } from "./api.ts";

/** The outcome of one item of a request. What nobody foresaw is logged and becomes UNKNOWN_SERVER_ERROR. */
export function outcomeError(
  error: unknown,
  apiName: string,
  { broker }: Pick<RequestContext, "broker">,
): KafkaError {
  if (error instanceof KafkaError) return error;
  broker.environment.log.write("error", `${apiName} failed for one item`, { error });
  return new KafkaError("UNKNOWN_SERVER_ERROR");
}
