import { ERROR_CODES } from "../../protocol/errors.ts";
import type { FetchResponse } from "../../protocol/messages/01_fetch.ts";
import type { TopicPartition } from "../topic_partition.ts";

/** One partition as it is to be fetched. */
export interface FetchTarget extends TopicPartition {
  /** Its {@linkcode partitionKey}. */
  readonly key: string;
  /** null = the broker does not know topic ids. */
  readonly topicId: string | null;
  readonly offset: number;
  /** Epoch of the leader that is asked; -1 = unknown. */
  readonly leaderEpoch: number;
  /** Epoch of the last record read; -1 = unknown. */
  readonly lastFetchedEpoch: number;
  readonly maxBytes: number;
}

/** What is to be said in the next request of a session. */
export interface SessionStep {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  /** Partitions that are new to the broker or have changed; all of them in a full request. */
  readonly targets: readonly FetchTarget[];
  /** Partitions that are not to be fetched any more. */
  readonly forgotten: readonly FetchTarget[];
  /** Whether partitions go by topic id. */
  readonly byId: boolean;
}

const NO_SESSION = 0;
/** Of a request that lists all partitions and opens a session. */
const INITIAL_EPOCH = 0;
const EPOCH_MAX = 0x7fff_ffff;

/**
 * The client's half of a fetch session with one broker (KIP-227): the broker remembers the partitions, and requests hold
 * only what has changed. A broker may decline; then every request is a full one.
 */
export class FetchSession {
  #sessionId = NO_SESSION;
  #epoch = INITIAL_EPOCH;
  #byId = false;
  /** What the broker knows. */
  #known = new Map<string, FetchTarget>();

  /** The next request, after which the broker knows `wanted`. */
  next(wanted: readonly FetchTarget[]): SessionStep {
    const byId = wanted.every(({ topicId }) => topicId !== null);
    if (byId !== this.#byId) this.#begin(this.#sessionId); // a session does not mix names and ids
    this.#byId = byId;
    const before = this.#known;
    this.#known = new Map();
    for (const target of wanted) this.#known.set(target.key, target);
    const isFull = this.#epoch === INITIAL_EPOCH;
    const isNews = (target: FetchTarget) => !isSame(before.get(target.key), target);
    // A topic that was made anew under its name is another one to the broker.
    const isGone = (target: FetchTarget) => this.#known.get(target.key)?.topicId !== target.topicId;
    return {
      sessionId: this.#sessionId,
      sessionEpoch: this.#epoch,
      targets: isFull ? wanted : wanted.filter(isNews),
      forgotten: isFull ? [] : [...before.values()].filter(isGone),
      byId,
    };
  }

  /** Takes in the answer's session; the partitions in it are the caller's. */
  answered({ errorCode, sessionId }: Pick<FetchResponse, "errorCode" | "sessionId">): void {
    if (errorCode === ERROR_CODES.FETCH_SESSION_ID_NOT_FOUND.code) this.#begin(NO_SESSION);
    else if (errorCode !== ERROR_CODES.NONE.code) this.failed();
    else if (this.#epoch === INITIAL_EPOCH) {
      if (sessionId === NO_SESSION) this.#begin(NO_SESSION);
      else {
        this.#sessionId = sessionId;
        this.#epoch = 1;
      }
    } else this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1;
  }

  /** There was no answer, or one that the session does not survive: the next request is a full one. */
  failed(): void {
    this.#begin(this.#sessionId);
  }

  /** A full request that names the old session closes it. */
  #begin(sessionId: number): void {
    this.#sessionId = sessionId;
    this.#epoch = INITIAL_EPOCH;
    this.#known = new Map();
  }
}

function isSame(a: FetchTarget | undefined, b: FetchTarget): boolean {
  return a !== undefined && a.topicId === b.topicId && a.offset === b.offset &&
    a.leaderEpoch === b.leaderEpoch && a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.maxBytes === b.maxBytes;
}
