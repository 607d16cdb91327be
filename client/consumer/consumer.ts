import { Cluster } from "../cluster/cluster.ts";
import { type FoundOffset, listOffsets, type OffsetSpec } from "../cluster/list_offsets.ts";
import { within } from "../deadline.ts";
import { timedOut } from "../errors.ts";
import { Fifo } from "../fifo.ts";
import { ConsumerGroup, type GroupMetadata } from "../group/consumer_group.ts";
import type { CommittedOffset, OffsetToCommit } from "../group/offsets.ts";
import type { RebalanceListener } from "../group/rebalance_listener.ts";
import { partitionKey, type TopicPartition } from "../topic_partition.ts";
import { Assignment, type Lookup } from "./assignment.ts";
import { Failures } from "./failures.ts";
import { Fetcher } from "./fetcher.ts";
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from "./options.ts";
import { Positions } from "./positions.ts";
import type { ConsumerRecord } from "./record.ts";

/** How one call of `poll` differs from others. */
export interface PollOptions {
  /** Milliseconds to wait when there is nothing. Default: for ever. */
  readonly timeoutMs?: number;
}

/** How a consumer is closed. */
export interface CloseOptions {
  /** Milliseconds for a last commit and the farewell to the group. Default 30 000. */
  readonly timeoutMs?: number;
}

const CLOSE_TIMEOUT_MS = 30_000;

/**
 * Reads records of partitions that are assigned to it by hand, or, with a `groupId`, that it shares with the other
 * consumers of its group.
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
 * ```ts
 * await using consumer = new Consumer({ environment, bootstrapServers: "127.0.0.1:9092", groupId: "packers" });
 * consumer.subscribe(["orders"]);
 * for await (const { offset, value } of consumer) console.log(offset, value);
 * ```
 *
 * While records are worked on, the next ones are fetched already. What a poll returned counts as worked on when the next
 * one begins: then it may be committed, and its partition may go to another member.
 */
