import { KafkaError } from "../../protocol/errors.ts";
import { recordBytesMax, type RecordDraft } from "../../protocol/records/builder.ts";
import { BATCH_HEADER_BYTES } from "../../protocol/records/batch_header.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { TopicView } from "../cluster/cluster_view.ts";
import { within } from "../deadline.ts";
import { asError, cannot, disconnected, timedOut } from "../errors.ts";
import { Fifo } from "../fifo.ts";
import type { GroupMetadata } from "../group/consumer_group.ts";
import type { OffsetToCommit } from "../group/offsets.ts";
import { Accumulator } from "./accumulator.ts";
import type { Delivery } from "./batch.ts";
import { BufferMemory } from "./buffer_memory.ts";
import { type ProducerOptions, type ProducerSettings, producerSettings } from "./options.ts";
import { DefaultPartitioner } from "./partitioner.ts";
import { type ProducerRecord, recordDraft, type RecordMetadata } from "./record.ts";
import { Sender } from "./sender.ts";
import { Sequences } from "./sequences.ts";
import { Transactions } from "./transactions.ts";

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
  /** null = there is no `transactionalId`. */
  readonly #transactions: Transactions | null;
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
      transactional: settings.transactionalId !== null,
    });
    this.#accumulator = accumulator;
    this.#memory = new BufferMemory(client.environment, settings.bufferMemory);
    const sequences = settings.enableIdempotence
      ? new Sequences(maxInFlightRequestsPerConnection, settings.transactionalId === null)
      : null;
    const cluster = this.#cluster;
    const { transactionalId } = settings;
    this.#transactions = transactionalId === null ? null : new Transactions({
      transactionalId,
      settings,
      cluster,
      sequences: sequences!,
      flush: () => this.flush(),
      drop: (error) => this.#drop(error),
      onProgress: () => this.#sender.wake(),
    });
    this.#sender = new Sender({
      settings,
      accumulator,
      cluster,
      memory: this.#memory,
      sequences,
      transactions: this.#transactions,
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
   * With a `transactionalId` a transaction has to be open. If a record fails, `commitTransaction` says so: nobody has to
   * look at what this returns.
   *
   * @throws {KafkaError} what the broker says; REQUEST_TIMED_OUT after `deliveryTimeoutMs` (it may be stored nevertheless)
   * or `maxBlockMs`; MESSAGE_TOO_LARGE when it is larger than `maxRequestSize`
   * @throws {AbortableTransactionError} when the transaction has failed, or is aborted before the record was sent
   * @throws {TypeError} when the record is malformed, the producer is closed, or no transaction is open
   */
  send(record: ProducerRecord): Promise<RecordMetadata> {
    const transactions = this.#transactions;
    if (transactions === null) return this.#send(record);
    const sent = this.#send(record);
    sent.catch((error) => transactions.recordFailed(error));
    return sent;
  }

  /**
   * Shuts out all producers that had this `transactionalId` before, finishes what they left open, and gets ready for
   * transactions: to be called once, first of all.
   *
   * @throws {FatalTransactionError} when it may not, e.g. TRANSACTIONAL_ID_AUTHORIZATION_FAILED
   * @throws {KafkaError} REQUEST_TIMED_OUT after `maxBlockMs`: it goes on, call it again to wait
   * @throws {TypeError} without a `transactionalId`, or when it was called before
   */
  async initTransactions(): Promise<void> {
    await this.#inTransactions("call initTransactions").initialize();
  }

  /**
   * Opens a transaction: what is sent from now on is read under `read_committed` once it is committed, or never.
   *
   * @throws {FatalTransactionError} when the producer is done for
   * @throws {TypeError} without a `transactionalId`, or out of place
   */
  beginTransaction(): void {
    this.#inTransactions("begin a transaction").begin();
  }

  /**
   * Commits offsets as part of the open transaction: how far the records were read from which those that it sends were
   * made. `group` is what `Consumer.groupMetadata` says; a member that the group has gone on without is refused (KIP-447).
   *
   * @throws {AbortableTransactionError} ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID: the partitions may be
   * others' by now; REQUEST_TIMED_OUT after `maxBlockMs`; or what else the broker says
   * @throws {FatalTransactionError} when the producer is done for
   * @throws {TypeError} without a `transactionalId`, or when no transaction is open
   */
  async sendOffsetsToTransaction(
    offsets: Iterable<OffsetToCommit>,
    group: GroupMetadata,
  ): Promise<void> {
    const transactions = this.#inTransactions("send offsets to a transaction");
    await transactions.sendOffsets([...offsets], group);
  }

  /**
   * Commits the open transaction, after everything that was sent in it is stored. Settles when that is decided for good;
   * readers see it a moment later.
   *
   * @throws {AbortableTransactionError} when a record or offsets of it failed: abort it
   * @throws {FatalTransactionError} PRODUCER_FENCED when another producer has the `transactionalId` by now, and what else
   * ends a producer: close it
   * @throws {KafkaError} REQUEST_TIMED_OUT after `maxBlockMs`: it goes on, call it again to wait
   * @throws {TypeError} without a `transactionalId`, or when no transaction is open
   */
  async commitTransaction(): Promise<void> {
    await this.#inTransactions("commit a transaction").commit();
  }

  /**
   * Aborts the open transaction: what was sent in it is never read under `read_committed`, and what was not sent yet fails.
   *
   * @throws {FatalTransactionError} as {@linkcode commitTransaction}
   * @throws {KafkaError} REQUEST_TIMED_OUT after `maxBlockMs`: it goes on, call it again to wait
   * @throws {TypeError} without a `transactionalId`, or when no transaction is open
   */
  async abortTransaction(): Promise<void> {
    await this.#inTransactions("abort a transaction").abort();
  }

  #inTransactions(doing: string): Transactions {
    if (this.#closing !== null) throw new TypeError(`Cannot ${doing}: closed`);
    if (this.#transactions !== null) return this.#transactions;
    throw new TypeError(`Cannot ${doing}: the producer has no transactionalId`);
  }

  #send(record: ProducerRecord): Promise<RecordMetadata> {
    if (this.#closing !== null) {
      return Promise.reject(new TypeError(`Cannot produce to ${record.topic}: closed`));
    }
    return new Promise((resolve, reject) => {
      this.#transactions?.checkOpen(`produce to ${record.topic}`);
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
   * A transaction that is open is aborted, if that is possible within `timeoutMs`, `maxBlockMs` by default. Idempotent.
   */
  close(timeoutMs?: number): Promise<void> {
    return this.#closing ??= this.#close(timeoutMs);
  }

  /** {@linkcode close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    const { client: { environment }, maxBlockMs } = this.#settings;
    const late = () => timedOut("Closed before everything was acknowledged");
    const finished = this.#transactions?.finish() ?? this.flush();
    const limitMs = timeoutMs ?? (this.#transactions === null ? undefined : maxBlockMs);
    if (limitMs === undefined) await finished;
    else await within(environment, limitMs, finished, late).catch(() => {});
    const error = disconnected("The producer was closed before it was acknowledged");
    this.#sender.close(error);
    this.#dropEntering(error);
    this.#cluster.close();
  }

  /** Fails every record that is not on the wire. */
  #drop(error: Error): void {
    this.#dropEntering(error);
    this.#sender.drop(error);
  }

  #dropEntering(error: Error): void {
    for (const queue of this.#entering.values()) {
      for (let entering = queue.first; entering !== undefined; entering = queue.first) {
        entering.delivery.reject(error);
        this.#leave(queue, entering);
      }
    }
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
        if (queue.first !== entering) { // it was dropped meanwhile
          this.#memory.release(entering.bytes);
          continue;
        }
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
      this.#transactions?.include(target);
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
