/**
 * Incremental fetch sessions (KIP-227): the broker remembers what a consumer fetches, so that a request names only what
 * has changed, and an answer only what is new. (Kafka: `FetchManager`, `FetchSession`.)
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { FetchRequest } from "../../protocol/messages/01_fetch.ts";
import type { FetchedPartition, WantedPartition } from "./partition.ts";

/** Epoch of a request that opens a session. */
const INITIAL_EPOCH = 0;
/** Epoch of a request that wants none, or closes the one it names. */
const FINAL_EPOCH = -1;
/** The session id of an answer without a session. */
const NO_SESSION = 0;
const INT32_MAX = 0x7fff_ffff;
/** A session is kept from being pushed out by another for so long after its last use (Kafka's minimum). */
const EVICTION_MS = 120_000;
/**
 * Partitions that all sessions together remember: each takes some 270 bytes, and one request can name a million, so the
 * number of sessions alone bounds nothing. A thousand consumers of 500 partitions fit.
 */
export const SESSION_PARTITIONS_MAX = 500_000;
/** From this version on topics are named by id. */
const TOPIC_ID_VERSION = 13;

/** What a Fetch request is to do, once its session is known. */
export interface FetchScope {
  /** In the order in which they are to be read: the ones that were not served lately come first. */
  readonly partitions: readonly WantedPartition[];
  /** What of the outcome is told, and the session's id. */
  conclude(fetched: readonly FetchedPartition[]): Conclusion;
}

/** What of a Fetch is told. */
export interface Conclusion {
  readonly sessionId: number;
  readonly told: readonly FetchedPartition[];
}

/** The request, in so far as it is about sessions. */
export type SessionRequest = Pick<
  FetchRequest,
  "sessionId" | "sessionEpoch" | "topics" | "forgottenTopicsData"
>;

/** The sessions of one server. */
export class FetchSessions {
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>();
  /** Of all sessions together. */
  #partitionCount = 0;

  constructor(
    private readonly slots: number,
    private readonly environment: Pick<Environment, "clock" | "random">,
    private readonly partitionsMax = SESSION_PARTITIONS_MAX,
  ) {}

  /** Sessions that are remembered. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Partitions that are remembered, of all sessions together. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  /**
   * What a request is to fetch; an incremental one moves its session on.
   *
   * @throws KafkaError FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR
   */
  open(request: SessionRequest, apiVersion: number): FetchScope {
    const usesTopicIds = apiVersion >= TOPIC_ID_VERSION;
    const { sessionId, sessionEpoch } = request;
    if (sessionEpoch !== INITIAL_EPOCH && sessionEpoch !== FINAL_EPOCH) {
      return this.#continue(request, usesTopicIds);
    }
    this.#forget(this.#sessions.get(sessionId));
    const wanted = wantedPartitions(request);
    return {
      partitions: [...wanted.values()],
      conclude: (fetched) => ({
        sessionId: sessionEpoch === INITIAL_EPOCH
          ? this.#begin(wanted, fetched, usesTopicIds)
          : NO_SESSION,
        told: fetched,
      }),
    };
  }

  #continue(request: SessionRequest, usesTopicIds: boolean): FetchScope {
    const session = this.#sessions.get(request.sessionId);
    if (session === undefined) throw new KafkaError("FETCH_SESSION_ID_NOT_FOUND");
    if (session.epoch !== request.sessionEpoch) throw new KafkaError("INVALID_FETCH_SESSION_EPOCH");
    if (session.usesTopicIds !== usesTopicIds) throw new KafkaError("FETCH_SESSION_TOPIC_ID_ERROR");
    this.#forget(session);
    session.change(request);
    const { size } = session.partitions;
    if (size === 0) {
      return { partitions: [], conclude: (told) => ({ sessionId: NO_SESSION, told }) };
    }
    const nowMs = this.environment.clock.monotonicMs();
    // The consumer asks in full after this, and is answered without a session then.
    if (!this.#hasRoomFor(size, nowMs)) throw new KafkaError("FETCH_SESSION_ID_NOT_FOUND");
    session.epoch = epochAfter(session.epoch);
    session.lastUsedMs = nowMs;
    this.#remember(session);
    const asked = [...session.partitions.values()];
    return {
      partitions: asked.map(({ wanted }) => wanted),
      conclude: (fetched) => ({
        sessionId: session.id,
        told: fetched.filter((partition, at) => session.tell(asked[at], partition)),
      }),
    };
  }