export class Consumer implements AsyncDisposable {
  readonly #settings: ConsumerSettings;
  readonly #cluster: Cluster;
  readonly #assignment: Assignment;
  /** null = there is no `groupId`. */
  readonly #group: ConsumerGroup | null;
  readonly #fetcher: Fetcher;
  readonly #positions: Positions;
  #isPolling = false;
  #closing: Promise<void> | null = null;
  /** Polled for a loop, which has not come to them yet. */
  #ahead = new Fifo<ConsumerRecord>();
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
    this.#assignment = new Assignment(settings.group === null ? "policy" : "committed");
    const failures = new Failures(this.#assignment);
    const onNews = () => this.#onNews();
    const parts = {
      settings,
      cluster: this.#cluster,
      assignment: this.#assignment,
      failures,
      onNews,
    };
    this.#positions = new Positions(parts);
    this.#group = settings.group && new ConsumerGroup({
      ...parts,
      settings: settings.group,
      stable: settings.isolationLevel === "read_committed",
    });
    this.#fetcher = new Fetcher(parts);
    this.#cluster.metadata.onChange(onNews);
  }

  /**
   * Reads these partitions from now on, and no others. Those that stay keep their positions. With a `groupId` it begins
   * where the group has got to, but takes no part in how the group shares out partitions.
   *
   * @throws {TypeError} when it subscribes to topics
   */
  assign(partitions: Iterable<TopicPartition>): void {
    if (this.#group?.isSubscribed) {
      throw new TypeError("Cannot assign partitions: the consumer subscribes to topics");
    }
    this.#assignment.assign(partitions);
    this.#onNews();
  }

  /**
   * Shares the partitions of topics with the other members of its group: topics by name, or all whose names match and that
   * are not internal. It joins with the next {@linkcode poll}, and has to poll every `maxPollIntervalMs` to stay.
   *
   * @throws {TypeError} without a `groupId`, or when partitions were assigned by hand
   */
  subscribe(topics: Iterable<string> | RegExp, listener: RebalanceListener = {}): void {
    const group = this.#inGroup("subscribe");
    if (!group.isSubscribed && this.assignment().length > 0) {
      throw new TypeError("Cannot subscribe: partitions were assigned by hand");
    }
    group.subscribe(topics, listener);
    this.#onNews();
  }

  /** Gives up everything that it reads, and leaves the group if it is a member. Throws what the listener throws. */
  async unsubscribe(): Promise<void> {
    await this.#group?.leave("unsubscribed");
    this.#assignment.assign([]);
  }

  /** Joins the group again with the next {@linkcode poll}, e.g. because an assignor would decide otherwise now. */
  enforceRebalance(): void {
    this.#inGroup("rebalance").rejoin("the application asked for it");
    this.#onNews();
  }

  /**
   * Commits offsets, those of all that was polled by default; settles when the group has them. Commits follow each other
   * in the order of the calls.
   *
   * @throws {KafkaError} ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID: the partitions may be others' by now;
   * REBALANCE_IN_PROGRESS: the next poll has to come first; REQUEST_TIMED_OUT, or what else the broker says
   * @throws {TypeError} without a `groupId`
   */
  async commit(offsets?: Iterable<OffsetToCommit>): Promise<void> {
    const group = this.#inGroup("commit");
    await group.commit(offsets && [...offsets]);
  }

  /**
   * What the group has committed of partitions; those without a commit are left out.
   *
   * @throws {KafkaError} what the broker says, or REQUEST_TIMED_OUT
   * @throws {TypeError} without a `groupId`
   */
  async committed(partitions: Iterable<TopicPartition>): Promise<CommittedOffset[]> {
    const group = this.#inGroup("look up commits");
    return [...(await group.committed([...partitions])).values()];
  }

  /**
   * Offsets of all that was polled: what {@linkcode commit} commits by default, and what a producer that works it up sends
   * to its transaction.
   *
   * @throws {TypeError} without a `groupId`
   */
  offsetsToCommit(): OffsetToCommit[] {
    return this.#inGroup("tell offsets").offsets;
  }

  /**
   * Who it was in its group when it was assigned what it reads: with that a transaction commits offsets.
   *
   * @throws {TypeError} without a `groupId`
   */
  groupMetadata(): GroupMetadata {
    return this.#inGroup("tell the member").metadata;
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

  /**
   * Goes on reading partitions, all by default, where the group has got to: what was polled and not committed comes again,
   * after a transaction was aborted for example.
   *
   * @throws {TypeError} without a `groupId`, or when a partition is not assigned
   */
  seekToCommitted(partitions: Iterable<TopicPartition> = this.assignment()): void {
    this.#inGroup("seek to commits");
    this.#seek(partitions, "committed");
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
   * CORRUPT_MESSAGE: once, whatever others have to be returned; a seek before makes it void. The next call goes on with
   * the other partitions, and tries this one again
   * @throws {KafkaError} why it cannot be a member of its group: GROUP_AUTHORIZATION_FAILED, FENCED_INSTANCE_ID, …
   * @throws what the rebalance listener throws
   * @throws {TypeError} when another call is not done
   */
  async poll({ timeoutMs = Infinity }: PollOptions = {}): Promise<ConsumerRecord[]> {
    if (this.#isPolling) throw new TypeError("Cannot poll: another poll is not done");
    this.#isPolling = true;
    try {
      const { clock } = this.#settings.client.environment;
      const deadlineMs = clock.monotonicMs() + timeoutMs;
      while (this.#closing === null) {
        this.#hasNews = false;
        await this.#group?.advance();
        const records = this.#fetcher.take(this.#settings.maxPollRecords);
        this.#positions.lookUp();
        this.#fetcher.fetch();
        if (records.length > 0) return records;
        const leftMs = deadlineMs - clock.monotonicMs();
        if (leftMs <= 0) break;
        await this.#news(Math.min(leftMs, this.#group?.idleMs ?? Infinity));
      }
      return [];
    } finally {
      this.#isPolling = false;
    }
  }

  /** The records one by one, until the consumer is closed. Those that a loop leaves behind are read again. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ConsumerRecord, void, undefined> {
    while (this.#closing === null) {
      const ahead = new Fifo<ConsumerRecord>();
      for (const record of await this.poll()) ahead.push(record);
      this.#ahead = ahead;
      try {
        for (let record = ahead.shift(); record !== undefined; record = ahead.shift()) yield record;
      } finally {
        if (this.#ahead === ahead) this.#rewind();
      }
    }
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
      if (leftMs <= 0 || this.#closing !== null) {
        throw timedOut(`Cannot find the position in ${partition.key}`);
      }
      if (partition.lookup !== "committed") await this.#positions.find(partition, leftMs);
      else await this.#group?.findPositions([partition], leftMs);
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

  /**
   * Ends the poll that waits, if any, commits what was polled if it commits by itself, leaves the group, and closes all
   * connections. A static member stays in the group until its session times out. Idempotent.
   *
   * @throws what the rebalance listener throws
   */
  close({ timeoutMs = CLOSE_TIMEOUT_MS }: CloseOptions = {}): Promise<void> {
    return this.#closing ??= this.#close(timeoutMs);
  }

  /** {@linkcode close} */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    await Promise.resolve(); // so that it counts as closed from here on
    this.#onNews();
    this.#fetcher.close();
    this.#rewind();
    const { environment } = this.#settings.client;
    const late = () => timedOut(`Not done with the group within ${timeoutMs} ms`);
    try {
      if (this.#group !== null) {
        await within(environment, timeoutMs, this.#group.leave("closed"), late);
      }
    } finally {
      this.#cluster.close();
    }
  }

  /** Puts positions back before what no loop has come to: it does not count as worked on. */
  #rewind(): void {
    const partitions = new Map(
      [...this.#assignment.partitions].map((partition) => [partition.key, partition]),
    );
    for (const record of this.#ahead.drain()) {
      const key = partitionKey(record);
      partitions.get(key)?.seek(Number(record.offset));
      partitions.delete(key);
    }
  }

  #inGroup(doing: string): ConsumerGroup {
    if (this.#group !== null) return this.#group;
    throw new TypeError(`Cannot ${doing}: the consumer has no groupId`);
  }

  #seek(partitions: Iterable<TopicPartition>, to: number | Lookup): void {
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
