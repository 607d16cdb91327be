import type { Address } from "../../environment/environment.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../environment/deno/stderr_log.ts";
import { type Broker, type BrokerOptions, createBroker } from "../../mod.ts";

/** How a test broker is made: as any broker, with defaults for tests. */
export type TestBrokerOptions = Omit<BrokerOptions, "listeners">;

/** A broker for tests. */
export interface TestBroker extends Broker {
  /** `127.0.0.1:port`, for any Kafka client. */
  readonly bootstrapServers: string;
}

/** Groups form at once: Kafka waits 3 s for more members at first. */
const TEST_CONFIG = { "group.initial.rebalance.delay.ms": "0" };
const ANY_PORT: Address = { host: "127.0.0.1", port: 0 };

/**
 * Starts a real broker in this process and in real time, in a few milliseconds: in memory, on a free port, with groups that
 * form at once. For tests of your own code with whatever Kafka client it uses.
 *
 * ```ts
 * import { Kafka } from "kafkajs";
 * import { startTestBroker } from "@odradek/odradek/testing";
 *
 * Deno.test("Order is announced", async () => {
 *   await using broker = await startTestBroker();
 *   const kafka = new Kafka({ brokers: [broker.bootstrapServers] });
 *   // …
 * });
 * ```
 *
 * @throws ConfigError on settings that are unknown or illegal
 */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const broker = await createBroker({
    environment: denoEnvironment({ log: stderrLog({ level: "error" }) }),
    ...options,
    config: { ...TEST_CONFIG, ...options.config },
    listeners: [ANY_PORT],
  });
  const [{ host, port }] = broker.listeners;
  return { ...broker, bootstrapServers: `${host}:${port}` };
}
