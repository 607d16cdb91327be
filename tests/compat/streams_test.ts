/**
 * Kafka Streams: the word count of its own examples, at least once.
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
  await using consumer = new Consumer({ environment, bootstrapServers: broker.bootstrap });
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

Deno.test("Kafka Streams counts words, and goes on counting after the application was killed", async () => {
  await using admin = new Admin({ environment, bootstrapServers: broker.bootstrap });
  await admin.createTopics([{ name: INPUT, partitions: 1 }, { name: OUTPUT, partitions: 1 }]);
  const folder = await Deno.makeTempDir({ prefix: "odradek-streams-" });
  const config = `${folder}/streams.properties`;
  await Deno.writeTextFile(
    config,
    `bootstrap.servers=${broker.bootstrap}\nstate.dir=${folder}/state\n`,
  );
  const start = () =>
    new Deno.Command("java", {
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
  await using producer = new Producer({ environment, bootstrapServers: broker.bootstrap });
  try {
    for (
      const [line, counts] of [
        ["all streams lead to Kafka", { all: 1, streams: 1, lead: 1, to: 1, kafka: 1 }],
        ["hello kafka streams", { hello: 1, kafka: 2, streams: 2, all: 1 }],
      ] as const
    ) {
      const application = start();
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
