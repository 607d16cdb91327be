import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import kafkajs, { type Kafka, type KafkaConfig } from "kafkajs";
import snappy from "kafkajs-snappy";
import { compressFrame, decompressFrame } from "lz4-napi";
import type { Codec } from "../../../protocol/compression/mod.ts";
import type { BrokerUnderTest } from "./broker.ts";

const { CompressionCodecs, CompressionTypes, logLevel } = kafkajs;

// kafkajs brings gzip alone, and has places for what users plug in.
CompressionCodecs[CompressionTypes.Snappy] = snappy;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => compressFrame(buffer),
  decompress: (bytes: Buffer) => decompressFrame(bytes),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(zlib.zstdCompressSync(buffer)),
  decompress: (bytes: Buffer) => Promise.resolve(zlib.zstdDecompressSync(bytes)),
});

/** kafkajs' names of the codecs. */
export const KAFKAJS_CODECS: Readonly<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** A kafkajs client, with every codec and without a word on the console. */
export function kafkajsClient(broker: BrokerUnderTest, options: Partial<KafkaConfig> = {}): Kafka {
  return new kafkajs.Kafka({
    clientId: "compat",
    brokers: [broker.bootstrap],
    logLevel: logLevel.NOTHING,
    ...options,
  });
}

/** Does `work` with something that connects first and disconnects at the end. */
export async function connected<
  T extends { connect(): Promise<void>; disconnect(): Promise<void> },
  R,
>(client: T, work: (client: T) => Promise<R>): Promise<R> {
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.disconnect();
  }
}
