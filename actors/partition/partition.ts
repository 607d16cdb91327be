/**
 * The partition actor: the only writer of one log.
 *
 * An append decides offsets at once, against everything decided before it, and is answered when its commit is durable;
 * the mailbox is free meanwhile, so that the next batch joins the same commit. Reads never hold the mailbox either.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import type { TopicConfig } from "../../config/topic_config.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type BatchHeader,
  isTransactional,
  readBatchHeader,
} from "../../protocol/records/batch_header.ts";
import { controlBatch } from "../../protocol/records/control.ts";
import { type ProduceRules, validateProduced } from "../../protocol/records/validate.ts";
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import { type Behavior, PARKED, type Self } from "../core/message.ts";
import { FetchWaiters } from "./fetch_waiters.ts";
import { checkLeaderEpoch, endOfEpoch, UNDEFINED_EPOCH_END } from "./leader_epochs.ts";
import { type Fetched, HIGH_WATERMARK, type Isolation, type PartitionMessage } from "./messages.ts";
import { lookUpOffset } from "./list_offset.ts";
import { produceRules } from "./produce_rules.ts";
import { PartitionTransactions } from "./transactions.ts";

/** What a partition actor is made of. */
export interface PartitionParts {
  /** For messages: `orders-3`. */
  readonly name: string;
  readonly environment: Environment;
  readonly log: PartitionLog;
  readonly config: TopicConfig;
  /** `producer.id.expiration.ms`: how long the state of a silent producer is kept. */
  readonly producerIdExpirationMs: number;
  /** `producer.id.expiration.check.interval.ms`. */
  readonly producerIdExpirationCheckIntervalMs: number;
}

/**
 * After a refusal, for so long, a producer that is not known must begin with its first batch: longer than clients keep a
 * batch (`delivery.timeout.ms` is 2 minutes by default).
 */
const WARY_MS = 5 * 60_000;

