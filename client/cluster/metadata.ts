import type { Timer } from "../../environment/environment.ts";
import { sleep } from "../../environment/sleep.ts";
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import type { MetadataResponse } from "../../protocol/messages/03_metadata.ts";
import { backoffMs } from "../backoff.ts";
import { within } from "../deadline.ts";
import { asError, isRetriable, timedOut } from "../errors.ts";
import type { ClientSettings } from "../options.ts";
import {
  type ClusterView,
  EMPTY_VIEW,
  type LeaderHint,
  type PartitionView,
  type TopicView,
  viewAfter,
  viewAfterHint,
} from "./cluster_view.ts";

/** Asks some broker for the topics that are wanted at the moment when it is connected. */
export type AskMetadata = (topics: () => Iterable<string>) => Promise<MetadataResponse>;

/** Milliseconds after which a topic that nobody uses is not asked for any more: `metadata.max.idle.ms`. */
const TOPIC_IDLE_MS = 300_000;

/** Errors of a topic that time does not heal. */
const HOPELESS: ReadonlySet<ErrorName> = new Set([
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
]);

/** The client's picture of the cluster: kept fresh, refreshed once for all who need it at the same time. */
export class Metadata {
  view: ClusterView = EMPTY_VIEW;
  readonly #settings: ClientSettings;
  readonly #ask: AskMetadata;
  /** Topics to ask for, and when each was last used, by the monotonic clock. */
  readonly #topics = new Map<string, number>();
  readonly #onChange = new Set<() => void>();
  #refreshing: Promise<void> | null = null;
  #refreshedAtMs = -Infinity;
  /** Refreshes in a row that failed, or that told of no change although one was called for. */
  #futile = 0;
  #soon: Timer | null = null;
  /** Whether to ask once more after the question that is on its way. */
  #again = false;
  #closed = false;

  constructor(settings: ClientSettings, ask: AskMetadata) {
    this.#settings = settings;
    this.#ask = ask;
  }

  /** Calls `callback` after each change of the view. */
  onChange(callback: () => void): void {
    this.#onChange.add(callback);
  }

