/**
 * Every producer with every codec, and every consumer, on 100 MB of real text: what is read is what was written, byte by
 * byte, and stored with the codec that was asked for.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { brokerOfSuite } from "./support/broker.ts";
import { jvmOfSuite } from "./support/java.ts";
import { realText, textPart } from "./support/text.ts";
import { TEXT_CONSUMERS } from "./support/text_consumers.ts";
import { TEXT_PRODUCERS } from "./support/text_producers.ts";
import { createTopic, storedCodecs } from "./support/topics.ts";

const broker = brokerOfSuite();
const java = jvmOfSuite("TextProducer", "TextConsumer");

const TEXT_BYTES = 100_000_000;
const CELLS = Object.entries(TEXT_PRODUCERS)
  .flatMap(([name, { codecs, produce }]) => codecs.map((codec) => ({ name, codec, produce })));

const text = await realText();

for (const [index, { name, codec, produce }] of CELLS.entries()) {
  Deno.test(`What ${name} produces with ${codec} is read byte by byte`, async () => {
    const world = { broker, jvm: java.jvm };
    const topic = await createTopic(broker, { what: `${name}-${codec}` });
    const part = textPart(text, index, Math.ceil(TEXT_BYTES / CELLS.length));
    await produce(part, topic, codec, world);
    assertEquals(await storedCodecs(broker, topic), [codec]);
    for (const [consumer, read] of Object.entries(TEXT_CONSUMERS)) {
      assertEquals(await read(topic, world), part.sha256, `read by ${consumer}`);
    }
  });
}
