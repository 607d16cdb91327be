/**
 * Odradek: a Kafka-compatible message broker, in your process.
 *
 * ```ts
 * import { createBroker } from "@odradek/odradek";
 *
 * await using broker = await createBroker({ data: "memory:", listeners: [{ host: "127.0.0.1", port: 0 }] });
 * console.log(`Kafka clients connect to 127.0.0.1:${broker.listeners[0].port}`);
 * ```
 *
 * This module is the one place where the parts are put together: storage, actors, server.
 *
 * @module
 */
import { controller } from "./actors/controller/controller.ts";
import type { ControllerMessage } from "./actors/controller/messages.ts";
import { featureLevel, TRANSACTION_VERSION } from "./actors/controller/features.ts";
import {
  type ImageGround,
  imageOf,
  type MetadataImage,
} from "./actors/controller/metadata_image.ts";
import { BrokerCoordinators } from "./actors/coordinator/broker_coordinators.ts";
import { spawn } from "./actors/core/actor.ts";
import type { ActorRef } from "./actors/core/message.ts";
import type { Feed } from "./actors/core/feed.ts";
import type { GroupHappening } from "./actors/group/group_feed.ts";
import { Topics } from "./actors/topic/topics.ts";
import type { TransactionHappening } from "./actors/transaction/transaction_feed.ts";
import type { ClientOptions } from "./client/mod.ts";
import { BrokerConfig, uselessness } from "./config/broker_config.ts";
import { denoEnvironment } from "./environment/deno/deno_environment.ts";
import { stderrLog } from "./environment/deno/stderr_log.ts";
import type {
  Address,
  ByteStream,
  Environment,
  Listener,
  LogSink,
} from "./environment/environment.ts";
import { pipe } from "./environment/pipe.ts";
import { type ByteDuplex, webStreams } from "./environment/web_streams.ts";
import { createServer, type Server } from "./server/server.ts";
import { openingUndamaged } from "./storage/damaged_store.ts";
import { openDenoFolder } from "./storage/kv/deno/deno_folder.ts";
import type { Kv, KvFolder } from "./storage/kv/kv.ts";
import { memoryFolder } from "./storage/kv/memory/memory_folder.ts";
import { openLogStore } from "./storage/log/log_store.ts";
import type { LogStore } from "./storage/log/partition_log.ts";
import type { DeletedTopic } from "./storage/metadata/metadata.ts";
import { MetadataStore } from "./storage/metadata/metadata_store.ts";
import { tellLostLogs } from "./storage/lost_logs.ts";
import { removeStray } from "./storage/stray_partitions.ts";

export {
  AbortableTransactionError,
  Admin,
  Consumer,
  consumerStream,
  FatalTransactionError,
  Producer,
  producerStream,
} from "./client/mod.ts";
export { denoEnvironment, stderrLog };
export type { DenoEnvironmentOptions } from "./environment/deno/deno_environment.ts";
export type { StderrLogOptions } from "./environment/deno/stderr_log.ts";
export type { Feed, FeedOptions, FeedReader } from "./actors/core/feed.ts";
export type { GroupEvent, GroupHappening } from "./actors/group/group_feed.ts";
export type {
  TransactionHappening,
  TransactionHappeningName,
  TransactionStanding,
} from "./actors/transaction/transaction_feed.ts";
export type { GroupStateName } from "./actors/group/group_machine.ts";
export type * from "./environment/environment.ts";
export type * from "./storage/kv/kv.ts";
export type { ByteDuplex, ClientOptions };

/** Where a broker listens, and what it tells clients to connect to. */
export interface ListenerOptions extends Address {
  /** Kafka's listener name. Default `PLAINTEXT`. */
  readonly name?: string;
  /** What clients are told; default: the address it listens on. */
  readonly advertised?: Address;
}

/** How a broker is made. */
export interface BrokerOptions {
  /** A data folder, made when absent; `memory:` keeps nothing. Default `memory:`. */
  readonly data?: string | KvFolder;
  /** Ports to listen on; none by default: {@linkcode Broker.connect} needs none. */
  readonly listeners?: readonly ListenerOptions[];
  /** `node.id`. Default 1. */
  readonly nodeId?: number;
  /** 22 characters of base64url. Default: that of the data folder, or a new one. */
  readonly clusterId?: string;
  /** Kafka's broker settings by name. */
  readonly config?: Readonly<Record<string, string>>;
  /** The world it runs in. Default: Deno's, with warnings and errors on stderr. */
  readonly environment?: Environment;
}

