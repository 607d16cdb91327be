import { KafkaClient } from "kafka-crab-js";
import type { BrokerUnderTest } from "./broker.ts";

/** A client of today's librdkafka. Its producers cannot be closed: they are to be quiet when the broker has stopped. */
export function librdkafkaClient({ bootstrap }: BrokerUnderTest): KafkaClient {
  return new KafkaClient({
    brokers: bootstrap,
    clientId: "compat",
    logLevel: "error",
    configuration: { "reconnect.backoff.ms": 10_000, "log.connection.close": false },
  });
}
