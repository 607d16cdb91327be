import { Cluster } from "../cluster/cluster.ts";
import { type FoundOffset, listOffsets, type OffsetSpec } from "../cluster/list_offsets.ts";
import { timedOut } from "../errors.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";
import { Assignment } from "./assignment.ts";
import { Fetcher } from "./fetcher.ts";
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from "./options.ts";
import { Positions } from "./positions.ts";
import type { ConsumerRecord } from "./record.ts";

/** How one call of `poll` differs from others. */
export interface PollOptions {
  /** Milliseconds to wait when there is nothing. Default: for ever. */
  readonly timeoutMs?: number;
}

/**
 * Reads records of partitions that are assigned to it by hand.
 *
 * ```ts
 * import { Consumer } from "@odradek/odradek/client";
 *
 * await using consumer = new Consumer({ environment, bootstrapServers: "127.0.0.1:9092" });
 * consumer.assign([{ topic: "orders", partition: 0 }]);
 * consumer.seekToBeginning();
 * for await (const { offset, value } of consumer) console.log(offset, value);
 * ```
 *
 * While records are worked on, the next ones are fetched already.
 */
export class Consumer implements AsyncDisposable {
  readonly #settings: ConsumerSettings;
  readonly #cluster: Cluster;
  readonly #assignment = new Assignment();
  readonly #fetcher: Fetcher;
  readonly #positions: Positions;
  #isPolling = false;
  #isClosed = false;
  /** Wakes the poll that waits. */
  #wake: (() => void) | null = null;
  #hasNews = false;

