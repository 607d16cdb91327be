import { type Codec, CODECS } from "../../protocol/compression/codec.ts";
import {
  type ClientOptions,
  type ClientSettings,
  clientSettings,
  withDefaults,
} from "../options.ts";
import type { Partitioner } from "./partitioner.ts";

/** How many copies must be safe before a record counts as sent: none, the leader's, or those of all in-sync replicas. */
export type Acks = "all" | 0 | 1;

/** How a producer works. Names and defaults are those of Kafka's producer configuration, in camelCase. */
export interface ProducerOptions extends ClientOptions {
  /** Default `all`. */
  readonly acks?: Acks;
  /**
   * Who the producer is in transactions, across restarts: whoever calls `initTransactions` with it shuts out all that did so
   * before. Default: none, and no transactions.
   */
  readonly transactionalId?: string;
  /** Milliseconds after which the coordinator aborts an open transaction by itself. Default 60 000. */
  readonly transactionTimeoutMs?: number;
  /** Whether the broker drops repeated batches and keeps their order. Default true, unless other settings rule it out. */
  readonly enableIdempotence?: boolean;
  /** Bytes of records that are gathered into one batch at most. Default 16 384. */
  readonly batchSize?: number;
  /** Milliseconds that an unfilled batch waits for more records. Default 5. */
  readonly lingerMs?: number;
  /** Bytes of records that wait to be sent or acknowledged. Default 33 554 432. */
  readonly bufferMemory?: number;
  /**
   * Milliseconds that `send` waits for buffer memory and metadata, and that each step of a transaction may take.
   * Default 60 000.
   */
  readonly maxBlockMs?: number;
  /** Milliseconds from `send` to success or failure, retries included. Default 120 000. */
  readonly deliveryTimeoutMs?: number;
  /** Bytes of one request, and so of one record, at most. Default 1 048 576. */
  readonly maxRequestSize?: number;
  /** Requests without an answer per broker. With idempotence 5 at most. Default 5. */
  readonly maxInFlightRequestsPerConnection?: number;
  /** How often a batch is sent again at most. Default 2 147 483 647: `deliveryTimeoutMs` ends it. */
  readonly retries?: number;
  /** Default `none`. */
  readonly compressionType?: Codec;
  /** Of gzip (-1, 1 to 9) and zstd (-131072 to 22). */
  readonly compressionLevel?: number;
  /** Chooses the partition of a record; default: by the hash of the key, or sticky without one (KIP-794). */
  readonly partitioner?: Partitioner;
  /** Whether records with a key are spread like those without. Default false. */
  readonly partitionerIgnoreKeys?: boolean;
  /** Whether partitions with a long queue get fewer of the records without a key. Default true. */
  readonly partitionerAdaptivePartitioningEnable?: boolean;
}

type Numbers = Required<
  Pick<
    ProducerOptions,
    | "acks"
    | "batchSize"
    | "lingerMs"
    | "bufferMemory"
    | "maxBlockMs"
    | "deliveryTimeoutMs"
    | "maxRequestSize"
    | "maxInFlightRequestsPerConnection"
    | "retries"
    | "compressionType"
    | "partitionerIgnoreKeys"
    | "partitionerAdaptivePartitioningEnable"
    | "transactionTimeoutMs"
  >
>;

/** Defaults of {@linkcode ProducerOptions}. */
export const PRODUCER_DEFAULTS: Numbers = {
  acks: "all",
  batchSize: 16_384,
  lingerMs: 5,
  bufferMemory: 33_554_432,
  maxBlockMs: 60_000,
  deliveryTimeoutMs: 120_000,
  maxRequestSize: 1_048_576,
  maxInFlightRequestsPerConnection: 5,
  retries: 2_147_483_647,
  compressionType: "none",
  partitionerIgnoreKeys: false,
  partitionerAdaptivePartitioningEnable: true,
  transactionTimeoutMs: 60_000,
};

const INT32_MAX = 0x7fff_ffff;

/** Brokers remember so many batches of a producer. */
const IDEMPOTENT_IN_FLIGHT_MAX = 5;

/** Levels of compression, from least to most. */
const LEVELS: Readonly<Partial<Record<Codec, readonly [number, number]>>> = {
  gzip: [-1, 9],
  zstd: [-131_072, 22],
};

function checkLevel(codec: Codec, level: number | undefined): void {
  const range = LEVELS[codec];
  if (level === undefined || range === undefined) return;
  const [min, max] = range;
  const isThere = Number.isInteger(level) && level >= min && level <= max;
  if (!isThere || codec === "gzip" && level === 0) {
    throw new RangeError(`Cannot use compressionLevel ${level} with ${codec}`);
  }
}

/** {@linkcode ProducerOptions} with everything filled in. */
export interface ProducerSettings extends Numbers {
  readonly client: ClientSettings;
  readonly enableIdempotence: boolean;
  /** null = no transactions. */
  readonly transactionalId: string | null;
  readonly compressionLevel: number | undefined;
  readonly partitioner: Partitioner | undefined;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} when a number is out of range
 * @throws {TypeError} when settings exclude each other, or as `clientSettings`
 */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings = withDefaults(PRODUCER_DEFAULTS, options);
  const { acks, retries, maxInFlightRequestsPerConnection: inFlight } = settings;
  if (!CODECS.includes(settings.compressionType)) {
    throw new TypeError(`Cannot use compressionType ${settings.compressionType}`);
  }
  if (!["all", 0, 1].includes(acks)) throw new TypeError(`Cannot use acks ${acks}`);
  if (inFlight < 1) throw new RangeError("Cannot use maxInFlightRequestsPerConnection 0");
  const obstacle = acks !== "all"
    ? `acks ${acks}`
    : retries === 0
    ? "retries 0"
    : inFlight > IDEMPOTENT_IN_FLIGHT_MAX
    ? `maxInFlightRequestsPerConnection ${inFlight}`
    : null;
  if (options.enableIdempotence === true && obstacle !== null) {
    throw new TypeError(`Cannot use enableIdempotence with ${obstacle}`);
  }
  const { transactionalId = null } = options;
  if (transactionalId === "") throw new TypeError("Cannot use an empty transactionalId");
  if (transactionalId !== null) {
    const why = options.enableIdempotence === false ? "enableIdempotence false" : obstacle;
    if (why !== null) throw new TypeError(`Cannot use a transactionalId with ${why}`);
    if (settings.transactionTimeoutMs > INT32_MAX) {
      throw new RangeError(`Cannot use transactionTimeoutMs ${settings.transactionTimeoutMs}`);
    }
  }
  checkLevel(settings.compressionType, options.compressionLevel);
  return {
    ...settings,
    client: clientSettings(options),
    enableIdempotence: options.enableIdempotence ?? obstacle === null,
    transactionalId,
    compressionLevel: options.compressionLevel,
    partitioner: options.partitioner,
  };
}
