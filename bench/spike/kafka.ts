/**
 * The yardstick: Apache Kafka 4.3, one KRaft node, and its own producer-perf-test, over loopback. Needs Java 17 and the jars:
 *
 *     mvn -f bench/spike/kafka_pom.xml dependency:copy-dependencies -DoutputDirectory=FOLDER/libs
 *     deno run --allow-read=FOLDER --allow-write=FOLDER --allow-run=java bench/spike/kafka.ts FOLDER [ROUNDS] [MS]
 *
 * @module
 */
// deno-lint-ignore-file no-console

/** One record a batch, as far as a producer can be told; the last: Kafka's default maximum leaves no room for 1 MB. */
const SIZES = [900, 4_096, 16_384, 65_536, 1_000_000];
const PARTITIONS = [1, 64, 1_000];
const PORT = 29_192;

const [folder, rounds = "3", forMs = "4000"] = Deno.args;
if (!folder) throw new Error("Which folder has libs/ and may be written to?");

const MODES = {
  /** Kafka's default: acknowledged from the page cache. */
  default: "",
  /** What is comparable with a log that acknowledges what is on disk. */
  fsync: "log.flush.interval.messages=1",
};

const rates = new Map<string, number[]>();
for (const [mode, setting] of Object.entries(MODES)) {
  const kafka = await start(setting);
  console.log(JSON.stringify({ mode, startMs: Math.round(kafka.startMs) }));
  for (const partitions of PARTITIONS) await createTopic(partitions);
  for (let round = 0; round < Number(rounds); round++) {
    for (const partitions of PARTITIONS) {
      for (const size of SIZES) {
        const found = await produce(partitions, size);
        const key = JSON.stringify({ mode, partitions, size });
        rates.set(key, [...rates.get(key) ?? [], found.perS]);
        console.log(JSON.stringify({ mode, round, partitions, size, ...found }));
      }
    }
  }
  kafka.child.kill("SIGKILL");
  await kafka.child.status;
}
for (const [key, all] of rates) {
  const { mode, partitions, size } = JSON.parse(key);
  const sorted = all.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  const mbPerS = median * size / 1e6;
  console.log(
    JSON.stringify({ mode, partitions, size, median, mbPerS, from: sorted[0], to: sorted.at(-1) }),
  );
}

async function start(setting: string): Promise<{ child: Deno.ChildProcess; startMs: number }> {
  await Deno.remove(`${folder}/logs`, { recursive: true }).catch(() => {});
  await Deno.writeTextFile(
    `${folder}/server.properties`,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${PORT + 1}
listeners=PLAINTEXT://127.0.0.1:${PORT},CONTROLLER://127.0.0.1:${PORT + 1}
controller.listener.names=CONTROLLER
log.dirs=${folder}/logs
offsets.topic.replication.factor=1
message.max.bytes=2000000
${setting}
`,
  );
  const properties = `${folder}/server.properties`;
  const id = "MkU3OEVBNTcwNTJENDM2Qg";
  await run("kafka.tools.StorageTool", ["format", "-t", id, "-c", properties]);
  const startedAt = performance.now();
  const child = java("kafka.Kafka", [properties]).spawn();
  await child.stdout.cancel();
  await child.stderr.cancel();
  await run("org.apache.kafka.tools.TopicCommand", [...server("--bootstrap-server"), "--list"]);
  return { child, startMs: performance.now() - startedAt };
}

async function createTopic(partitions: number): Promise<void> {
  const options = ["--create", "--topic", `t${partitions}`, "--partitions", String(partitions)];
  await run("org.apache.kafka.tools.TopicCommand", [...server("--bootstrap-server"), ...options]);
}

async function produce(partitions: number, size: number) {
  // As many records as fill the time at a guess of 60 MB/s and 40 000 records/s.
  const seconds = Number(forMs) / 1_000;
  const records = Math.ceil(seconds * Math.min(40_000, 60e6 / size));
  const text = await run("org.apache.kafka.tools.ProducerPerformance", [
    "--topic",
    `t${partitions}`,
    "--num-records",
    String(records),
    "--record-size",
    String(size - 75),
    "--throughput",
    "-1",
    "--producer-props",
    `bootstrap.servers=127.0.0.1:${PORT}`,
    `batch.size=${size > 900 ? size : 1}`,
    "acks=all",
    "linger.ms=0",
    "max.request.size=2000000",
    "buffer.memory=67108864",
  ]);
  const last = text.trim().split("\n").at(-1)!;
  const number = (pattern: RegExp) => Number(pattern.exec(last)?.[1]);
  return {
    perS: number(/([\d.]+) records\/sec/),
    mbPerS: number(/\(([\d.]+) MB\/sec/),
    p50Ms: number(/([\d.]+) ms 50th/),
    p99Ms: number(/([\d.]+) ms 99th/),
  };
}

function server(option: string): string[] {
  return [option, `127.0.0.1:${PORT}`];
}

function java(main: string, args: readonly string[]): Deno.Command {
  const options = ["-Xmx1g", "-cp", `${folder}/libs/*`, main, ...args];
  return new Deno.Command("java", { args: options, stdout: "piped", stderr: "piped" });
}

async function run(main: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await java(main, args).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${main}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}
