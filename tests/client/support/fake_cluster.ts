import {
  type Api,
  API_VERSIONS,
  FETCH,
  INIT_PRODUCER_ID,
  LIST_OFFSETS,
  METADATA,
  PRODUCE,
} from "../../../client/apis.ts";
import type { ClientOptions } from "../../../client/options.ts";
import { FrameReader } from "../../../client/connection/frame_reader.ts";
import type { Address, ByteStream } from "../../../environment/environment.ts";
import { NetworkError } from "../../../environment/network_error.ts";
import { pipe } from "../../../environment/pipe.ts";
import { ERROR_CODES, type ErrorName } from "../../../protocol/errors.ts";
import { decodeRequestHeader, encodeResponse } from "../../../protocol/frames.ts";
import { API_MESSAGES } from "../../../protocol/messages/mod.ts";
import {
  decodeMessage,
  type Draft,
  type Infer,
  type Schema,
} from "../../../protocol/schema/mod.ts";
import { ZERO_UUID } from "../../../protocol/uuid.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { FakeLog } from "./fake_log.ts";

/** A request that came in. */
export interface Seen {
  readonly api: string;
  readonly version: number;
  readonly nodeId: number;
  // deno-lint-ignore no-explicit-any -- tests look into requests of any API
  readonly body: any;
}

/** What a broker does about a request beside answering it. */
export type Silence =
  /** It closes the connection. */
  | "close"
  /** It does not answer, and nothing after it either. */
  | "hang"
  /** It does not answer this one. */
  | "none";

type Answer<S extends Schema> = Draft<S> | Silence | Promise<Draft<S> | Silence>;
type Handler<Q extends Schema = Schema, S extends Schema = Schema> = (
  request: Infer<Q>,
  context: { readonly version: number; readonly nodeId: number },
) => Answer<S>;

/** A topic of the fake cluster. */
export interface FakeTopic {
  id: string;
  readonly logs: FakeLog[];
  /** Node id of each partition's leader. */
  readonly leaders: number[];
  readonly epochs: number[];
}

const PORT = 9000;

/** The number of an error. */
export function code(name: ErrorName): number {
  return ERROR_CODES[name].code;
}

/**
 * Brokers that speak the protocol on pipes, in a world whose time a test moves. By default they behave; a test has them
 * answer the next requests of an API otherwise with {@linkcode FakeCluster.next}, or all with {@linkcode FakeCluster.on}.
 */
export class FakeCluster {
  readonly environment = new ManualEnvironment();
  readonly seen: Seen[] = [];
  readonly topics = new Map<string, FakeTopic>();
  /** What ApiVersions says, beside what the schemas have. */
  readonly versions = new Map<string, readonly [number, number] | null>();
  /** Nodes that take no connections. */
  readonly down = new Set<number>();
  dials = 0;
  initProducerIds = 0;
  readonly #nodeCount: number;
  readonly #handlers = new Map<number, Handler>();
  readonly #scripts = new Map<number, Handler[]>();
  readonly #streams = new Set<{ readonly nodeId: number; readonly stream: ByteStream }>();

  constructor(nodeCount = 1) {
    this.#nodeCount = nodeCount;
    this.on(API_VERSIONS, () => this.apiVersions());
    this.on(METADATA, (request) => this.metadata(request));
    this.on(INIT_PRODUCER_ID, () => ({
      throttleTimeMs: 0,
      errorCode: 0,
      producerId: BigInt(1000 + this.initProducerIds++),
      producerEpoch: 0,
    }));
    this.on(PRODUCE, (request, { nodeId }) => this.produce(request, nodeId));
    this.on(LIST_OFFSETS, (request) => this.listOffsets(request));
    this.on(FETCH, (request) => this.fetch(request));
  }

  /** Options of a client of this cluster. */
  get options(): ClientOptions {
    return {
      environment: this.environment,
      dial: this.dial,
      bootstrapServers: [addressOf(1)],
    };
  }

