/**
 * Producers and consumers as web streams, so that topics compose with everything that reads or writes streams.
 *
 * @module
 */
import type { Consumer } from "./consumer/consumer.ts";
import type { ConsumerRecord } from "./consumer/record.ts";
import { asError } from "./errors.ts";
import type { Producer } from "./producer/producer.ts";
import type { ProducerRecord } from "./producer/record.ts";

/**
 * A stream whose chunks are sent: as they are if they are records, else as what `toRecord` makes of each. A write settles
 * when the record is in the producer's buffer, or has to wait until there is room; closing settles when all are
 * acknowledged. A record that fails breaks the stream. The producer stays open.
 *
 * ```ts
 * import { TextLineStream } from "@std/streams";
 * import { producerStream } from "@odradek/odradek/client";
 *
 * await text.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
 *   .pipeTo(producerStream(producer, (line) => ({ topic: "lines", value: line })));
 * ```
 */
export function producerStream(producer: Producer): WritableStream<ProducerRecord>;
/** The same, of chunks that become records. */
export function producerStream<T>(
  producer: Producer,
  toRecord: (chunk: T) => ProducerRecord,
): WritableStream<T>;
export function producerStream<T>(
  producer: Producer,
  toRecord: (chunk: T) => ProducerRecord = (chunk) => chunk as ProducerRecord,
): WritableStream<T> {
  let failure: Error | null = null;
  let pending = 0;
  let onIdle: (() => void) | null = null;
  return new WritableStream<T>({
    async write(chunk, controller) {
      await producer.ready;
      if (failure !== null) throw failure;
      pending++;
      producer.send(toRecord(chunk))
        .catch((error) => controller.error(failure ??= asError(error)))
        .finally(() => {
          pending--;
          if (pending === 0) onIdle?.();
        });
    },
    async close() {
      await producer.flush();
      if (pending > 0) await new Promise<void>((resolve) => onIdle = resolve);
      if (failure !== null) throw failure;
    },
  });
}

/**
 * The records of a consumer as a stream. It reads only while somebody reads from it; cancelling it closes the consumer,
 * closing the consumer ends it.
 *
 * ```ts
 * import { consumerStream } from "@odradek/odradek/client";
 *
 * const values = consumerStream(consumer).pipeThrough(toTransformStream(async function* (records) {
 *   for await (const { value } of records) yield value;
 * }));
 * ```
 */
export function consumerStream(consumer: Consumer): ReadableStream<ConsumerRecord> {
  const records = consumer[Symbol.asyncIterator]();
  return new ReadableStream<ConsumerRecord>({
    async pull(controller) {
      const { value, done } = await records.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => consumer.close(),
  }, { highWaterMark: 0 });
}
