import { Buffer } from "node:buffer";
import { Producer as PlatformaticProducer } from "@platformatic/kafka";
import { Producer } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../../environment/deno/stderr_log.ts";
import type { Codec } from "../../../protocol/compression/mod.ts";
import type { BrokerUnderTest } from "./broker.ts";
import type { Jvm } from "./java.ts";
import { connected, KAFKAJS_CODECS, kafkajsClient } from "./kafkajs.ts";
import { librdkafkaClient } from "./librdkafka.ts";
import { runProgram } from "./program.ts";
import type { TextPart } from "./text.ts";
import { CODECS } from "./topics.ts";

/** What the producers and consumers of texts work with. */
export interface TextWorld {
  readonly broker: BrokerUnderTest;
  /** Knows `TextProducer` and `TextConsumer`. */
  readonly jvm: Jvm;
}

/** A client that produces the records of a text to a topic of one partition. */
export interface TextProducer {
  readonly codecs: readonly Codec[];
  produce(part: TextPart, topic: string, codec: Codec, world: TextWorld): Promise<void>;
}

/** Of clients that make one batch of what they are given: records are of 2 KB at most, and a batch of 1 MB. */
const BATCH_RECORDS = 400;

const kcat: TextProducer = {
  codecs: CODECS,
  async produce({ joined }, topic, codec, { broker }) {
    const args = ["-P", "-b", broker.bootstrap, "-t", topic, "-z", codec, "-D", "\\x1e"];
    const { code, stderr } = await runProgram("kcat", args, { stdin: joined });
    if (code !== 0) throw new Error(stderr);
  },
};

const librdkafka: TextProducer = {
  codecs: CODECS.filter((codec) => codec !== "zstd"), // it is built without
  async produce({ records }, topic, codec, { broker }) {
    const producer = librdkafkaClient(broker).createProducer({
      configuration: { "compression.type": codec, "enable.idempotence": true },
    });
    for (const batch of batchesOf(records)) {
      await producer.send({ topic, messages: batch.map((payload) => ({ payload })) });
    }
  },
};

const kafkajs: TextProducer = {
  codecs: CODECS,
  produce: ({ records }, topic, codec, { broker }) =>
    connected(kafkajsClient(broker).producer(), async (producer) => {
      const compression = KAFKAJS_CODECS[codec];
      for (const batch of batchesOf(records)) {
        const messages = batch.map((value) => ({ value }));
        await producer.send({ topic, messages, compression });
      }
    }),
};

const platformatic: TextProducer = {
  codecs: CODECS,
  async produce({ records }, topic, compression, { broker }) {
    const producer = new PlatformaticProducer({
      clientId: "compat",
      bootstrapBrokers: [broker.bootstrap],
      idempotent: true,
    });
    for (const batch of batchesOf(records)) {
      await producer.send({ messages: batch.map((value) => ({ topic, value })), compression });
    }
    await producer.close();
  },
};

const java: TextProducer = {
  codecs: CODECS,
  async produce({ joined }, topic, codec, { broker, jvm }) {
    const file = await Deno.makeTempFile();
    await Deno.writeFile(file, joined);
    const args = [broker.bootstrap, topic, codec, file];
    const { code, stderr } = await jvm.run("TextProducer", args);
    await Deno.remove(file);
    if (code !== 0) throw new Error(stderr);
  },
};

const odradek: TextProducer = {
  codecs: CODECS,
  async produce({ records }, topic, compressionType, { broker }) {
    await using producer = new Producer({
      environment: denoEnvironment({ log: stderrLog({ level: "warn" }) }),
      bootstrapServers: broker.bootstrap,
      compressionType,
    });
    const sent: Promise<unknown>[] = [];
    for (const value of records) {
      await producer.ready;
      sent.push(producer.send({ topic, value }));
    }
    await Promise.all(sent);
  },
};

/** Every producer, by name. */
export const TEXT_PRODUCERS: Readonly<Record<string, TextProducer>> = {
  kcat,
  librdkafka,
  kafkajs,
  platformatic,
  java,
  odradek,
};

function* batchesOf(records: readonly Uint8Array[]): Generator<Buffer[]> {
  for (let from = 0; from < records.length; from += BATCH_RECORDS) {
    yield records.slice(from, from + BATCH_RECORDS)
      .map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
  }
}
