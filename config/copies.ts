/**
 * One copy of every record is kept: what that means for settings that speak of more.
 *
 * With `odradek.accept.any.replication.factor` such numbers are accepted, stored and shown, and still mean one copy.
 *
 * @module
 */
import { KafkaError } from "../protocol/errors.ts";
import type { BrokerConfig } from "./broker_config.ts";

const HINT = "odradek.accept.any.replication.factor=true accepts the number and keeps one copy";

/** An int16 in Kafka's protocol. */
export const REPLICATION_FACTOR_MAX = 32_767;

/** The replication factor of a topic that asks for the default: never one that would be refused. */
export function defaultReplicationFactor(broker: BrokerConfig): number {
  return acceptsAny(broker) ? Math.max(1, broker.int("default.replication.factor")) : 1;
}

/** What is wrong with a broker's settings that speak of copies; `null` when nothing is. */
export function copiesComplaint(broker: BrokerConfig): string | null {
  if (!acceptsAny(broker)) return minInsyncReplicasComplaint(broker.text("min.insync.replicas")!);
  const factor = broker.int("default.replication.factor");
  if (factor <= REPLICATION_FACTOR_MAX) return null;
  return `Invalid value ${factor} for configuration default.replication.factor: ` +
    `Value must be no more than ${REPLICATION_FACTOR_MAX}`;
}

/**
 * Checks the replication factor that a client asks for (not -1, which asks for the default).
 *
 * @throws KafkaError INVALID_REPLICATION_FACTOR below 1, and above 1 unless any is accepted.
 */
export function checkReplicationFactor(factor: number, broker: BrokerConfig): void {
  if (factor === 1) return;
  if (factor < 1) {
    throw new KafkaError("INVALID_REPLICATION_FACTOR", "Replication factor must be larger than 0.");
  }
  if (acceptsAny(broker)) return;
  throw new KafkaError(
    "INVALID_REPLICATION_FACTOR",
    `Unable to replicate the partition ${factor} time(s): one copy is kept; ${HINT}.`,
  );
}

/**
 * Checks `min.insync.replicas` of a topic's own settings, beyond {@linkcode checkTopicOverrides}.
 *
 * @throws KafkaError INVALID_CONFIG above 1, unless any replication factor is accepted.
 */
export function checkMinInsyncReplicas(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig,
): void {
  const text = overrides.get("min.insync.replicas");
  if (text !== undefined && !acceptsAny(broker)) {
    const complaint = minInsyncReplicasComplaint(text);
    if (complaint !== null) throw new KafkaError("INVALID_CONFIG", complaint);
  }
}

/** What is wrong with a `min.insync.replicas` where one copy is kept; `null` when nothing is. */
export function minInsyncReplicasComplaint(text: string): string | null {
  if (Number(text) <= 1) return null;
  return `Invalid value ${text} for configuration min.insync.replicas: ` +
    `one copy is kept, so it cannot be more than 1; ${HINT}`;
}

function acceptsAny(broker: BrokerConfig): boolean {
  return broker.boolean("odradek.accept.any.replication.factor");
}