  /** What is known of a topic, without waiting. Asks for it, and again when the answer is old, in the background. */
  topic(name: string): TopicView | null {
    const nowMs = this.#settings.environment.clock.monotonicMs();
    const isNew = !this.#topics.has(name);
    this.#topics.set(name, nowMs);
    if (isNew || nowMs - this.#refreshedAtMs > this.#settings.metadataMaxAgeMs) this.invalidate();
    return this.view.topics.get(name) ?? null;
  }

  /** What is known of a partition, without waiting. */
  partition(topic: string, partition: number): PartitionView | null {
    return this.topic(topic)?.partitions[partition] ?? null;
  }

  /** Why a topic that was asked for is not known, if that is final; null otherwise. */
  refusal(name: string): KafkaError | null {
    const kind = this.view.errors.get(name);
    return kind !== undefined && HOPELESS.has(kind) ? new KafkaError(kind) : null;
  }

  /**
   * A topic, once it is known.
   *
   * @throws {KafkaError} INVALID_TOPIC_EXCEPTION or TOPIC_AUTHORIZATION_FAILED at once; after `timeoutMs` what the brokers
   * say, or REQUEST_TIMED_OUT if they say nothing
   */
  awaitTopic(name: string, timeoutMs: number): Promise<TopicView> {
    return this.awaitThat(`topic ${name}`, timeoutMs, () => {
      const topic = this.topic(name);
      if (topic !== null) return topic;
      const refusal = this.refusal(name);
      if (refusal !== null) throw refusal;
      return this.view.errors.get(name) ?? null;
    });
  }

  /**
   * Whatever `find` finds in the view, refreshing it until it does. `find` returns null, or the name of the reason, while
   * there is nothing.
   *
   * @throws what `find` throws; KafkaError with its last reason, or REQUEST_TIMED_OUT, after `timeoutMs`
   */
  async awaitThat<T extends object>(
    what: string,
    timeoutMs: number,
    find: () => T | ErrorName | null,
  ): Promise<T> {
    const { environment } = this.#settings;
    const deadlineMs = environment.clock.monotonicMs() + timeoutMs;
    let cause: Error | undefined;
    for (let attempt = 0;; attempt++) {
      const found = find();
      if (found !== null && typeof found !== "string") return found;
      const leftMs = deadlineMs - environment.clock.monotonicMs();
      if (leftMs <= 0) {
        const late = timedOut(`No metadata of ${what} within ${Math.round(timeoutMs)} ms`, cause);
        throw found === null ? late : new KafkaError(found, `${found}: ${late.message}`);
      }
      if (attempt > 0) await sleep(environment, Math.min(leftMs, this.#backoffMs(attempt)));
      try {
        const late = () => timedOut(`No metadata of ${what} within ${Math.round(timeoutMs)} ms`);
        await within(environment, leftMs, this.refresh(), late);
      } catch (error) {
        if (!isRetriable(error)) throw error;
        cause = error;
      }
    }
  }

  /** Asks the brokers now; joins a question that is on its way. */
  refresh(): Promise<void> {
    return this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
      if (!this.#again) return;
      this.#again = false;
      this.invalidate();
    });
  }

  /** Asks the brokers soon, in the background: something that was answered does not fit the view. */
  invalidate(): void {
    if (this.#soon !== null || this.#closed) return;
    if (this.#refreshing !== null) {
      this.#again = true; // what was asked may be older than the reason to ask
      return;
    }
    const { environment } = this.#settings;
    const nextAtMs = this.#refreshedAtMs + this.#backoffMs(this.#futile + 1);
    this.#soon = environment.timers.schedule(
      Math.max(0, nextAtMs - environment.clock.monotonicMs()),
      () => {
        this.#soon = null;
        this.refresh().catch((error) => {
          if (this.#closed) return;
          environment.log.write("debug", "Cannot refresh the metadata, trying again", { error });
          this.#soon = environment.timers.schedule(this.#backoffMs(this.#futile), () => {
            this.#soon = null;
            this.invalidate();
          });
        });
      },
    );
  }

  /** Takes in what an answer says of a partition's leader; asks all about it if that is not enough. */
  learn(hint: LeaderHint): void {
    const view = viewAfterHint(this.view, hint);
    if (view === null) this.invalidate();
    else if (view !== this.view) this.#change(view);
  }

  /** Forgets the brokers: the next question goes to the bootstrap servers (KIP-899, KIP-1102). */
  forgetBrokers(): void {
    this.view = { ...this.view, brokers: new Map() };
  }

  /** Stops what goes on in the background. */
  close(): void {
    this.#closed = true;
    this.#soon?.cancel();
    this.#soon = null;
  }

  async #refresh(): Promise<void> {
    const { environment } = this.#settings;
    this.#soon?.cancel();
    this.#soon = null;
    this.#dropIdleTopics();
    try {
      const answer = await this.#ask(() => this.#topics.keys());
      const before = this.view;
      const after = viewAfter(before, answer);
      this.#futile = after.errors.size > 0 ? this.#futile + 1 : 0;
      this.#change(after);
    } catch (error) {
      this.#futile++;
      throw asError(error);
    } finally {
      this.#refreshedAtMs = environment.clock.monotonicMs();
    }
  }

  #change(view: ClusterView): void {
    this.view = view;
    for (const callback of this.#onChange) callback();
  }

  #dropIdleTopics(): void {
    const sinceMs = this.#settings.environment.clock.monotonicMs() - TOPIC_IDLE_MS;
    for (const [name, usedMs] of this.#topics) if (usedMs < sinceMs) this.#topics.delete(name);
  }

  #backoffMs(failures: number): number {
    const { retryBackoffMs, retryBackoffMaxMs, environment } = this.#settings;
    const options = { firstMs: retryBackoffMs, maxMs: retryBackoffMaxMs };
    return backoffMs(options, failures, environment.random);
  }
}
