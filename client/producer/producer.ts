import { KafkaError } from "../../protocol/errors.ts";
import { recordBytesMax, type RecordDraft } from "../../protocol/records/builder.ts";
import { BATCH_HEADER_BYTES } from "../../protocol/records/batch_header.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { TopicView } from "../cluster/cluster_view.ts";
import { within } from "../deadline.ts";
import { asError, cannot, disconnected, timedOut } from "../errors.ts";
import { Fifo } from "../fifo.ts";
import { Accumulator } from "./accumulator.ts";
import type { Delivery } from "./batch.ts";
import { BufferMemory } from "./buffer_memory.ts";
import { type ProducerOptions, type ProducerSettings, producerSettings } from "./options.ts";
import { DefaultPartitioner } from "./partitioner.ts";
import { type ProducerRecord, recordDraft, type RecordMetadata } from "./record.ts";
import { Sender } from "./sender.ts";

/** A record on its way into the accumulator. */
interface Entering {
  readonly record: ProducerRecord;
  readonly draft: RecordDraft;
  readonly bytes: number;
  readonly delivery: Delivery;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  /** Called when it is in, or has failed. */
  readonly onEntered: (() => void)[];
}

/**
 * Sends records to topics. Records are gathered into batches by partition and sent in the background; by default each is
 * stored exactly once and in order (KIP-98), however often the connection breaks.
 *
 * ```ts
 * import { Producer } from "@odradek/odradek/client";
 *
 * await using producer = new Producer({ environment, bootstrapServers: "127.0.0.1:9092" });
 * const { partition, offset } = await producer.send({ topic: "orders", key: "42", value: "3 spools" });
 * ```
 *
 * Who sends much does not await each record, but `await producer.ready` before each, and `flush` at the end.
 */
export class Producer implements AsyncDisposable {
  readonly #settings: ProducerSettings;
  readonly #cluster: Cluster;
  readonly #accumulator: Accumulator;
  readonly #memory: BufferMemory;
  readonly #sender: Sender;
  readonly #partitioner: DefaultPartitioner;
  /** Records that wait for metadata or memory, by topic and in order: one must not overtake another. */
  readonly #entering = new Map<string, Fifo<Entering>>();
  #closing: Promise<void> | null = null;

