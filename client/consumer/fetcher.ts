import type { Timer } from "../../environment/environment.ts";
import { ERROR_CODES, type ErrorName, errorName, KafkaError } from "../../protocol/errors.ts";
import type { FetchResponse } from "../../protocol/messages/01_fetch.ts";
import { FETCH } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { asError, errorFrom, isRetriable, needsMetadata } from "../errors.ts";
import { partitionKey } from "../topic_partition.ts";
import type { AssignedPartition, Assignment } from "./assignment.ts";
import type { Failures } from "./failures.ts";
import { FetchedPartition } from "./fetched_partition.ts";
import { requestOf } from "./fetch_request.ts";
import { FetchSession, type FetchTarget } from "./fetch_session.ts";
import type { ConsumerSettings } from "./options.ts";
import type { ConsumerRecord } from "./record.ts";

/** The last version that names topics; later ones have their ids only. */
const NAMED_VERSION_MAX = 12;

/** Errors that end a session, and nothing else. */
const SESSION_ERRORS: ReadonlySet<ErrorName> = new Set([
  "FETCH_SESSION_ID_NOT_FOUND",
  "INVALID_FETCH_SESSION_EPOCH",
  "FETCH_SESSION_TOPIC_ID_ERROR",
]);

/** What a fetcher works with. */
export interface FetcherParts {
  readonly settings: ConsumerSettings;
  readonly cluster: Cluster;
  readonly assignment: Assignment;
  /** Errors to be thrown, its own and others'. */
  readonly failures: Failures;
  /** Called when there is something to take, or an error to be thrown. */
  readonly onNews: () => void;
}

type PartitionAnswer = FetchResponse["responses"][number]["partitions"][number];

/** A partition that a request asks for, as it was then. */
interface Asked {
  readonly partition: AssignedPartition;
  readonly generation: number;
}

/** Fetches assigned partitions: one request at a time to each broker, and no more of a partition before that is read. */
export class Fetcher {
  readonly #parts: FetcherParts;
  readonly #sessions = new Map<number, FetchSession>();
  /** Nodes with a request on its way. */
  readonly #asking = new Set<number>();
  #fetched: FetchedPartition[] = [];
  /** Whether the last {@linkcode take} threw: now it is the records' turn. */
  #hasThrown = false;
  #timer: Timer | null = null;
  #closed = false;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /**
   * Takes records that are here, `max` at most, of one partition after another. Errors come first, but as long as there
   * are records no two of them in a row.
   *
   * @throws what a broker said of a partition, or the failure to decode what it sent; what is here of others stays
   */
  take(max: number): ConsumerRecord[] {
    if (!this.#hasThrown) this.#throwFailure();
    const records: ConsumerRecord[] = [];
    const left: FetchedPartition[] = [];
    for (const fetched of this.#fetched) {
      if (fetched.isVoid) continue;
      if (!fetched.partition.isPaused) this.#takeFrom(fetched, records, max - records.length);
      if (fetched.isEmpty) fetched.partition.isBusy = false;
      else left.push(fetched);
    }
    this.#fetched = left;
    if (records.length === 0) this.#throwFailure();
    else this.#hasThrown = false;
    return records;
  }

  /** Asks for what is not here yet. */
  fetch(): void {
    if (this.#closed) return;
    const { assignment, cluster, settings } = this.#parts;
    const nowMs = settings.client.environment.clock.monotonicMs();
    const byLeader = new Map<number, AssignedPartition[]>();
    let retryAtMs = Infinity;
    for (const partition of assignment.partitions) {
      if (partition.isPaused || partition.isBusy || partition.failure !== null) continue;
      if (partition.notBeforeMs > nowMs) retryAtMs = Math.min(retryAtMs, partition.notBeforeMs);
      if (partition.notBeforeMs > nowMs || partition.position === null) continue;
      const view = cluster.metadata.partition(partition.topic, partition.partition);
      if (view === null || view.leaderId < 0) {
        cluster.metadata.invalidate();
        continue;
      }
      const list = byLeader.get(view.leaderId);
      if (list) list.push(partition);
      else byLeader.set(view.leaderId, [partition]);
    }
    for (const [nodeId, partitions] of byLeader) {
      if (!this.#asking.has(nodeId)) this.#ask(nodeId, partitions);
    }
    this.#newsAt(retryAtMs);
  }

  /** Asks for nothing more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #takeFrom(fetched: FetchedPartition, records: ConsumerRecord[], max: number): void {
    fetched.take(records, max);
    const failure = fetched.takeFailure();
    if (failure !== null) this.#parts.failures.add([fetched.partition], failure);
  }

  #throwFailure(): void {
    const failure = this.#parts.failures.take();
    if (failure === null) return;
    this.#hasThrown = true;
    throw failure;
  }

  async #ask(nodeId: number, partitions: readonly AssignedPartition[]): Promise<void> {
    const { assignment, cluster, settings, onNews } = this.#parts;
    this.#asking.add(nodeId);
    const session = this.#sessionWith(nodeId);
    const asked = new Map<string, Asked>();
    try {
      const link = cluster.link(nodeId, "fetch");
      if (link === null) throw new KafkaError("LEADER_NOT_AVAILABLE", `No broker ${nodeId}`);
      const connection = await link.connect();
      // Meanwhile some may have been taken away.
      const wanted = partitions.filter((each) => assignment.includes(each) && isFetchable(each));
      const targets = wanted.map((partition) => {
        const target = this.#target(partition);
        asked.set(partition.key, { partition, generation: partition.generation });
        partition.isBusy = true;
        return target;
      });
      if (targets.length === 0) return;
      const step = session.next(targets);
      const answer = await connection.request(FETCH, requestOf(step, settings), {
        versionMax: step.byId ? undefined : NAMED_VERSION_MAX,
      });
      session.answered(answer);
      const error = errorFrom(answer.errorCode);
      if (error !== null) throw error;
      const names = new Map(targets.map(({ topicId, topic }) => [topicId, topic]));
      this.#receive(answer, names, asked);
    } catch (error) {
      this.#onFailure(session, partitions, error);
    } finally {
      this.#asking.delete(nodeId);
      this.#release(asked);
      onNews();
    }
  }

  /** What is still busy although nothing of it was fetched may be asked for again. */
  #release(asked: ReadonlyMap<string, Asked>): void {
    const held = new Set(this.#fetched.map(({ partition }) => partition));
    for (const { partition, generation } of asked.values()) {
      if (partition.generation === generation && !held.has(partition)) partition.isBusy = false;
    }
  }

  #onFailure(
    session: FetchSession,
    partitions: readonly AssignedPartition[],
    error: unknown,
  ): void {
    const { cluster, settings, failures } = this.#parts;
    if (error instanceof KafkaError && SESSION_ERRORS.has(error.kind)) return; // a full request follows
    session.failed();
    if (this.#closed) return;
    for (const partition of partitions) this.#pause(partition);
    if (!isRetriable(error)) return failures.add(partitions, asError(error));
    cluster.metadata.invalidate();
    settings.client.environment.log.write("debug", "Cannot fetch, trying again", { error });
  }

  #receive(
    answer: FetchResponse,
    names: ReadonlyMap<string | null, string>,
    asked: ReadonlyMap<string, Asked>,
  ): void {
    for (const { topic: name, topicId, partitions } of answer.responses) {
      const topic = name || names.get(topicId);
      if (topic === undefined) continue;
      for (const part of partitions) {
        const question = asked.get(partitionKey({ topic, partition: part.partitionIndex }));
        if (question === undefined) continue;
        const { partition, generation } = question;
        if (partition.generation !== generation) continue;
        this.#receivePartition(partition, part);
        if (part.currentLeader.leaderId < 0) continue;
        this.#parts.cluster.metadata.learn({
          topic,
          partition: part.partitionIndex,
          ...part.currentLeader,
          brokers: answer.nodeEndpoints,
        });
      }
    }
  }