/** One partition of a topic: the only writer of its log. */
export function partition(self: Self, parts: PartitionParts): Behavior<PartitionMessage> {
  const { name, environment, log } = parts;
  const waiting = new FetchWaiters();
  const transactions = new PartitionTransactions(name, log);
  /** With the version of the last request: nearly always that of the next one. */
  let { config } = parts;
  let rules: ProduceRules = { ...produceRules(config), requestVersion: 0 };
  let expiredAtMs = environment.clock.now();
  /** Monotonic. An earlier life of this actor may have refused somebody. */
  let waryUntilMs = self.life > 1 ? environment.clock.monotonicMs() + WARY_MS : -Infinity;

  const limitOf = (isolation: Isolation) =>
    isolation === "read_committed" ? log.lastStableOffset : log.highWatermark;

  /** Wakes whoever waits for what `lastOffset` ends; what a transaction still holds back is not told of. */
  function advance(lastOffset: number, bytes: number): void {
    waiting.advanced(bytes, "read_uncommitted");
    if (lastOffset < log.lastStableOffset) waiting.advanced(bytes, "read_committed");
  }

  /**
   * Kafka takes any sequence from a producer that it does not know: what it knew may have expired. But a producer has
   * several batches under way, and when its very first was refused a moment ago (by a full disk, say) the second must not
   * be taken before it.
   */
  function requireFirstBatch({ producerId, baseSequence }: BatchHeader): void {
    if (baseSequence <= 0 || log.producers.has(producerId)) return;
    if (environment.clock.monotonicMs() >= waryUntilMs) return;
    throw new KafkaError(
      "OUT_OF_ORDER_SEQUENCE_NUMBER",
      `${name} knows no producer ${producerId}, which may not begin with sequence ${baseSequence} now`,
    );
  }

  /** To be called when a batch is refused that its producer may send again. */
  function beWary(): void {
    waryUntilMs = environment.clock.monotonicMs() + WARY_MS;
  }

  function expireProducers(nowMs: number): void {
    if (nowMs - expiredAtMs < parts.producerIdExpirationCheckIntervalMs) return;
    expiredAtMs = nowMs;
    log.producers.expire(nowMs - parts.producerIdExpirationMs);
  }

  /** Gives a batch its offsets; `stored` is called when it is durable. */
  function store(
    bytes: Uint8Array,
    header: BatchHeader,
    stored: (baseOffset: number) => void,
    call: { fail(error: Error): void },
  ): void {
    try {
      const baseOffset = log.append(bytes, header, (outcome) => {
        if (outcome.kind === "failed") beWary();
        self.enqueue(() => {
          if (outcome.kind === "failed") call.fail(storageError(name, outcome.error));
          else stored(baseOffset);
        });
      });
    } catch (error) {
      beWary();
      throw error;
    }
  }

  return {
    append({ records, requestVersion, guard, origin }, context) {
      const nowMs = environment.clock.now();
      expireProducers(nowMs);
      if (rules.requestVersion !== requestVersion) rules = { ...rules, requestVersion };
      const { bytes, header, logAppendTimeMs } = validateProduced(
        records,
        origin === "coordinator" ? { ...rules, origin } : rules,
        nowMs,
      );
      const appended = (baseOffset: number) => ({
        baseOffset,
        logAppendTimeMs,
        logStartOffset: log.logStartOffset,
      });
      const stored = (baseOffset: number) => {
        context.reply(appended(baseOffset));
        advance(baseOffset + header.lastOffsetDelta, header.sizeBytes);
      };
      if (origin === "coordinator") {
        store(bytes, header, stored, context);
        return PARKED;
      }

      const verdict = log.producers.check(header);
      if (verdict.kind === "duplicate") {
        if (verdict.baseOffset < log.highWatermark) return appended(verdict.baseOffset);
        log.whenCommitted(verdict.baseOffset, (outcome) => {
          self.enqueue(() => {
            if (outcome.kind === "committed") context.reply(appended(verdict.baseOffset));
            else context.fail(storageError(name, outcome.error));
          });
        });
        return PARKED;
      }
      if (isTransactional(header)) transactions.check(header, guard, requestVersion);
      requireFirstBatch(header);
      store(bytes, header, stored, context);
      return PARKED;
    },

    guard: ({ producerId, producerEpoch }) => transactions.guard(producerId, producerEpoch),

    checkMarker: (marker) => transactions.checkEnd(marker),

    writeMarker(marker, context) {
      const { producerId, epoch, commit, coordinatorEpoch } = marker;
      const timestampMs = environment.clock.now();
      transactions.end(marker);
      const bytes = controlBatch({
        result: commit ? "commit" : "abort",
        producerId,
        producerEpoch: epoch,
        coordinatorEpoch,
        timestampMs,
      });
      store(bytes, readBatchHeader(bytes), () => {
        context.reply();
        waiting.advanced(bytes.length, "read_uncommitted");
        // How much was held back nobody counts: whoever waits looks again.
        waiting.advanced(0, "read_committed");
      }, context);
      return PARKED;
    },

    fetch(
      { offset, maxBytes, minOneBatch, isolation, currentLeaderEpoch, lastFetchedEpoch },
      context,
    ) {
      checkLeaderEpoch(currentLeaderEpoch, log.leaderEpoch, name);
      const { highWatermark, lastStableOffset, logStartOffset } = log;
      // Most fetches find nothing new: they have to be cheap.
      const nothing = (divergingEpoch: Fetched["divergingEpoch"]): Fetched => ({
        highWatermark,
        lastStableOffset,
        logStartOffset,
        slices: [],
        bytes: 0,
        abortedTransactions: isolation === "read_committed" ? [] : null,
        divergingEpoch,
      });

      const divergingEpoch = lastFetchedEpoch < 0
        ? null
        : divergence(log, offset, lastFetchedEpoch);
      if (divergingEpoch) return nothing(divergingEpoch);
      if (offset < logStartOffset || offset > highWatermark) {
        throw new KafkaError(
          "OFFSET_OUT_OF_RANGE",
          `${name} holds offsets ${logStartOffset} to ${highWatermark}, not ${offset}`,
        );
      }
      const beforeOffset = limitOf(isolation);
      if (offset >= beforeOffset || maxBytes <= 0 && !minOneBatch) {
        return nothing(null);
      }
      const watermarks = { highWatermark, lastStableOffset, logStartOffset };
      const read = log.read({ offset, beforeOffset, maxBytes, minOneBatch });
      if (!(read instanceof Promise) && isolation === "read_uncommitted") {
        return {
          ...watermarks,
          slices: read.slices,
          bytes: read.bytes,
          abortedTransactions: null,
          divergingEpoch,
        };
      }
      Promise.resolve(read).then(async ({ slices, bytes, nextOffset }) => {
        const abortedTransactions = isolation === "read_committed"
          ? await log.abortedTransactions(offset, nextOffset)
          : null;
        context.reply({ ...watermarks, slices, bytes, abortedTransactions, divergingEpoch });
      }).catch((error) => context.fail(storageError(name, error)));
      return PARKED;
    },

    watch({ waiter, offset, isolation }) {
      waiting.add(waiter, isolation);
      if (limitOf(isolation) > offset) waiter.advanced(0);
    },

    listOffset({ timestamp, isolation, currentLeaderEpoch }, context) {
      checkLeaderEpoch(currentLeaderEpoch, log.leaderEpoch, name);
      lookUpOffset(log, timestamp, limitOf(isolation ?? "read_uncommitted"))
        .then((found) => context.reply(found), (error) => context.fail(storageError(name, error)));
      return PARKED;
    },

    epochEnd({ leaderEpoch, currentLeaderEpoch }) {
      checkLeaderEpoch(currentLeaderEpoch, log.leaderEpoch, name);
      return endOfEpoch(log.epochs, leaderEpoch, log.highWatermark);
    },

    describeProducers() {
      expireProducers(environment.clock.now());
      return log.producers.describe();
    },

    describe() {
      const { logStartOffset, highWatermark, lastStableOffset, leaderEpoch, sizeBytes, epochs } =
        log;
      return { logStartOffset, highWatermark, lastStableOffset, leaderEpoch, sizeBytes, epochs };
    },

    deleteRecords({ beforeOffset }, context) {
      const { cleanupPolicy } = config;
      if (cleanupPolicy.has("compact") && !cleanupPolicy.has("delete")) {
        throw new KafkaError(
          "POLICY_VIOLATION",
          `Records of ${name} cannot be deleted: its cleanup.policy is "compact" without "delete"`,
        );
      }
      const offset = beforeOffset === HIGH_WATERMARK ? log.highWatermark : beforeOffset;
      if (offset < 0 || offset > log.highWatermark) {
        throw new KafkaError(
          "OFFSET_OUT_OF_RANGE",
          `${name} ends at ${log.highWatermark}, so nothing can be deleted before ${offset}`,
        );
      }
      log.advanceLogStart(offset).then(
        () => context.reply({ logStartOffset: log.logStartOffset }),
        (error) => context.fail(storageError(name, error)),
      );
      return PARKED;
    },

    configure(change) {
      config = change.config;
      rules = { ...produceRules(config), requestVersion: rules.requestVersion };
    },

    retire() {
      waiting.disperse();
    },
  };
}

/** KIP-595: where the log of a fetcher and this one part, if they do. */
function divergence(
  log: PartitionLog,
  offset: number,
  lastFetchedEpoch: number,
): { readonly epoch: number; readonly endOffset: number } | null {
  const end = endOfEpoch(log.epochs, lastFetchedEpoch, log.highWatermark);
  if (end === UNDEFINED_EPOCH_END) {
    throw new KafkaError("OFFSET_OUT_OF_RANGE", `Leader epoch ${lastFetchedEpoch} is unknown here`);
  }
  if (end.leaderEpoch === lastFetchedEpoch && end.endOffset >= offset) return null;
  return { epoch: end.leaderEpoch, endOffset: end.endOffset };
}

function storageError(name: string, error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new KafkaError("KAFKA_STORAGE_ERROR", `${name}: ${reason}`, { cause: error });
}