  /** Makes a session if there is room for one. */
  #begin(
    wanted: ReadonlyMap<string, WantedPartition>,
    fetched: readonly FetchedPartition[],
    usesTopicIds: boolean,
  ): number {
    const nowMs = this.environment.clock.monotonicMs();
    if (wanted.size === 0 || !this.#hasRoomFor(wanted.size, nowMs)) return NO_SESSION;
    if (!this.#hasSlotFor(wanted.size, nowMs)) return NO_SESSION;
    const session = new FetchSession(this.#newId(), usesTopicIds, nowMs, wanted);
    const asked = [...session.partitions.values()];
    for (const [at, partition] of fetched.entries()) session.tell(asked[at], partition);
    this.#remember(session);
    return session.id;
  }

  #remember(session: FetchSession): void {
    this.#sessions.set(session.id, session);
    this.#partitionCount += session.partitions.size;
  }

  #forget(session: FetchSession | undefined): void {
    if (session === undefined || !this.#sessions.delete(session.id)) return;
    this.#partitionCount -= session.partitions.size;
  }

  /** Whether so many more partitions can be remembered. Sessions that were not used for long have to go for them. */
  #hasRoomFor(partitionCount: number, nowMs: number): boolean {
    if (partitionCount > this.partitionsMax) return false;
    for (const session of this.#sessions.values()) {
      if (this.#partitionCount + partitionCount <= this.partitionsMax) break;
      if (nowMs - session.lastUsedMs <= EVICTION_MS) return false;
      this.#forget(session);
    }
    return true;
  }

  /** Kafka's rule: one that was not used for long has to go, or else the smallest of the old ones that is smaller. */
  #hasSlotFor(partitionCount: number, nowMs: number): boolean {
    if (this.#sessions.size < this.slots) return true;
    let victim: FetchSession | null = null;
    for (const session of this.#sessions.values()) {
      if (nowMs - session.lastUsedMs > EVICTION_MS) {
        victim = session;
        break;
      }
      const sizeMax = victim?.partitions.size ?? partitionCount;
      if (nowMs - session.createdMs > EVICTION_MS && session.partitions.size < sizeMax) {
        victim = session;
      }
    }
    if (victim === null) return false;
    this.#forget(victim);
    return true;
  }

  #newId(): number {
    while (true) {
      const bytes = this.environment.random.bytes(4);
      const id = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0) & INT32_MAX;
      if (id !== NO_SESSION && !this.#sessions.has(id)) return id;
    }
  }
}

/** The epoch of the request that follows one of `epoch`: they never become those of full requests again. */
export function epochAfter(epoch: number): number {
  return epoch === INT32_MAX ? 1 : epoch + 1;
}

/** A partition of a session, and what the consumer was told of it last. */
interface SessionPartition {
  readonly key: string;
  wanted: WantedPartition;
  highWatermark: bigint;
  logStartOffset: bigint;
}

/** What one consumer fetches from this broker. */
class FetchSession {
  /** The epoch that the next request must have. */
  epoch = epochAfter(INITIAL_EPOCH);
  lastUsedMs: number;
  /** The partitions that had records last are last. */
  readonly partitions = new Map<string, SessionPartition>();

  constructor(
    readonly id: number,
    readonly usesTopicIds: boolean,
    readonly createdMs: number,
    wanted: ReadonlyMap<string, WantedPartition>,
  ) {
    this.lastUsedMs = createdMs;
    for (const [key, partition] of wanted) this.#want(key, partition);
  }

  /** Takes over what a request adds, changes and drops. */
  change(request: SessionRequest): void {
    for (const [key, wanted] of wantedPartitions(request)) {
      const known = this.partitions.get(key);
      if (known) known.wanted = wanted;
      else this.#want(key, wanted);
    }
    for (const topic of request.forgottenTopicsData) {
      const prefix = keyPrefixOf(topic);
      for (const partition of topic.partitions) this.partitions.delete(prefix + partition);
    }
  }

  /** Notes what was fetched of a partition, and answers whether it is worth telling. */
  tell(known: SessionPartition, { answer, bytes }: FetchedPartition): boolean {
    const failed = answer.errorCode !== 0;
    const isNews = bytes > 0 || failed || answer.divergingEpoch !== undefined ||
      answer.highWatermark !== known.highWatermark ||
      answer.logStartOffset !== known.logStartOffset;
    // After an error the partition is told of again as soon as it has passed.
    known.highWatermark = failed ? -1n : answer.highWatermark;
    known.logStartOffset = answer.logStartOffset;
    // Unless another request has dropped it meanwhile.
    if (bytes > 0 && this.partitions.get(known.key) === known) {
      this.partitions.delete(known.key);
      this.partitions.set(known.key, known);
    }
    return isNews;
  }

  #want(key: string, wanted: WantedPartition): void {
    this.partitions.set(key, { key, wanted, highWatermark: -1n, logStartOffset: -1n });
  }
}

/**
 * What the number of a partition is put behind, to tell it from all others. A topic has an id or a name, never both: the
 * other one is empty.
 */
function keyPrefixOf({ topic, topicId }: { readonly topic: string; readonly topicId: string }) {
  return `${topicId}/${topic}/`;
}

/** The partitions that a request names; of one that is named twice, the last counts, as in Kafka. */
function wantedPartitions({ topics }: SessionRequest): Map<string, WantedPartition> {
  const wanted = new Map<string, WantedPartition>();
  for (const { topic, topicId, partitions } of topics) {
    const prefix = keyPrefixOf({ topic, topicId });
    for (const each of partitions) {
      wanted.set(prefix + each.partition, {
        topic,
        topicId,
        partition: each.partition,
        offset: Number(each.fetchOffset),
        currentLeaderEpoch: each.currentLeaderEpoch,
        lastFetchedEpoch: each.lastFetchedEpoch,
        maxBytes: each.partitionMaxBytes,
      });
    }
  }
  return wanted;
}