  #receivePartition(partition: AssignedPartition, answer: PartitionAnswer): void {
    const kind = errorName(answer.errorCode);
    if (kind !== "NONE") return this.#onPartitionError(partition, kind);
    if (answer.divergingEpoch.endOffset >= 0n) return this.#onTruncation(partition, answer);
    const records = answer.records ?? [];
    if (!records.some(({ length }) => length > 0)) return;
    const { settings } = this.#parts;
    const fetched = new FetchedPartition(partition, {
      records,
      aborted: settings.isolationLevel === "read_committed"
        ? answer.abortedTransactions ?? []
        : null,
      checkCrcs: settings.checkCrcs,
    });
    if (!fetched.isEmpty) this.#fetched.push(fetched);
  }

  #onPartitionError(partition: AssignedPartition, kind: ErrorName): void {
    const { settings, cluster, failures } = this.#parts;
    const isLost = kind === "OFFSET_OUT_OF_RANGE";
    if (isLost && settings.autoOffsetReset !== null) return partition.seek("policy");
    this.#pause(partition);
    if (needsMetadata(kind)) cluster.metadata.invalidate();
    // The log is damaged there: asking again would not help, and hide it.
    if (
      kind !== "CORRUPT_MESSAGE" && (ERROR_CODES[kind].retriable || kind === "UNKNOWN_SERVER_ERROR")
    ) return;
    const doing = `fetch ${partition.key} from offset ${partition.position?.offset}`;
    const why = isLost ? "there is no such offset" : kind;
    failures.add([partition], new KafkaError(kind, `Cannot ${doing}: ${why}`));
  }

  /** The log was cut off before the position: another leader has taken over with less of it (KIP-320). */
  #onTruncation(partition: AssignedPartition, { divergingEpoch }: PartitionAnswer): void {
    const message =
      `Cannot go on with ${partition.key} from offset ${partition.position?.offset}: ` +
      `the log was cut off at ${divergingEpoch.endOffset}`;
    this.#parts.settings.client.environment.log.write("warn", message);
    partition.seek(Number(divergingEpoch.endOffset));
  }

  #pause(partition: AssignedPartition): void {
    const { environment, retryBackoffMs } = this.#parts.settings.client;
    partition.notBeforeMs = environment.clock.monotonicMs() + retryBackoffMs;
  }

  #target(partition: AssignedPartition): FetchTarget {
    const { metadata } = this.#parts.cluster;
    const { topic, key } = partition;
    const view = metadata.partition(topic, partition.partition);
    return {
      key,
      topic,
      partition: partition.partition,
      topicId: metadata.topic(topic)?.id ?? null,
      offset: partition.position!.offset,
      leaderEpoch: view?.leaderEpoch ?? -1,
      lastFetchedEpoch: partition.position!.epoch,
      maxBytes: this.#parts.settings.maxPartitionFetchBytes,
    };
  }

  #sessionWith(nodeId: number): FetchSession {
    let session = this.#sessions.get(nodeId);
    if (session === undefined) this.#sessions.set(nodeId, session = new FetchSession());
    return session;
  }

  #newsAt(atMs: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (atMs === Infinity) return;
    const { environment } = this.#parts.settings.client;
    this.#timer = environment.timers.schedule(
      Math.max(0, atMs - environment.clock.monotonicMs()),
      () => this.#parts.onNews(),
    );
  }
}

function isFetchable(partition: AssignedPartition): boolean {
  return !partition.isBusy && !partition.isPaused && partition.position !== null &&
    partition.failure === null;
}
