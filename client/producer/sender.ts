import type { Timer } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { INIT_PRODUCER_ID, PRODUCE } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { VersionsWanted } from "../connection/broker_versions.ts";
import type { Connection } from "../connection/connection.ts";
import { asError, throwIfError } from "../errors.ts";
import type { Accumulator, Appended, PartitionQueue } from "./accumulator.ts";
import type { ProducerBatch } from "./batch.ts";
import type { BufferMemory } from "./buffer_memory.ts";
import type { ProducerSettings } from "./options.ts";
import { type BatchOutcome, ProduceCall } from "./produce_call.ts";
import { Settlement } from "./settlement.ts";
import type { Sequences } from "./sequences.ts";
import type { Transactions } from "./transactions.ts";

/** What a sender works with. */
export interface SenderParts {
  readonly settings: ProducerSettings;
  readonly cluster: Cluster;
  readonly accumulator: Accumulator;
  readonly memory: BufferMemory;
  /** null = not idempotent. */
  readonly sequences: Sequences | null;
  /** null = no transactions. */
  readonly transactions: Transactions | null;
}

/** Sends what the accumulator gathers: to each broker one request after another, a few in flight, one batch per partition. */
export class Sender {
  readonly #settings: ProducerSettings;
  readonly #cluster: Cluster;
  readonly #accumulator: Accumulator;
  readonly #memory: BufferMemory;
  readonly #sequences: Sequences | null;
  readonly #transactions: Transactions | null;
  readonly #settlement: Settlement;
  /** Requests without an answer, by node. */
  readonly #inFlight = new Map<number, number>();
  #identifying = false;
  #willRun = false;
  #timer: Timer | null = null;
  #timerAtMs = Infinity;
  #closed = false;

  constructor(parts: SenderParts) {
    const { settings, cluster, accumulator, memory, sequences, transactions } = parts;
    this.#settings = settings;
    this.#cluster = cluster;
    this.#accumulator = accumulator;
    this.#memory = memory;
    this.#sequences = sequences;
    this.#transactions = transactions;
    this.#settlement = new Settlement({ ...parts, metadata: cluster.metadata });
    cluster.metadata.onChange(() => this.wake());
  }