  /**
   * Connects when there is something to read.
   *
   * @throws {TypeError} when there is no way to reach a broker
   * @throws {RangeError} when a number is out of range
   */
  constructor(options: ConsumerOptions) {
    const settings = consumerSettings(options);
    this.#settings = settings;
    this.#cluster = new Cluster(settings.client, {
      allowAutoTopicCreation: settings.allowAutoCreateTopics,
      inFlightMax: 5,
    });
    const parts = { settings, cluster: this.#cluster, assignment: this.#assignment };
    const onNews = () => this.#onNews();
    this.#positions = new Positions({
      ...parts,
      onNews,
      onError: (error) => this.#fetcher.fail(error),
    });
    this.#fetcher = new Fetcher({
      ...parts,
      onNews,
      onLost: (partition, why) => {
        if (settings.autoOffsetReset === null) this.#fetcher.fail(why);
        else partition.seek("policy");
      },
    });
    this.#cluster.metadata.onChange(onNews);
  }

  /** Reads these partitions from now on, and no others. Those that stay keep their positions. */
  assign(partitions: Iterable<TopicPartition>): void {
    this.#assignment.assign(partitions);
    this.#onNews();
  }

  /** The partitions that it reads. */
  assignment(): TopicPartition[] {
    return [...this.#assignment.partitions].map(plain);
  }

  /**
   * Goes on reading a partition at an offset.
   *
   * @throws {TypeError} when it is not assigned
   * @throws {RangeError} when the offset is negative, or larger than 2^53 - 1
   */
  seek(partition: TopicPartition, offset: bigint): void {
    if (offset < 0n || offset > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`Cannot seek to ${offset} in ${partitionKey(partition)}`);
    }
    this.#seek([partition], Number(offset));
  }

  /** Goes on reading partitions, all by default, at the first record that is there when they are read next. */
  seekToBeginning(partitions: Iterable<TopicPartition> = this.assignment()): void {
    this.#seek(partitions, "earliest");
  }

  /** Goes on reading partitions, all by default, at the end that they have when they are read next. */
  seekToEnd(partitions: Iterable<TopicPartition> = this.assignment()): void {
    this.#seek(partitions, "latest");
  }

  /** Goes on reading partitions, all by default, at the first record from a time on, or at the end if there is none. */
  seekToTime(timestampMs: number, partitions: Iterable<TopicPartition> = this.assignment()): void {
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0) {
      throw new RangeError(`Cannot seek to the time ${timestampMs}`);
    }
    this.#seek(partitions, { timestampMs });
  }

  /** Returns nothing of these partitions until {@linkcode resume}. */
  pause(partitions: Iterable<TopicPartition>): void {
    for (const partition of partitions) this.#assignment.get(partition).isPaused = true;
  }

  /** Takes {@linkcode pause} back. */
  resume(partitions: Iterable<TopicPartition>): void {
    for (const partition of partitions) this.#assignment.get(partition).isPaused = false;
    this.#onNews();
  }

  /** The partitions that are paused. */
  paused(): TopicPartition[] {
    return [...this.#assignment.partitions].filter(({ isPaused }) => isPaused).map(plain);
  }

  /**
   * The next records: as many as are here, `maxPollRecords` at most. Waits for the first one, for ever unless there is a
   * timeout; none after it, and when the consumer is closed.
   *
   * @throws {KafkaError} what a broker says of a partition, OFFSET_OUT_OF_RANGE with `autoOffsetReset: "none"`,
   * CORRUPT_MESSAGE. The next call goes on with the other partitions, and tries this one again
   * @throws {TypeError} when another call is not done
   */
  async poll({ timeoutMs = Infinity }: PollOptions = {}): Promise<ConsumerRecord[]> {
    if (this.#isPolling) throw new TypeError("Cannot poll: another poll is not done");
    this.#isPolling = true;
    try {
      const { clock } = this.#settings.client.environment;
      const deadlineMs = clock.monotonicMs() + timeoutMs;
      while (!this.#isClosed) {
        this.#hasNews = false;
        const records = this.#fetcher.take(this.#settings.maxPollRecords);
        this.#positions.lookUp();
        this.#fetcher.fetch();
        if (records.length > 0) return records;
        const leftMs = deadlineMs - clock.monotonicMs();
        if (leftMs <= 0) break;
        await this.#news(leftMs);
      }
      return [];
    } finally {
      this.#isPolling = false;
    }
  }

  /** The records one by one, until the consumer is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ConsumerRecord, void, undefined> {
    while (!this.#isClosed) yield* await this.poll();
  }

  /**
   * Offset of the next record to be returned. Looks it up if it is not known yet.
   *
   * @throws {KafkaError} OFFSET_OUT_OF_RANGE with `autoOffsetReset: "none"`, REQUEST_TIMED_OUT after `defaultApiTimeoutMs`
   * @throws {TypeError} when it is not assigned
   */
  async position(target: TopicPartition): Promise<bigint> {
    const partition = this.#assignment.get(target);
    const { environment, defaultApiTimeoutMs } = this.#settings.client;
    const deadlineMs = environment.clock.monotonicMs() + defaultApiTimeoutMs;
    while (partition.position === null) {
      const leftMs = deadlineMs - environment.clock.monotonicMs();
      if (leftMs <= 0 || this.#isClosed) {
        throw timedOut(`Cannot find the position in ${partition.key}`);
      }
      await this.#positions.find([partition], leftMs);
    }
    return BigInt(partition.position.offset);
  }

  /** First offsets of partitions, assigned or not. Throws as {@linkcode offsetsForTimes}. */
  beginningOffsets(partitions: Iterable<TopicPartition>): Promise<FoundOffset[]> {
    return this.#offsets(partitions, "earliest");
  }

  /** Ends of partitions, assigned or not: with read_committed, as far as it can read. Throws as {@linkcode offsetsForTimes}. */
  endOffsets(partitions: Iterable<TopicPartition>): Promise<FoundOffset[]> {
    return this.#offsets(partitions, "latest");
  }

  /**
   * Offsets of the first records from a time on; -1n where there is none.
   *
   * @throws {KafkaError} what a broker says, or REQUEST_TIMED_OUT after `defaultApiTimeoutMs`
   */
  offsetsForTimes(
    questions: Iterable<TopicPartition & { readonly timestampMs: number }>,
  ): Promise<FoundOffset[]> {
    return listOffsets(
      this.#cluster,
      [...questions].map(({ timestampMs, ...target }) => ({ ...target, at: { timestampMs } })),
      this.#settings.isolationLevel,
    );
  }

  /** Ends the poll that waits, if any, and closes all connections. Idempotent. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#fetcher.close();
    this.#cluster.close();
    this.#onNews();
    return Promise.resolve();
  }

  /** {@linkcode close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #seek(partitions: Iterable<TopicPartition>, to: number | OffsetSpec): void {
    for (const partition of partitions) this.#assignment.get(partition).seek(to);
    this.#onNews();
  }

  #offsets(partitions: Iterable<TopicPartition>, at: OffsetSpec): Promise<FoundOffset[]> {
    const questions = [...partitions].map((target) => ({ ...target, at }));
    return listOffsets(this.#cluster, questions, this.#settings.isolationLevel);
  }

  #onNews(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Settles when something has happened since the last look, or after `timeoutMs`. */
  async #news(timeoutMs: number): Promise<void> {
    if (this.#hasNews) return;
    await new Promise<void>((resolve) => {
      const { timers } = this.#settings.client.environment;
      const timer = timeoutMs === Infinity ? null : timers.schedule(timeoutMs, resolve);
      this.#wake = () => {
        timer?.cancel();
        resolve();
      };
    });
    this.#wake = null;
  }
}

function plain({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
