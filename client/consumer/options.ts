import type { IsolationLevel } from "../cluster/list_offsets.ts";
import { type GroupOptions, type GroupSettings, groupSettings } from "../group/options.ts";
import {
  type ClientOptions,
  type ClientSettings,
  clientSettings,
  withDefaults,
} from "../options.ts";

/** Where to read when there is no position, or none that exists any more; `by_duration:` and an ISO 8601 duration back. */
export type OffsetReset = "earliest" | "latest" | "none" | `by_duration:${string}`;

/** How a consumer works. Names and defaults are those of Kafka's consumer configuration, in camelCase. */
export interface ConsumerOptions extends ClientOptions, GroupOptions {
  /** Whether reading a topic may make it. Default true. */
  readonly allowAutoCreateTopics?: boolean;
  /** Default `latest`. */
  readonly autoOffsetReset?: OffsetReset;
  /** Whether the checksum of each batch is compared. Default true. */
  readonly checkCrcs?: boolean;
  /** Bytes of one answer at most, if its first batch is not larger. Default 52 428 800. */
  readonly fetchMaxBytes?: number;
  /** Milliseconds that the broker waits for `fetchMinBytes`. Default 500. */
  readonly fetchMaxWaitMs?: number;
  /** Bytes that are worth an answer. Default 1. */
  readonly fetchMinBytes?: number;
  /** Default `read_uncommitted`. */
  readonly isolationLevel?: IsolationLevel;
  /** Bytes of one partition in an answer at most, if its first batch is not larger. Default 1 048 576. */
  readonly maxPartitionFetchBytes?: number;
  /** Records that `poll` returns at most. Default 500. */
  readonly maxPollRecords?: number;
}

type Defaulted = Required<Omit<ConsumerOptions, keyof ClientOptions | keyof GroupOptions>>;

/** Defaults of {@linkcode ConsumerOptions}. */
export const CONSUMER_DEFAULTS: Defaulted = {
  allowAutoCreateTopics: true,
  autoOffsetReset: "latest",
  checkCrcs: true,
  fetchMaxBytes: 52_428_800,
  fetchMaxWaitMs: 500,
  fetchMinBytes: 1,
  isolationLevel: "read_uncommitted",
  maxPartitionFetchBytes: 1_048_576,
  maxPollRecords: 500,
};

/** {@linkcode ConsumerOptions} with everything filled in. */
export interface ConsumerSettings extends Omit<Defaulted, "autoOffsetReset"> {
  readonly client: ClientSettings;
  /** null = it is in none. */
  readonly group: GroupSettings | null;
  /** Where to read without a position: milliseconds back from now, or a place; null = nowhere. */
  readonly autoOffsetReset: "earliest" | "latest" | { readonly backMs: number } | null;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} when a number is out of range
 * @throws {TypeError} when a text is none of those allowed, or as `clientSettings`
 */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const settings = withDefaults(CONSUMER_DEFAULTS, options);
  if (settings.maxPollRecords < 1) throw new RangeError("Cannot use maxPollRecords 0");
  if (!["read_uncommitted", "read_committed"].includes(settings.isolationLevel)) {
    throw new TypeError(`Cannot use isolationLevel ${settings.isolationLevel}`);
  }
  return {
    ...settings,
    client: clientSettings(options),
    group: groupSettings(options),
    autoOffsetReset: parseReset(settings.autoOffsetReset),
  };
}

function parseReset(reset: OffsetReset): ConsumerSettings["autoOffsetReset"] {
  if (reset === "none") return null;
  if (reset === "earliest" || reset === "latest") return reset;
  const backMs = reset.startsWith("by_duration:") ? durationMs(reset.slice(12)) : null;
  if (backMs === null) throw new TypeError(`Cannot use autoOffsetReset ${reset}`);
  return { backMs };
}

const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** `P1DT2H3M4.5S` in milliseconds; null if it is nothing of the kind. */
function durationMs(text: string): number | null {
  const match = DURATION.exec(text);
  if (match === null || /[PT]$/.test(text)) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
}