  /** Sends what is ready, once the code that runs now is done: so what it adds goes along. */
  wake(): void {
    if (this.#willRun || this.#closed) return;
    this.#willRun = true;
    Promise.resolve().then(() => {
      this.#willRun = false;
      if (!this.#closed) this.#run();
    });
  }

  /** A record was added to a batch. */
  notice(appended: Appended): void {
    if (appended === "joined") return;
    const { lingerMs, client: { environment } } = this.#settings;
    if (appended === "filled" || lingerMs === 0 || this.#accumulator.isFlushing) return this.wake();
    const lingeredMs = environment.clock.monotonicMs() + lingerMs;
    if (this.#timerAtMs > lingeredMs) this.#wakeAt(lingeredMs);
  }

  /** Fails everything that waits to be sent. */
  drop(error: Error): void {
    this.#settlement.failQueued(error);
  }

  /** Stops sending; what is left fails. */
  close(error: Error): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#settlement.close(error);
  }

  #run(): void {
    const nowMs = this.#settings.client.environment.clock.monotonicMs();
    let nextMs = Infinity;
    const byLeader = new Map<number, PartitionQueue[]>();
    let leaderless = false;
    for (const queue of [...this.#accumulator.active]) {
      nextMs = Math.min(nextMs, this.#settlement.expire(queue, nowMs));
      const readyAtMs = this.#readyAtMs(queue, nowMs);
      if (readyAtMs > nowMs) {
        nextMs = Math.min(nextMs, readyAtMs);
        continue;
      }
      const leaderId = this.#leaderOf(queue);
      if (leaderId === null) leaderless = true;
      else if (byLeader.has(leaderId)) byLeader.get(leaderId)!.push(queue);
      else byLeader.set(leaderId, [queue]);
    }
    if (leaderless) this.#cluster.metadata.invalidate();
    for (const [leaderId, queues] of byLeader) this.#serve(leaderId, queues, nowMs);
    const needsIdentity = this.#sequences?.identity === null && this.#transactions === null;
    if (byLeader.size > 0 && needsIdentity) this.#identify();
    this.#wakeAt(nextMs);
  }

  /** Sends to one broker as much as may be in flight. */
  #serve(nodeId: number, queues: readonly PartitionQueue[], nowMs: number): void {
    const link = this.#cluster.link(nodeId);
    if (link === null) return this.#cluster.metadata.invalidate();
    if (link.connection === null) {
      link.connect().then(() => this.wake(), () => {
        this.#cluster.metadata.invalidate(); // the leader may be another one by now
        this.wake();
      });
      return;
    }
    let turn = [...queues];
    while ((this.#inFlight.get(nodeId) ?? 0) < this.#settings.maxInFlightRequestsPerConnection) {
      const batches = this.#drain(turn, nowMs);
      if (batches.length === 0) return;
      turn = [...turn.slice(batches.length), ...turn.slice(0, batches.length)];
      this.#send(nodeId, link.connection, batches);
    }
  }

  /** Takes the first batch of as many queues as fit into one request. */
  #drain(queues: readonly PartitionQueue[], nowMs: number): ProducerBatch[] {
    const batches: ProducerBatch[] = [];
    let bytes = 0;
    for (const queue of queues) {
      const head = queue.batches[0];
      if (head === undefined || this.#readyAtMs(queue, nowMs) > nowMs) continue;
      if (!this.#mayDrain(queue, head)) continue;
      if (batches.length > 0 && bytes + head.sizeBytes > this.#settings.maxRequestSize) break;
      const batch = this.#accumulator.take(queue);
      this.#sequences?.drain(batch);
      bytes += batch.encoded().length;
      batches.push(batch);
    }
    return batches;
  }

  #mayDrain(queue: PartitionQueue, head: ProducerBatch): boolean {
    if (this.#transactions?.maySend(queue.target) === false) return false;
    if (this.#sequences !== null) return this.#sequences.mayDrain(head);
    // With one request in flight the order is kept even across retries.
    return this.#settings.maxInFlightRequestsPerConnection > 1 || queue.onWire === 0;
  }

  async #send(
    nodeId: number,
    connection: Connection,
    batches: readonly ProducerBatch[],
  ): Promise<void> {
    const { acks, client, transactionalId } = this.#settings;
    const call = new ProduceCall(batches, this.#cluster.metadata.view, {
      acks: acks === "all" ? -1 : acks,
      timeoutMs: client.requestTimeoutMs,
      transactionalId,
    });
    this.#transactions?.sending();
    for (const batch of batches) batch.attempts++;
    const deadline = this.#watchDelivery(batches);
    this.#inFlight.set(nodeId, (this.#inFlight.get(nodeId) ?? 0) + 1);
    try {
      const { draft } = call;
      const versions = this.#versionsFor(call);
      if (acks === 0) {
        await connection.post(PRODUCE, draft, versions);
        for (const batch of batches) this.#settlement.returned(batch, UNANSWERED);
      } else {
        const answer = await connection.request(PRODUCE, draft, versions);
        for (const [batch, outcome] of call.outcomes(answer)) {
          this.#settlement.returned(batch, outcome);
        }
      }
    } catch (error) {
      const outcome = failed(error);
      for (const batch of batches) this.#settlement.returned(batch, outcome);
    } finally {
      deadline?.cancel();
      this.#inFlight.set(nodeId, this.#inFlight.get(nodeId)! - 1);
      this.wake();
    }
  }

  /** What carries a request, and, in transactions, says how partitions join them. */
  #versionsFor({ versionMax = Infinity }: ProduceCall): VersionsWanted {
    const { min, max } = this.#transactions?.produceVersions ?? { min: 0, max: Infinity };
    return { versionMin: min, versionMax: Math.min(versionMax, max) };
  }

  /** When the first batch of a queue is to be sent. */
  #readyAtMs({ batches }: PartitionQueue, nowMs: number): number {
    const [head] = batches;
    if (head === undefined) return Infinity;
    if (head.notBeforeMs > nowMs) return head.notBeforeMs;
    const isDue = head.isFull || head.attempts > 0 || batches.length > 1 ||
      this.#accumulator.isFlushing || this.#memory.isScarce;
    return isDue ? nowMs : head.createdMs + this.#settings.lingerMs;
  }

  /** Tells those who wait for batches on the wire when it takes too long; their memory is held until the answer. */
  #watchDelivery(batches: readonly ProducerBatch[]): Timer | null {
    const { client: { environment, requestTimeoutMs }, deliveryTimeoutMs } = this.#settings;
    const nowMs = environment.clock.monotonicMs();
    const oldestMs = batches.reduce((min, { createdMs }) => Math.min(min, createdMs), Infinity);
    const leftMs = oldestMs + deliveryTimeoutMs - nowMs;
    if (leftMs > requestTimeoutMs) return null;
    return environment.timers.schedule(Math.max(0, leftMs), () => {
      for (const batch of batches) {
        if (batch.createdMs + deliveryTimeoutMs <= nowMs + leftMs) {
          this.#settlement.expireOnWire(batch);
        }
      }
    });
  }

  #leaderOf({ target: { topic, partition } }: PartitionQueue): number | null {
    const view = this.#cluster.metadata.partition(topic, partition);
    return view === null || view.leaderId < 0 ? null : view.leaderId;
  }

  /** Asks for a producer id, once at a time. If the answer is no, nothing that waits can be sent. */
  async #identify(): Promise<void> {
    if (this.#identifying) return;
    this.#identifying = true;
    try {
      this.#sequences!.identity = await this.#cluster.retry("get a producer id", async () => {
        const answer = await this.#cluster.requestAny(INIT_PRODUCER_ID, {
          transactionalId: null,
          transactionTimeoutMs: 0x7fff_ffff,
        });
        throwIfError(answer.errorCode);
        const { producerId, producerEpoch } = answer;
        return { producerId, producerEpoch };
      }, this.#settings.deliveryTimeoutMs);
    } catch (error) {
      this.#settlement.failQueued(asError(error));
    } finally {
      this.#identifying = false;
      this.wake();
    }
  }

  #wakeAt(atMs: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = atMs;
    if (atMs === Infinity || this.#closed) return;
    const { environment } = this.#settings.client;
    const delayMs = Math.max(0, atMs - environment.clock.monotonicMs());
    this.#timer = environment.timers.schedule(delayMs, () => {
      this.#timer = null;
      this.#timerAtMs = Infinity;
      this.wake();
    });
  }
}

/** With acks 0 nobody knows the offset. */
const UNANSWERED: BatchOutcome = {
  kind: "NONE",
  message: null,
  baseOffset: -1n,
  logAppendTimeMs: -1,
  leader: null,
};

/** The outcome of a request that failed as a whole. */
function failed(error: unknown): BatchOutcome {
  const kind = error instanceof KafkaError ? error.kind : "UNKNOWN_SERVER_ERROR";
  return { ...UNANSWERED, kind, message: asError(error).message };
}