  /** Opens a connection to the node behind a port. */
  readonly dial = (address: Address): Promise<ByteStream> => {
    this.dials++;
    const nodeId = address.port - PORT;
    if (this.down.has(nodeId)) {
      return Promise.reject(new NetworkError("refused", "Nobody listens there"));
    }
    const [near, far] = pipe({ addresses: [{ host: "client", port: 0 }, address] });
    this.#serve(far, nodeId);
    return Promise.resolve(near);
  };

  /** Makes a topic whose partitions are led by node 1. */
  topic(name: string, partitions = 1): FakeTopic {
    const topic = {
      id: btoa(name.padEnd(16, "_").slice(0, 16)).replace(/=+$/, ""),
      logs: Array.from({ length: partitions }, () => new FakeLog()),
      leaders: Array.from({ length: partitions }, () => 1),
      epochs: Array.from({ length: partitions }, () => 0),
    };
    this.topics.set(name, topic);
    return topic;
  }

  /** Has all requests of an API answered so. */
  on<Q extends Schema, S extends Schema>(api: Api<Q, S>, handler: Handler<Q, S>): void {
    this.#handlers.set(api.key, handler as unknown as Handler);
  }

  /** Has the next requests of an API answered so, one each. */
  next<Q extends Schema, S extends Schema>(api: Api<Q, S>, ...handlers: Handler<Q, S>[]): void {
    const script = this.#scripts.get(api.key) ?? [];
    script.push(...handlers as unknown as Handler[]);
    this.#scripts.set(api.key, script);
  }

  /** The requests of an API that came in. */
  requests(api: Api): Seen[] {
    return this.seen.filter(({ api: name }) => name === api.name);
  }

  /** Breaks all connections, or those of one node. */
  disconnect(nodeId?: number): void {
    for (const served of this.#streams) {
      if (nodeId === undefined || served.nodeId === nodeId) served.stream.close();
    }
  }

  apiVersions(): Draft<typeof API_VERSIONS.response> {
    const apiKeys = [...API_MESSAGES.values()].flatMap(({ key, name, request }) => {
      const range = this.versions.get(name);
      if (range === null) return [];
      const [minVersion, maxVersion] = range ?? [request.versions.min, request.versions.max];
      return [{ apiKey: key, minVersion, maxVersion }];
    });
    return { errorCode: 0, apiKeys };
  }

