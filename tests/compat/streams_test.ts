/**
 * Kafka Streams: the word count of its own examples, at least once and exactly once.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Admin, Consumer, denoEnvironment, Producer } from "../../mod.ts";
import { brokerOfSuite } from "./support/broker.ts";

const STREAMS = new URL("../../.cache/kafka-streams/*", import.meta.url).pathname;
const INPUT = "streams-plaintext-input";
const OUTPUT = "streams-wordcount-output";

const broker = brokerOfSuite();
const environment = denoEnvironment({ log: { write: () => {} } });

/** The newest count of each word, read until they are as expected, or for two minutes. */
async function countsUntil(expected: Readonly<Record<string, number>>) {
  await using consumer = new Consumer({
    environment,
    bootstrapServers: broker.bootstrap,
    isolationLevel: "read_committed",
  });
  consumer.assign([{ topic: OUTPUT, partition: 0 }]);
  consumer.seekToBeginning();
  const text = new TextDecoder();
  const counts: Record<string, number> = {};
  const endMs = performance.now() + 120_000;
  while (performance.now() < endMs) {
    for (const { key, value } of await consumer.poll({ timeoutMs: 1000 })) {
      counts[text.decode(key!)] = Number(
        new DataView(value!.buffer, value!.byteOffset).getBigInt64(0),
      );
    }
    if (Object.entries(expected).every(([word, count]) => counts[word] === count)) break;
  }
  return counts;
}

Deno.test("Kafka Streams counts words at least once, and goes on exactly once", async () => {
  await using admin = new Admin({ environment, bootstrapServers: broker.bootstrap });
  await admin.createTopics([{ name: INPUT, partitions: 1 }, { name: OUTPUT, partitions: 1 }]);
  const folder = await Deno.makeTempDir({ prefix: "odradek-streams-" });
  const config = `${folder}/streams.properties`;
  const start = async (guarantee: string) => {
    const settings = {
      "bootstrap.servers": broker.bootstrap,
      "state.dir": `${folder}/state`,
      "processing.guarantee": guarantee,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    await Deno.writeTextFile(config, lines.join("\n"));
    return new Deno.Command("java", {
      args: [
        "-Xmx256m",
        "-cp",
        STREAMS,
        "org.apache.kafka.streams.examples.wordcount.WordCountDemo",
        config,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
  };
  await using producer = new Producer({ environment, bootstrapServers: broker.bootstrap });
  try {
    for (
      const [guarantee, line, counts] of [
        ["at_least_once", "all streams lead to Kafka", {
          all: 1,
          streams: 1,
          lead: 1,
          to: 1,
          kafka: 1,
        }],
        ["exactly_once_v2", "hello kafka streams", { hello: 1, kafka: 2, streams: 2, all: 1 }],
      ] as const
    ) {
      const application = await start(guarantee);
      try {
        await producer.send({ topic: INPUT, value: line });
        const found = await countsUntil(counts);
        for (const [word, count] of Object.entries(counts)) assertEquals(found[word], count, word);
      } finally {
        application.kill("SIGTERM");
        await application.status;
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
