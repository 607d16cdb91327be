/**
 * The yardstick: Apache Kafka 4.3, one KRaft node, and its own producer-perf-test, over loopback. Needs Java 17 and the jars:
 *
 *     mvn -f bench/spike/kafka_pom.xml dependency:copy-dependencies -DoutputDirectory=FOLDER/libs
 *     deno run --allow-read=FOLDER --allow-write=FOLDER --allow-run=java bench/spike/kafka.ts FOLDER [ROUNDS] [MS] [1,64,1000]
 *
 * @module
 */
// deno-lint-ignore-file no-console

/** Records are of 900 bytes; the smallest batch is one of them, the others what a producer under load fills. */
const RECORD_BYTES = 900;
const SIZES = [900, 16_384, 1_000_000];
const PORT = 29_192;

const [folder, rounds = "3", forMs = "600", partitionCounts = "1,64,1000"] = Deno.args;
if (!folder) throw new Error("Which folder has libs/ and may be written to?");
const PARTITIONS = partitionCounts.split(",").map(Number);

const MODES = {
  /** Kafka's default: acknowledged from the page cache. */
  default: [],
  /** What is comparable with a log that acknowledges what is on disk. */
  fsync: ["--config", "flush.messages=1"],
};

const rates = new Map<string, number[]>();
const kafka = await start();
console.log(JSON.stringify({ startMs: Math.round(kafka.startMs) }));
try {
  for (const [mode, config] of Object.entries(MODES)) {
    for (const partitions of PARTITIONS) await createTopic(mode, partitions, config);
  }
  // The first load of a process is slower: it is not counted.
  await produce("default", 64, 16_384);
  for (let round = 0; round < Number(rounds); round++) {
    for (const partitions of PARTITIONS) {
      for (const size of SIZES) {
        for (const mode of Object.keys(MODES)) {
          const found = await produce(mode, partitions, size);
          const key = JSON.stringify({ mode, partitions, size });
          rates.set(key, [...rates.get(key) ?? [], found.perS]);
          console.log(JSON.stringify({ mode, round, partitions, size, ...found }));
        }
      }
    }
  }
} finally {
  kafka.child.kill("SIGKILL");
  await kafka.child.status;
}
for (const [key, all] of rates) {
  const { mode, partitions, size } = JSON.parse(key);
  const sorted = all.toSorted((a, b) => a - b);
  const recordsPerS = sorted[sorted.length >> 1];
  const mbPerS = recordsPerS * RECORD_BYTES / 1e6;
  const [from, to] = [sorted[0], sorted.at(-1)];
  console.log(JSON.stringify({ mode, partitions, size, recordsPerS, mbPerS, from, to }));
}

async function start(): Promise<{ child: Deno.ChildProcess; startMs: number }> {
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

async function createTopic(
  mode: string,
  partitions: number,
  config: readonly string[],
): Promise<void> {
  const options = [
    "--create",
    "--topic",
    `${mode}-${partitions}`,
    "--partitions",
    String(partitions),
    ...config,
  ];
  await run("org.apache.kafka.tools.TopicCommand", [...server("--bootstrap-server"), ...options]);
}

async function produce(mode: string, partitions: number, size: number) {
  // As many records as fill the time at a guess of what one producer does.
  const records = Math.ceil(Number(forMs) / 1_000 * (size === RECORD_BYTES ? 8_000 : 80_000));
  const text = await run("org.apache.kafka.tools.ProducerPerformance", [
    ...["--topic", `${mode}-${partitions}`],
    ...["--num-records", String(records)],
    ...["--record-size", String(RECORD_BYTES - 75)],
    ...["--throughput", "-1"],
    "--producer-props",
    `bootstrap.servers=127.0.0.1:${PORT}`,
    `batch.size=${size === RECORD_BYTES ? 1 : size}`,
    "acks=all",
    `linger.ms=${size === RECORD_BYTES ? 0 : 5}`,
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
