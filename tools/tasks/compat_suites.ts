/**
 * The compat suites: tests against clients of other projects, `tests/compat/NAME_test.ts`.
 *
 * @module
 */
import {
  kafkaClients,
  kafkaStreams,
  kafkaTools,
  kcat,
  kgoTests,
  pythonClients,
  type Tool,
} from "./compat_tools.ts";

/** A compat suite. */
export interface Suite {
  /** Of the file in `tests/compat/`, without `_test.ts`. */
  readonly name: string;
  /** What it needs beyond npm. */
  readonly needs: readonly Tool[];
}

/** The versions of Kafka's Java clients that are tried: of each line the last, from the first with zstd on. */
export const KAFKA_CLIENTS: readonly string[] = ["2.1.1", "2.8.2", "3.9.1", "4.3.1"];

/** What suites need beyond npm; one that is not listed needs nothing. */
const NEEDS: Readonly<Record<string, readonly Tool[]>> = {
  client_on_kafka: [kafkaTools],
  features: [kafkaTools],
  groups_clients: [kafkaTools, kcat],
  groups_mixed: [kafkaTools, kcat],
  groups_tools: [kafkaTools, kcat],
  java_client: KAFKA_CLIENTS.map(kafkaClients),
  java_tools: [kafkaTools],
  kcat: [kcat],
  kgo: [kgoTests],
  log_tools: [kafkaTools],
  matrix: [kafkaTools, kcat],
  transactions: [kafkaTools, ...KAFKA_CLIENTS.map(kafkaClients)],
  txn_clients: [pythonClients],
  txn_wire: [kafkaTools],
  python: [pythonClients],
  streams: [kafkaStreams],
};

/** Every compat suite, by name. */
export function compatSuites(): readonly Suite[] {
  return [...Deno.readDirSync("tests/compat")]
    .flatMap(({ name: file }) => file.endsWith("_test.ts") ? [file.replace("_test.ts", "")] : [])
    .sort()
    .map((name) => ({ name, needs: NEEDS[name] ?? [] }));
}