  /**
   * Connects when the first record is sent.
   *
   * @throws {TypeError} when settings exclude each other or there is no way to reach a broker
   * @throws {RangeError} when a number is out of range
   */
  constructor(options: ProducerOptions) {
    const settings = producerSettings(options);
    const { client, batchSize, maxInFlightRequestsPerConnection } = settings;
    this.#settings = settings;
    this.#cluster = new Cluster(client, {
      allowAutoTopicCreation: true,
      // Metadata and producer ids do not wait behind records.
      inFlightMax: maxInFlightRequestsPerConnection + 1,
    });
    const accumulator = new Accumulator({
      codec: settings.compressionType,
      compressionLevel: settings.compressionLevel,
      batchSize,
    });
    this.#accumulator = accumulator;
    this.#memory = new BufferMemory(client.environment, settings.bufferMemory);
    this.#sender = new Sender({
      settings,
      accumulator,
      cluster: this.#cluster,
      memory: this.#memory,
    });
    this.#partitioner = new DefaultPartitioner({
      random: client.environment.random,
      batchSize,
      adaptive: settings.partitionerAdaptivePartitioningEnable,
      queueLength: (topic, partition) => accumulator.queueLength(topic, partition),
      hasRoom: (topic, partition, bytes) => accumulator.hasRoom(topic, partition, bytes),
    }, settings.partitionerIgnoreKeys);
  }

  /** Settles when there is room in the buffer: the back pressure for who does not await each record. */
  get ready(): Promise<void> {
    return this.#memory.room();
  }

  /**
   * Sends a record. Settles when the broker has acknowledged it, or it has failed for good. While the buffer is full or
   * the topic is not known yet the record waits in front of it, for `maxBlockMs` at most; records of one topic are taken
   * in the order of the calls.
   *
   * @throws {KafkaError} what the broker says; REQUEST_TIMED_OUT after `deliveryTimeoutMs` (it may be stored nevertheless)
   * or `maxBlockMs`; MESSAGE_TOO_LARGE when it is larger than `maxRequestSize`
   * @throws {TypeError} when the record is malformed or the producer is closed
   */
  send(record: ProducerRecord): Promise<RecordMetadata> {
    if (this.#closing !== null) {
      return Promise.reject(new TypeError(`Cannot produce to ${record.topic}: closed`));
    }
    return new Promise((resolve, reject) => {
      const { environment } = this.#settings.client;
      const draft = recordDraft(record, environment.clock.now());
      const bytes = recordBytesMax(draft);
      this.#checkSize(record, bytes);
      this.#enter({
        record,
        draft,
        bytes,
        delivery: { resolve, reject },
        deadlineMs: environment.clock.monotonicMs() + this.#settings.maxBlockMs,
        onEntered: [],
      });
    });
  }

  /** Sends everything that was given to {@linkcode send} so far, and settles when all of it is acknowledged or failed. */
  async flush(): Promise<void> {
    await Promise.all(
      [...this.#entering.values()].map(({ last }) =>
        last && new Promise<void>((resolve) => last.onEntered.push(resolve))
      ),
    );
    const flushed = this.#accumulator.flush();
    this.#sender.wake();
    await flushed;
  }

  /**
   * Flushes and closes. What is not acknowledged within `timeoutMs` fails; by default `deliveryTimeoutMs` ends the wait.
   * Idempotent.
   */
  close(timeoutMs?: number): Promise<void> {
    return this.#closing ??= this.#close(timeoutMs);
  }

  /** {@linkcode close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    const flushed = this.flush();
    if (timeoutMs === undefined) await flushed;
    else {
      const late = () => timedOut("Closed before everything was acknowledged");
      const { environment } = this.#settings.client;
      await within(environment, timeoutMs, flushed, late).catch(() => {});
    }
    const error = disconnected("The producer was closed before it was acknowledged");
    this.#sender.close(error);
    for (const queue of this.#entering.values()) {
      for (let entering = queue.first; entering !== undefined; entering = queue.first) {
        entering.delivery.reject(error);
        this.#leave(queue, entering);
      }
    }
    this.#cluster.close();
  }

  #checkSize({ topic }: ProducerRecord, bytes: number): void {
    const { maxRequestSize, bufferMemory } = this.#settings;
    const [name, max] = bufferMemory < maxRequestSize
      ? ["bufferMemory", bufferMemory] as const
      : ["maxRequestSize", maxRequestSize] as const;
    if (bytes + BATCH_HEADER_BYTES <= max) return;
    const why = `a record of ${bytes} bytes is larger than ${name} allows (${max})`;
    throw new KafkaError("MESSAGE_TOO_LARGE", `Cannot produce to ${topic}: ${why}`);
  }

  /** Takes a record in at once if nothing is in its way, else behind those of its topic that wait. */
  #enter(entering: Entering): void {
    const { topic: name, partition } = entering.record;
    const queue = this.#entering.get(name);
    if (queue !== undefined) return this.#wait(entering, queue);
    const topic = this.#cluster.metadata.topic(name);
    if (
      topic !== null && hasPartition(topic, partition) && this.#memory.tryReserve(entering.bytes)
    ) {
      this.#append(entering, topic);
      return;
    }
    const waiting = new Fifo<Entering>();
    this.#wait(entering, waiting);
    this.#entering.set(name, waiting);
    this.#admit(name, waiting);
  }

  #wait(entering: Entering, queue: Fifo<Entering>): void {
    this.#memory.announce(entering.bytes);
    queue.push(entering);
  }

  /** Takes in what waits of one topic, one after another. */
  async #admit(name: string, queue: Fifo<Entering>): Promise<void> {
    for (let entering = queue.first; entering !== undefined; entering = queue.first) {
      try {
        const topic = await this.#awaitTopic(name, entering);
        if (!this.#memory.tryReserve(entering.bytes)) await this.#awaitMemory(entering);
        if (queue.first !== entering) return this.#memory.release(entering.bytes); // closed
        this.#append(entering, topic);
        this.#leave(queue, entering);
      } catch (error) {
        entering.delivery.reject(cannot(`produce to ${name}`, error));
        this.#leave(queue, entering);
      }
    }
    this.#entering.delete(name);
  }

  /** The first of those that wait is in, or refused. */
  #leave(queue: Fifo<Entering>, entering: Entering): void {
    if (queue.first !== entering) return;
    queue.shift();
    this.#memory.withdraw(entering.bytes);
    for (const callback of entering.onEntered) callback();
  }

  async #awaitMemory(entering: Entering): Promise<void> {
    const reserved = this.#memory.reserve(entering.bytes, this.#leftMs(entering));
    this.#sender.wake(); // batches leave before they are full now
    await reserved;
  }

  #leftMs({ deadlineMs }: Entering): number {
    return deadlineMs - this.#settings.client.environment.clock.monotonicMs();
  }

  /** The topic, once it and the partition that the record names are known. */
  async #awaitTopic(name: string, entering: Entering): Promise<TopicView> {
    const { metadata } = this.#cluster;
    const { partition } = entering.record;
    const known = metadata.topic(name);
    if (known !== null && hasPartition(known, partition)) return known;
    const topic = await metadata.awaitTopic(name, this.#leftMs(entering));
    if (hasPartition(topic, partition)) return topic;
    return await metadata.awaitThat(`partition ${partition} of it`, this.#leftMs(entering), () => {
      const topic = metadata.topic(name);
      if (topic !== null && hasPartition(topic, partition)) return topic;
      return "UNKNOWN_TOPIC_OR_PARTITION";
    });
  }

  /** Puts a record whose memory is reserved into a batch. */
  #append({ record, draft, bytes, delivery }: Entering, topic: TopicView): void {
    const { environment } = this.#settings.client;
    try {
      const target = { topic: topic.name, partition: this.#choose(record, draft, bytes, topic) };
      const nowMs = environment.clock.monotonicMs();
      this.#sender.notice(this.#accumulator.append(target, draft, delivery, bytes, nowMs));
    } catch (error) {
      this.#memory.release(bytes);
      delivery.reject(asError(error));
    }
  }

  #choose(record: ProducerRecord, draft: RecordDraft, bytes: number, topic: TopicView): number {
    if (record.partition !== undefined) return record.partition;
    const { partitioner } = this.#settings;
    if (partitioner === undefined) return this.#partitioner.choose(draft, topic, bytes);
    const count = topic.partitions.length;
    const chosen = partitioner(draft, count, topic.name);
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < count) return chosen;
    throw new RangeError(
      `Cannot produce to ${topic.name}: the partitioner chose ${chosen} of ${count} partitions`,
    );
  }
}

/** A partition that is named has to exist; it may come into being. */
function hasPartition(topic: TopicView, partition: number | undefined): boolean {
  return partition === undefined || topic.partitions[partition] !== undefined;
}
