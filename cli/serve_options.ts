/**
 * From the command line and a settings file to what a broker is started with.
 *
 * @module
 */
import { BrokerConfig } from "../config/broker_config.ts";
import { ConfigError } from "../config/config_error.ts";
import type { LogLevel } from "../environment/environment.ts";
import { parsePair, parseWhole } from "./client_options.ts";
import { chooseListeners, type ListenerChoice, listenersText } from "./listeners.ts";
import { parseProperties } from "./properties.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `serve` as they were typed. */
export interface ServeArguments {
  readonly listen?: readonly string[];
  readonly advertise?: readonly string[];
  readonly data?: string;
  readonly nodeId?: string;
  readonly clusterId?: string;
  readonly set?: readonly string[];
  readonly logLevel?: string;
}

/** What a broker is started with. */
export interface ServeOptions {
  /** A path, or `memory:`. */
  readonly data: string;
  readonly listeners: readonly ListenerChoice[];
  readonly nodeId: number;
  /** `null`: that of the data folder, or a new one. */
  readonly clusterId: string | null;
  /** Kafka's broker settings by name, all of them legal. */
  readonly config: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
}

/** A settings file: its name, for messages, and its text. */
export interface SettingsFile {
  readonly name: string;
  readonly text: string;
}

const DATA_DEFAULT = "./data";
const NODE_ID_DEFAULT = 1;
const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

type Entry = readonly [name: string, text: string];

/**
 * What a broker is started with. An option counts before `--set`, `--set` before the settings file.
 *
 * @throws UsageError when something is wrong with any of it.
 */
export function resolveServeOptions(
  typed: ServeArguments,
  file: SettingsFile | null,
): ServeOptions {
  const fromFile = file === null ? [] : fileEntries(file);
  if (file !== null) parseConfig(fromFile, file.name);
  const entries = [...fromFile, ...(typed.set ?? []).map((text) => parsePair(text, "--set"))];
  const settings = parseConfig(entries, "--set");
  const listeners = chooseListeners(typed, settings);
  const data = typed.data ?? folderOf(settings) ?? DATA_DEFAULT;
  const nodeId = chooseNodeId(typed.nodeId, settings);
  const chosen: Entry[] = [
    ["node.id", String(nodeId)],
    ["listeners", listenersText(listeners)],
    ["advertised.listeners", advertisedText(listeners)],
  ];
  // log.dirs is a list: a folder with a comma in its name cannot be shown in it.
  if (!data.includes(",")) chosen.push(["log.dirs", data]);
  const complete = [...entries, ...chosen];
  parseConfig(complete, "settings");
  return {
    data,
    listeners,
    nodeId,
    clusterId: typed.clusterId === undefined ? null : checkClusterId(typed.clusterId),
    config: Object.fromEntries(complete),
    logLevel: checkLogLevel(typed.logLevel ?? "info"),
  };
}

function fileEntries({ name, text }: SettingsFile): readonly Entry[] {
  try {
    return parseProperties(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
}

function parseConfig(entries: readonly Entry[], where: string): BrokerConfig {
  try {
    return BrokerConfig.parse(entries);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`${where}: ${error.message}`, { cause: error });
  }
}

function folderOf(settings: BrokerConfig): string | null {
  const folders = settings.list("log.dirs") ??
    (settings.isSet("log.dir") ? settings.list("log.dir") : null);
  if (folders === null) return null;
  if (folders.length === 1) return folders[0];
  throw new UsageError(`log.dirs: one data folder is used, not ${folders.length}`);
}

function chooseNodeId(typed: string | undefined, settings: BrokerConfig): number {
  if (typed === undefined) {
    const olderName = settings.int("broker.id");
    return settings.int("node.id") ?? (olderName >= 0 ? olderName : NODE_ID_DEFAULT);
  }
  return parseWhole(typed, "--node-id", 0);
}

function checkClusterId(text: string): string {
  if (/^[\w-]{22}$/.test(text)) return text;
  throw new UsageError(
    `--cluster-id: "${text}" is not 22 characters of base64url (letters, digits, - and _)`,
  );
}

function checkLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((level) => level === text);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level: "${text}" is none of ${LOG_LEVELS.join(", ")}`);
}

function advertisedText(listeners: readonly ListenerChoice[]): string {
  return listenersText(listeners.map((listener) => ({ ...listener, ...listener.advertised })));
}
