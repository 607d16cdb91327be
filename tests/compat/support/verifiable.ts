import { KAFKA_TOOLS } from "./java.ts";
import { runProgram } from "./program.ts";

/** A record that kafka-verifiable-producer got acknowledged, or kafka-verifiable-consumer read. */
export interface VerifiableRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** What one of Kafka's verifiable clients told, line by line. */
export interface VerifiableStory {
  /** In the order in which they were acknowledged, or read. */
  readonly records: readonly VerifiableRecord[];
  /** Sends that failed, for good. */
  readonly failures: number;
}

interface Event {
  readonly name: string;
  readonly records?: readonly VerifiableRecord[];
}

const PATIENCE_MS = 150_000;

/**
 * Runs kafka-verifiable-producer or kafka-verifiable-consumer to its end, in a JVM of its own: so that two can run at a time.
 *
 * @param properties settings of the client, which the tool takes before its own defaults
 */
export async function verifiable(
  client: "producer" | "consumer",
  args: readonly string[],
  properties: Readonly<Record<string, string>> = {},
): Promise<VerifiableStory> {
  const file = await Deno.makeTempFile();
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  await Deno.writeTextFile(file, lines.join("\n"));
  const tool = client === "producer" ? "VerifiableProducer" : "VerifiableConsumer";
  const { stdout, stderr } = await runProgram("java", [
    ...["-Xmx256m", "-XX:+UseSerialGC", "-cp", KAFKA_TOOLS, `org.apache.kafka.tools.${tool}`],
    ...["--command-config", file, ...args],
  ], { timeoutMs: PATIENCE_MS });
  await Deno.remove(file);
  const events: Event[] = stdout.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const isWhole = events.some(({ name }) => name === "shutdown_complete");
  if (!isWhole) throw new Error(`${tool} did not come to its end: ${stderr}`);
  return {
    records: events.flatMap((event) => {
      if (event.name === "producer_send_success") return [event as unknown as VerifiableRecord];
      if (event.name === "record_data") return [event as unknown as VerifiableRecord];
      return [];
    }),
    failures: events.filter(({ name }) => name === "producer_send_error").length,
  };
}
