import { createHash } from "node:crypto";
import { Consumer } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../../environment/deno/stderr_log.ts";
import { runForBytes } from "./program.ts";
import { TextHash } from "./text.ts";
import type { TextWorld } from "./text_producers.ts";

/** Reads partition 0 of a topic from its beginning to its end, and returns the hash of the records: `TextPart.sha256`. */
export type TextConsumer = (topic: string, world: TextWorld) => Promise<string>;

const kcat: TextConsumer = async (topic, { broker }) => {
  const { code, stdout, stderr } = await runForBytes("kcat", [
    ...["-C", "-q", "-e", "-b", broker.bootstrap, "-t", topic, "-p", "0", "-f", "%s\\x1e"],
  ]);
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return createHash("sha256").update(stdout).digest("hex");
};

const java: TextConsumer = async (topic, { broker, jvm }) => {
  const { code, stdout, stderr } = await jvm.run("TextConsumer", [broker.bootstrap, topic]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
};

const odradek: TextConsumer = async (topic, { broker }) => {
  await using consumer = new Consumer({
    environment: denoEnvironment({ log: stderrLog({ level: "warn" }) }),
    bootstrapServers: broker.bootstrap,
  });
  const partition = { topic, partition: 0 };
  consumer.assign([partition]);
  consumer.seekToBeginning();
  const [{ offset: end }] = await consumer.endOffsets([partition]);
  const hash = new TextHash();
  while (await consumer.position(partition) < end) {
    for (const { value } of await consumer.poll({ timeoutMs: 10_000 })) hash.add(value!);
  }
  return hash.digest();
};

/** Every consumer, by name. */
export const TEXT_CONSUMERS: Readonly<Record<string, TextConsumer>> = { kcat, java, odradek };