  metadata(request: Infer<typeof METADATA.request>): Draft<typeof METADATA.response> {
    const names = request.topics?.map(({ name }) => name!) ?? [...this.topics.keys()];
    return {
      brokers: Array.from({ length: this.#nodeCount }, (_, index) => ({
        nodeId: index + 1,
        ...addressOf(index + 1),
      })),
      clusterId: "fake",
      controllerId: 1,
      topics: names.map((name) => {
        const topic = this.topics.get(name);
        if (!topic) {
          return { name, errorCode: code("UNKNOWN_TOPIC_OR_PARTITION"), partitions: [] };
        }
        return {
          name,
          errorCode: 0,
          topicId: topic.id,
          partitions: topic.leaders.map((leaderId, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId,
            leaderEpoch: topic.epochs[partitionIndex],
            replicaNodes: [leaderId],
            isrNodes: [leaderId],
          })),
        };
      }),
    };
  }

  /** Appends what a request holds to the logs. `refuse` gives partitions an error instead. */
  produce(
    request: Infer<typeof PRODUCE.request>,
    nodeId = 1,
    refuse: (topic: string, partition: number) => ErrorName | null = () => null,
  ): Draft<typeof PRODUCE.response> {
    return {
      responses: request.topicData.map(({ name, topicId, partitionData }) => {
        const [topicName, topic] = this.#find(name, topicId);
        return {
          name,
          topicId,
          partitionResponses: partitionData.map(({ index, records }) => {
            const refusal = topic.leaders[index] !== nodeId
              ? "NOT_LEADER_OR_FOLLOWER"
              : refuse(topicName, index);
            const { error, baseOffset } = refusal !== null
              ? { error: refusal, baseOffset: -1 }
              : topic.logs[index].append(records![0]);
            return { index, errorCode: code(error), baseOffset: BigInt(baseOffset) };
          }),
        };
      }),
    };
  }

  listOffsets(
    request: Infer<typeof LIST_OFFSETS.request>,
  ): Draft<typeof LIST_OFFSETS.response> {
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const log = this.topics.get(name)!.logs[partitionIndex];
          const found = timestamp === -1n
            ? { offset: log.endOffset, timestampMs: -1 }
            : timestamp === -2n
            ? { offset: log.startOffset, timestampMs: -1 }
            : log.records.find(({ timestampMs }) => timestampMs >= Number(timestamp)) ??
              { offset: -1, timestampMs: -1 };
          return {
            partitionIndex,
            errorCode: 0,
            offset: BigInt(found.offset),
            timestamp: BigInt(found.timestampMs),
          };
        }),
      })),
    };
  }

  /** Answers a fetch without sessions: all that it names; waits until there is something. */
  fetch(
    request: Infer<typeof FETCH.request>,
    sessionId = 0,
  ): Draft<typeof FETCH.response> | Promise<Draft<typeof FETCH.response>> {
    const answer = this.fetchNow(request, sessionId);
    if (answer.responses.length > 0) return answer;
    return new Promise((resolve) =>
      this.environment.timers.schedule(
        request.maxWaitMs,
        () => resolve(this.fetchNow(request, sessionId)),
      )
    );
  }

  fetchNow(
    request: Infer<typeof FETCH.request>,
    sessionId = 0,
  ): Draft<typeof FETCH.response> & { readonly responses: readonly unknown[] } {
    const responses = request.topics.map(({ topic: name, topicId, partitions }) => ({
      topic: name,
      topicId,
      partitions: partitions.flatMap(({ partition, fetchOffset }) => {
        const [, topic] = this.#find(name, topicId);
        const log = topic.logs[partition];
        const isOutOfRange = fetchOffset < log.startOffset || fetchOffset > log.endOffset;
        const records = isOutOfRange ? [] : log.read(Number(fetchOffset));
        if (records.length === 0 && !isOutOfRange) return [];
        return [{
          partitionIndex: partition,
          errorCode: isOutOfRange ? code("OFFSET_OUT_OF_RANGE") : 0,
          highWatermark: BigInt(log.endOffset),
          lastStableOffset: BigInt(log.endOffset),
          logStartOffset: BigInt(log.startOffset),
          abortedTransactions: null,
          records,
        }];
      }),
    })).filter(({ partitions }) => partitions.length > 0);
    return { errorCode: 0, sessionId, responses };
  }

  #find(name: string, topicId: string): [string, FakeTopic] {
    const found = [...this.topics].find(([topicName, { id }]) =>
      topicId === ZERO_UUID ? topicName === name : id === topicId
    );
    if (!found) throw new Error(`The client made up topic ${name} ${topicId}`);
    return found;
  }

  async #serve(stream: ByteStream, nodeId: number): Promise<void> {
    const served = { nodeId, stream };
    this.#streams.add(served);
    const frames = new FrameReader(stream, 2 ** 30);
    let answered = Promise.resolve();
    try {
      for (let frame = await frames.next(); frame !== null; frame = await frames.next()) {
        const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(frame);
        const { name, request, response } = API_MESSAGES.get(apiKey)!;
        const body = decodeMessage(request, apiVersion, frame.subarray(bodyOffset));
        this.seen.push({ api: name, version: apiVersion, nodeId, body });
        const handler = this.#scripts.get(apiKey)?.shift() ?? this.#handlers.get(apiKey)!;
        const answer = handler(body, { version: apiVersion, nodeId });
        answered = answered.then(async () => {
          const draft = await answer;
          if (draft === "none") return;
          if (draft === "close") return stream.close();
          if (draft === "hang") return await new Promise<void>(() => {});
          const isRefusal = apiKey === API_VERSIONS.key && apiVersion > 0 &&
            (draft as { errorCode?: number }).errorCode === code("UNSUPPORTED_VERSION");
          await stream.write(
            encodeResponse(response, isRefusal ? 0 : apiVersion, correlationId, draft),
          );
        }).catch(() => stream.close());
      }
    } catch {
      // The client is gone.
    } finally {
      this.#streams.delete(served);
    }
  }
}

/** Where a node is to be reached. */
export function addressOf(nodeId: number): Address {
  return { host: "broker", port: PORT + nodeId };
}
