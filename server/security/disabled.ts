import { KafkaError } from "../../protocol/errors.ts";

/** What every request about ACLs is answered while there is no authorizer; tools hide their pages then. */
export function securityDisabled(): KafkaError {
  return new KafkaError("SECURITY_DISABLED", "No Authorizer is configured on the broker");
}