/** A running broker. */
export interface Broker extends AsyncDisposable {
  /** 22 characters of base64url. */
  readonly clusterId: string;
  /** `node.id`. */
  readonly nodeId: number;
  /** Where it really listens: port 0 has become a number. */
  readonly listeners: readonly Address[];
  /** Topics that were found in the data folder at start. */
  readonly topicsFound: number;
  /**
   * What happens to consumer groups, as it happens: who joined or left, from which state to which, and why. A reader that
   * is slow misses the oldest, and nobody waits for it.
   *
   * ```ts
   * for await (const { group, from, to, reason } of broker.groupFeed.read()) {
   *   console.log(`${group}: ${from} → ${to}, as ${reason}`);
   * }
   * ```
   */
  readonly groupFeed: Feed<GroupHappening>;
  /** What happens to transactions: each step of each transactional id. */
  readonly transactionFeed: Feed<TransactionHappening>;
  /** A connection without a socket: bytes of Kafka's protocol, in both directions. */
  connect(): ByteDuplex;
  /** The same as a {@linkcode ByteStream}: without a copy per read. */
  dial(): ByteStream;
  /**
   * For clients in this process, without a socket: `new Producer(broker.client)`. They run in the broker's environment.
   */
  readonly client: Required<Pick<ClientOptions, "environment" | "dial">>;
  /** Stops accepting, answers what is in flight, makes everything durable, closes. */
  close(): Promise<void>;
  /**
   * Resolves when the broker is closed: with null when it was asked to, with an error when it stopped by itself, because
   * another process has taken its data over.
   */
  readonly ended: Promise<Error | null>;
}

/**
 * Starts a broker.
 *
 * @throws ConfigError on settings that are unknown or illegal
 * @throws Error when the data folder is in use or of an unknown format, another process takes it over meanwhile, or a port
 * is taken: one clear line
 */
export async function createBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { nodeId = 1, clusterId = null } = options;
  const environment = options.environment ?? denoEnvironment({ log: stderrLog({ level: "warn" }) });
  const startConfig = BrokerConfig.parse(Object.entries(options.config ?? {}));
  const ground: ImageGround = { nodeId, startConfig };
  let lost: Error | null = null;
  let stop = (): void => {}; // a start that is not done yet looks at its end
  /** Another process has taken some of the data over: this one has nothing more to say about any of it. */
  const onFenced = (cause: Error) => {
    if (lost) return;
    lost = new Error(`Another process has taken over the data in "${folder.name}"`, { cause });
    environment.log.write("error", `${lost.message}; this broker stops`, { error: cause });
    stop();
  };

  await using started = new AsyncDisposableStack();
  const folder = started.adopt(
    await openFolder(options.data ?? "memory:"),
    (folder) => folder.close(),
  );
  const meta = started.adopt(await folder.open("meta"), (kv) => kv.close());
  const store = await openingUndamaged(
    folder.name,
    MetadataStore.open(
      meta,
      environment,
      clusterId,
      new Map([[TRANSACTION_VERSION, startConfig.int("odradek.transaction.version")]]),
    ),
  );
  let metadata = imageOf(store.loaded, ground);
  tellOtherLevel(metadata, ground, environment.log);
  tellUseless(metadata, environment.log);
  const topicsFound = metadata.topics.size;
  const isInternal = (topicId: string) => metadata.topicsById.get(topicId)?.internal ?? false;
  const logs = started.adopt(
    await openLogStore({
      folder,
      environment,
      options: {
        cacheBytesMax: startConfig.long("odradek.cache.bytes"),
        diskReserveBytes: startConfig.long("odradek.disk.reserve.bytes"),
        cleanerIntervalMs: () => metadata.brokerConfig.long("log.cleaner.backoff.ms"),
        retentionIntervalMs: startConfig.long("log.retention.check.interval.ms"),
        compactionBytes: () => metadata.brokerConfig.long("log.cleaner.dedupe.buffer.size"),
      },
      internal: { kv: meta, isInternal },
      policyOf: ({ topicId }) => metadata.topicsById.get(topicId)?.config ?? null,
      onFenced,
    }),
    (logs) => logs.close(),
  );
  const stored = { logs, metadata: store, log: environment.log };
  tellLostLogs(stored, isInternal);
  removeStray(stored);

  const topics = started.adopt(
    new Topics(metadata, {
      environment,
      logs,
      producers: {
        producerIdExpirationMs: startConfig.int("producer.id.expiration.ms"),
        producerIdExpirationCheckIntervalMs: startConfig.int(
          "producer.id.expiration.check.interval.ms",
        ),
      },
    }),
    (topics) => topics.stop(),
  );
  let coordinators: BrokerCoordinators | null = null;
  const publish = (image: MetadataImage) => {
    metadata = image;
    topics.follow(image);
    coordinators?.follow(image);
  };
  const controllerRef = started.adopt(
    startController({ environment, ground, store, meta, logs, publish, onFenced }),
    (ref) => ref.stop(),
  );

  coordinators = started.adopt(
    new BrokerCoordinators({
      environment,
      metadata: () => metadata,
      controller: controllerRef,
      partition: (topicId, partition) => topics.partition(topicId, partition),
      stored: logs.stored(),
    }),
    (coordinators) => coordinators.stop(),
  );

  const server = started.adopt(
    createServer({
      broker: {
        environment,
        nodeId,
        config: () => metadata.brokerConfig,
        metadata: () => metadata,
        controller: controllerRef,
        partition: (topicId, partition) => topics.partition(topicId, partition),
        coordinators,
        leaderEpoch: (topicId, partition) => logs.leaderEpochOf({ topicId, partition }),
        logDir: {
          name: folder.name,
          sizeBytes: (topicId, partition) => logs.sizeBytesOf({ topicId, partition }),
          freeBytes: () => folder.freeBytes(),
        },
      },
    }),
    (server) => server.close(),
  );
  const listeners = await listen(server, environment, options.listeners ?? []);
  if (lost !== null) throw lost;

  const stack = started.move();
  const ended = Promise.withResolvers<Error | null>();
  let closed: Promise<void> | null = null;
  const close = () =>
    closed ??= stack.disposeAsync().finally(() => {
      ended.resolve(lost);
    });
  stop = () => {
    close().catch((error) =>
      environment.log.write("error", "The broker could not be closed in order", { error })
    );
  };
  const dial = () => {
    const [near, far] = pipe();
    server.accept(far);
    return near;
  };
  return {
    clusterId: metadata.clusterId,
    nodeId,
    listeners,
    topicsFound,
    groupFeed: coordinators.groupFeed,
    transactionFeed: coordinators.transactionFeed,
    dial,
    client: { environment, dial: () => Promise.resolve(dial()) },
    connect: () => webStreams(dial()),
    close,
    ended: ended.promise,
    [Symbol.asyncDispose]: close,
  };
}

