/**
 * Reads what a Fetch wants, and waits where there is too little.
 *
 * @module
 */
import type { MetadataImage, TopicImage } from "../../actors/controller/metadata_image.ts";
import type { Fetched, FetchWaiter, Isolation } from "../../actors/partition/messages.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { RequestContext } from "../api.ts";
import { outcomeError } from "../errors.ts";
import { ItemTurns } from "../item_turns.ts";
import { leaderOf, type PartitionPlace } from "../leader.ts";
import { authorize } from "../security/authorizer.ts";
import { checkPartition, lookedUp, topicNamed, topicOfId } from "../topics.ts";
import type { FetchedPartition, PartitionAnswer, WantedPartition } from "./partition.ts";

/** What a Fetch asks for as a whole. */
export interface FetchTerms {
  readonly isolation: Isolation;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

/** From this version on the leader is told beside errors about leaders. */
const LEADER_VERSION = 12;
/** From this version on topics are named by id. */
const TOPIC_ID_VERSION = 13;

/** A topic that was looked for: what was found, or why the client may not read it. */
interface FoundTopic {
  readonly metadata: MetadataImage;
  readonly topic: string;
  readonly topicId: string;
  readonly image: () => TopicImage;
}

/** Reads the partitions of one Fetch, in order, once or, after a wait, again. */
export class FetchReader {
  /** Bytes of records that the last reading found. */
  #bytes = 0;
  /** Records are sent however large their batch is: or the consumer would never get past it. */
  #minOneBatch = true;
  /** Something has to be told at once. */
  #urgent = false;
  /** The topic that was found last, and where. */
  #lastTopic: FoundTopic | null = null;

  constructor(
    private readonly wanted: readonly WantedPartition[],
    private readonly terms: FetchTerms,
    private readonly context: RequestContext,
  ) {}

  /** Reads until there is enough, something went wrong, or the client's patience is at its end. */
  async read(): Promise<readonly FetchedPartition[]> {
    const { clock } = this.context.broker.environment;
    const endMs = clock.monotonicMs() + this.terms.maxWaitMs;
    let fetched = await this.#readOnce();
    while (!this.#isEnough() && clock.monotonicMs() < endMs) {
      this.context.park();
      const limits = fetched.map(({ answer }) => this.#limitOf(answer));
      fetched = []; // a waiting request holds no records
      this.context.share.release();
      const isClosing = await this.#wait(limits, endMs - clock.monotonicMs());
      fetched = await this.#readOnce();
      if (isClosing) break;
    }
    return fetched;
  }

  #isEnough(): boolean {
    return this.#urgent || this.wanted.length === 0 || this.#bytes >= this.terms.minBytes;
  }

  async #readOnce(): Promise<FetchedPartition[]> {
    this.#bytes = 0;
    this.#urgent = false;
    const { responses, share } = this.context;
    // When memory is short a large batch has to wait until others have read their answers, or were let go.
    this.#minOneBatch = !responses.exhausted;
    const bytesMax = share.take(this.#bytesWanted());
    const fetched: FetchedPartition[] = [];
    const turns = new ItemTurns(this.context.broker.environment.timers);
    for (const wanted of this.wanted) {
      const turn = turns.next();
      if (turn) await turn;
      const reading = this.#readOne(wanted, bytesMax - this.#bytes);
      // Nearly always what is read is in memory, and mostly there is nothing new: a promise for each would cost more.
      const one = reading instanceof Promise ? await reading : reading;
      this.#bytes += one.bytes;
      if (this.#bytes > bytesMax) share.use(this.#bytes);
      this.#urgent ||= one.answer.errorCode !== 0 || one.answer.divergingEpoch !== undefined;
      fetched.push(one);
    }
    share.use(this.#bytes);
    return fetched;
  }

  /** The most that the client would take. */
  #bytesWanted(): number {
    let bytes = 0;
    for (const { maxBytes } of this.wanted) {
      bytes += Math.max(0, maxBytes);
      if (bytes >= this.terms.maxBytes) return this.terms.maxBytes;
    }
    return bytes;
  }

  #readOne(
    wanted: WantedPartition,
    bytesLeft: number,
  ): FetchedPartition | Promise<FetchedPartition> {
    let place: PartitionPlace | null = null;
    try {
      const { topicId, partition } = place = this.#find(wanted);
      const fetched = this.context.broker.partition(topicId, partition).askNow("fetch", {
        offset: wanted.offset,
        maxBytes: Math.max(0, Math.min(wanted.maxBytes, bytesLeft)),
        minOneBatch: this.#minOneBatch && this.#bytes === 0,
        isolation: this.terms.isolation,
        currentLeaderEpoch: wanted.currentLeaderEpoch,
        lastFetchedEpoch: wanted.lastFetchedEpoch,
      });
      if (!(fetched instanceof Promise)) return found(wanted, fetched);
      return fetched.then((fetched) => found(wanted, fetched))
        .catch((error) => this.#failure(wanted, place, error));
    } catch (error) {
      return this.#failure(wanted, place, error);
    }
  }

  /** @throws KafkaError when there is no such partition, or the client may not read it */
  #find({ topic, topicId, partition }: WantedPartition): PartitionPlace {
    const { id } = checkPartition(partition, this.#topic(topic, topicId));
    return { topicId: id, partition };
  }

  /** The partitions of a topic mostly stand together: it is looked for once, as long as the metadata is the same. */
  #topic(topic: string, topicId: string): TopicImage {
    const { apiVersion, broker } = this.context;
    const metadata = broker.metadata();
    const last = this.#lastTopic;
    if (last?.metadata === metadata && last.topic === topic && last.topicId === topicId) {
      return last.image();
    }
    const image = lookedUp(() => {
      const found = apiVersion >= TOPIC_ID_VERSION
        ? topicOfId(topicId, metadata)
        : topicNamed(topic, metadata);
      authorize(this.context, "Read", "Topic", found.name);
      return found;
    });
    this.#lastTopic = { metadata, topic, topicId, image };
    return image();
  }

