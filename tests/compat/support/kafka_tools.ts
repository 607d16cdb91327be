import { assertEquals } from "@std/assert";
import type { BrokerUnderTest } from "./broker.ts";
import type { Jvm } from "./java.ts";
import type { ProgramEnd } from "./program.ts";

/** The scripts in Kafka's `bin` folder, and the class that each of them starts. */
const TOOLS = {
  "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
  "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
  "kafka-configs": "kafka.admin.ConfigCommand",
  "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
  "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
  "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
  "kafka-features": "org.apache.kafka.tools.FeatureCommand",
  "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
  "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
  "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
  "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
  "kafka-topics": "org.apache.kafka.tools.TopicCommand",
  "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
  "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
};

/** The name of one of Kafka's console tools. */
export type Tool = keyof typeof TOOLS;

/** Kafka's console tools, run against a broker. */
export class KafkaTools {
  /** @param java holds the JVM that they run in, once there is one. */
  constructor(
    private readonly broker: Pick<BrokerUnderTest, "bootstrap">,
    private readonly java: { readonly jvm: Jvm },
  ) {}

  /** Runs a tool with `--bootstrap-server` in front of its arguments, however it ends. */
  attempt(tool: Tool, args: readonly string[], stdin = ""): Promise<ProgramEnd> {
    const bootstrap = ["--bootstrap-server", this.broker.bootstrap];
    return this.java.jvm.run(TOOLS[tool], [...bootstrap, ...args], stdin);
  }

  /** The same, with `--bootstrap-server` behind the arguments: for tools that begin with a verb. */
  attemptVerb(tool: Tool, args: readonly string[]): Promise<ProgramEnd> {
    return this.java.jvm.run(TOOLS[tool], [...args, "--bootstrap-server", this.broker.bootstrap]);
  }

  /** What a tool writes to standard output, once it has ended with 0. */
  async run(tool: Tool, args: readonly string[], stdin = ""): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(tool, args, stdin);
    assertEquals(code, 0, `${tool} ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }
}