/** A setting that only a new cluster goes by must not be passed over in silence. */
function tellOtherLevel(metadata: MetadataImage, { startConfig }: ImageGround, log: LogSink): void {
  const setting = "odradek.transaction.version";
  const level = featureLevel(TRANSACTION_VERSION, metadata);
  if (!startConfig.isSet(setting) || startConfig.int(setting) === level) return;
  log.write(
    "warn",
    `${setting} is for new clusters; this one stays at level ${level} of ${TRANSACTION_VERSION} ` +
      "until UpdateFeatures (kafka-features) changes it",
  );
}

/** Settings that were stored and cannot be used must not be left out in silence. */
function tellUseless({ brokerOverrides }: MetadataImage, log: LogSink): void {
  for (const [broker, overrides] of brokerOverrides) {
    for (const [name, text] of overrides) {
      const why = uselessness(name, text);
      if (why === null) continue;
      const whose = broker === "" ? "all brokers" : `broker ${broker}`;
      log.write("warn", `A setting stored for ${whose} is left out until it is changed: ${why}`);
    }
  }
}

/** Opens every port before any is served: a broker that cannot listen everywhere does not start. */
async function listen(
  server: Server,
  environment: Environment,
  wanted: readonly ListenerOptions[],
): Promise<Address[]> {
  const opened: { readonly listener: Listener; readonly advertised?: Address }[] = [];
  try {
    for (const { host, port, advertised } of wanted) {
      opened.push({ listener: await environment.network.listen({ host, port }), advertised });
    }
  } catch (error) {
    for (const { listener } of opened) listener.close();
    throw error;
  }
  for (const { listener, advertised } of opened) {
    const port = advertised?.port || listener.address.port;
    server.serve(listener, { advertised: advertised && { host: advertised.host, port } });
  }
  return opened.map(({ listener }) => listener.address);
}

async function openFolder(data: string | KvFolder): Promise<KvFolder> {
  if (typeof data !== "string") return data;
  return data === "memory:" ? memoryFolder() : await openDenoFolder(data);
}

interface ControllerSurroundings {
  readonly environment: Environment;
  readonly ground: ImageGround;
  /** The metadata as taken over at start. */
  readonly store: MetadataStore;
  /** Where it is taken over again after a crash. */
  readonly meta: Kv;
  readonly logs: LogStore;
  readonly publish: (image: MetadataImage) => void;
  readonly onFenced: (error: Error) => void;
}

function startController(
  { environment, ground, store, meta, logs, publish, onFenced }: ControllerSurroundings,
): ActorRef<ControllerMessage> {
  let opened: MetadataStore | null = store;
  let current = store;

  /** Removes the logs of deleted topics, then the memory of them. What fails is repeated at the next start. */
  function sweep(deleted: readonly DeletedTopic[]): void {
    if (deleted.length === 0) return;
    const partitions = deleted.flatMap(({ id, partitionCount }) =>
      Array.from({ length: partitionCount }, (_, partition) => ({ topicId: id, partition }))
    );
    logs.remove(partitions).then(
      () => ref.tell("forgetDeleted", { ids: deleted.map(({ id }) => id) }),
      (error) =>
        environment.log.write(
          "warn",
          `Cannot remove the records of ${deleted.length} deleted topics yet`,
          { error },
        ),
    );
  }

  const ref = spawn<ControllerMessage>({
    name: "controller",
    environment,
    unavailable: "NOT_CONTROLLER",
    start: async () => {
      // To take the metadata back from a successor would be to fence that in its turn.
      if (current.fenced) {
        onFenced(current.fenced);
        throw current.fenced;
      }
      current = opened ?? await MetadataStore.open(meta, environment, null);
      opened = null;
      const image = imageOf(current.loaded, ground);
      publish(image);
      sweep(current.loaded.deletedTopics);
      return controller({ environment, store: current, ground, image, publish, sweep });
    },
  });
  return ref;
}
