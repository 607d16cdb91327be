import { KAFKA_TOOLS } from "./java.ts";
import { runProgram } from "./program.ts";

/** How long a broker may take until it answers. */
const START_MS = 60_000;

/** Apache Kafka itself, one broker that is its own controller, on ports and a folder of its own. */
export class ApacheKafka implements AsyncDisposable {
  /** `host:port` */
  readonly bootstrap: string;
  readonly #folder: string;
  #child: Deno.ChildProcess;

  private constructor(bootstrap: string, folder: string) {
    this.bootstrap = bootstrap;
    this.#folder = folder;
    this.#child = this.#spawn();
  }

  /** Formats a folder and starts a broker on it, with these settings besides. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ApacheKafka> {
    const folder = await Deno.makeTempDir({ prefix: "odradek-kafka-" });
    const [port, controllerPort] = [freePort(), freePort()];
    await Deno.writeTextFile(
      `${folder}/server.properties`,
      [
        "process.roles=broker,controller",
        "node.id=1",
        `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
        `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        "controller.listener.names=CONTROLLER",
        `log.dirs=${folder}/logs`,
        "offsets.topic.replication.factor=1",
        "group.initial.rebalance.delay.ms=0",
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=100",
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      ].join("\n"),
    );
    const format = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"];
    const { code, stdout, stderr } = await runProgram("java", [
      ...["-cp", KAFKA_TOOLS, ...format],
      ...["-c", `${folder}/server.properties`],
    ]);
    if (code !== 0) throw new Error(`Cannot format ${folder}: ${stdout}${stderr}`);
    const kafka = new ApacheKafka(`127.0.0.1:${port}`, folder);
    await kafka.#untilItListens(port);
    return kafka;
  }

  /** Kills it as `kill -9` does, and starts it again on what it left behind. */
  async killAndRestart(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    this.#child = this.#spawn();
  }

  /** Takes a feature back to a level, as an operator does. */
  async downgrade(feature: string, level: number): Promise<void> {
    const { code, stdout, stderr } = await runProgram("java", [
      ...["-cp", KAFKA_TOOLS, "org.apache.kafka.tools.FeatureCommand"],
      ...["--bootstrap-server", this.bootstrap, "downgrade", "--feature", `${feature}=${level}`],
    ]);
    if (code !== 0) throw new Error(`Cannot downgrade ${feature}: ${stdout}${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }

  #spawn(): Deno.ChildProcess {
    const args = [
      "-Xmx512m",
      "-cp",
      KAFKA_TOOLS,
      "kafka.Kafka",
      `${this.#folder}/server.properties`,
    ];
    return new Deno.Command("java", { args, stdin: "null", stdout: "null", stderr: "null" })
      .spawn();
  }

  async #untilItListens(port: number): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (true) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