  #failure(
    wanted: WantedPartition,
    place: PartitionPlace | null,
    error: unknown,
  ): FetchedPartition {
    const { code: errorCode } = outcomeError(error, "Fetch", this.context);
    const answer = {
      partitionIndex: wanted.partition,
      errorCode,
      highWatermark: -1n,
      lastStableOffset: -1n,
      logStartOffset: -1n,
      abortedTransactions: this.terms.isolation === "read_committed" ? [] : null,
      records: [],
      ...leaderOf(errorCode, place, this.context, LEADER_VERSION),
    };
    return { wanted, answer, bytes: 0 };
  }

  /** Up to where a consumer could have read when it was told this. */
  #limitOf({ highWatermark, lastStableOffset }: PartitionAnswer): number {
    const isCommitted = this.terms.isolation === "read_committed";
    return Number(isCommitted ? lastStableOffset : highWatermark);
  }

  /** Waits until enough could have come, or something else has changed; true when the connection is about to close. */
  #wait(limits: readonly number[], maxMs: number): Promise<boolean> {
    const { broker, peer } = this.context;
    return new Promise((resolve) => {
      const end = (isClosing: boolean) => {
        if (waiter.done) return;
        waiter.done = true;
        timer.cancel();
        stopListening();
        resolve(isClosing);
      };
      let missingBytes = this.terms.minBytes - this.#bytes;
      const waiter = {
        done: false,
        advanced: (bytes: number) => {
          missingBytes -= bytes;
          if (bytes === 0 || missingBytes <= 0) end(false);
        },
      };
      const timer = broker.environment.timers.schedule(maxMs, () => end(false));
      let stopListening = () => {};
      stopListening = peer.onClosing(() => end(true));
      this.#watch(waiter, limits);
    });
  }

  #watch(waiter: FetchWaiter, limits: readonly number[]): void {
    for (let at = 0; at < this.wanted.length && !waiter.done; at++) {
      const wanted = this.wanted[at];
      try {
        const { topicId, partition } = this.#find(wanted);
        this.context.broker.partition(topicId, partition).tell("watch", {
          waiter,
          offset: limits[at],
          isolation: this.terms.isolation,
        });
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        waiter.advanced(0); // the topic is gone: the client is told when it is read again
      }
    }
  }
}

function found(wanted: WantedPartition, fetched: Fetched): FetchedPartition {
  return { wanted, answer: shape(wanted.partition, fetched), bytes: fetched.bytes };
}

function shape(partitionIndex: number, fetched: Fetched): PartitionAnswer {
  const { divergingEpoch, abortedTransactions } = fetched;
  const answer = {
    partitionIndex,
    errorCode: 0,
    highWatermark: BigInt(fetched.highWatermark),
    lastStableOffset: BigInt(fetched.lastStableOffset),
    logStartOffset: BigInt(fetched.logStartOffset),
    abortedTransactions: abortedTransactions?.map(({ producerId, firstOffset }) => ({
      producerId,
      firstOffset: BigInt(firstOffset),
    })) ?? null,
    records: fetched.slices,
  };
  if (divergingEpoch === null) return answer;
  const { epoch, endOffset } = divergingEpoch;
  return { ...answer, divergingEpoch: { epoch, endOffset: BigInt(endOffset) } };
}
