/**
 * How do I pipe lines of text into a topic, and out of it again?
 *
 * seq 5 | deno run examples/03_lines_into_a_topic.ts
 */
import { TextLineStream, toTransformStream } from "@std/streams";
import { Consumer, consumerStream, createBroker, Producer, producerStream } from "../mod.ts";

await using broker = await createBroker();
await using producer = new Producer(broker.client);

let lines = 0;
await Deno.stdin.readable
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream())
  .pipeTo(producerStream(producer, (value: string) => {
    lines++;
    return { topic: "lines", value };
  }));

await using consumer = new Consumer(broker.client);
consumer.assign([{ topic: "lines", partition: 0 }]);
consumer.seekToBeginning();

const shown = toTransformStream(
  async function* (records: ReadableStream<{ value: Uint8Array | null; offset: bigint }>) {
    const text = new TextDecoder();
    for await (const { value, offset } of records) {
      yield `${offset}: ${text.decode(value!)}`;
      if (Number(offset) === lines - 1) return;
    }
  },
);
if (lines > 0) {
  for await (const line of consumerStream(consumer).pipeThrough(shown)) console.log(line);
}
