/**
 * `serve`: runs a broker until it is told to stop.
 *
 * @module
 */
import type { Command } from "commander";
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { stderrLog } from "../environment/deno/stderr_log.ts";
import { type Broker, createBroker } from "../mod.ts";
import { addressText } from "./addresses.ts";
import { collect } from "./client_options.ts";
import { userMessage } from "./fault.ts";
import { LISTEN_DEFAULT } from "./listeners.ts";
import {
  resolveServeOptions,
  type ServeArguments,
  type ServeOptions,
  type SettingsFile,
} from "./serve_options.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

const EXAMPLES = `
Examples:
  serve                                          on 127.0.0.1:9092, records in ./data
  serve --data memory:                           keeps nothing
  serve --listen 0.0.0.0:9092 --advertise broker.example:9092
  serve --set num.partitions=8 --set log.retention.hours=24
  serve --config server.properties               Kafka's own file`;

/** Adds `serve` to the program. */
export function addServeCommand(program: Command, terminal: Terminal): void {
  program.command("serve")
    .description("Run a broker")
    .option(
      "--listen <host:port>",
      `where to listen; repeatable (default: ${LISTEN_DEFAULT})`,
      collect,
    )
    .option(
      "--advertise <host:port>",
      "what clients are told instead of the listener's address; one for each --listen " +
        "(default for 0.0.0.0: the address that the client connected to)",
      collect,
    )
    .option("--data <dir>", "the data folder, or memory: (default: ./data)")
    .option("--node-id <n>", "the number of this broker (default: 1)")
    .option("--cluster-id <id>", "22 characters of base64url (default: the folder's, or a new one)")
    .option("--set <name=value>", "a Kafka broker setting, or one of our own; repeatable", collect)
    .option("--config <file>", "settings in the format of Kafka's server.properties")
    .option("--log-level <level>", "debug, info, warn or error (default: info)")
    .addHelpText("after", EXAMPLES)
    .action((typed: ServeArguments & { config?: string }) => serve(typed, terminal));
}

async function serve(
  typed: ServeArguments & { readonly config?: string },
  terminal: Terminal,
): Promise<void> {
  const file = typed.config === undefined ? null : await readSettings(typed.config, terminal);
  const options = resolveServeOptions(typed, file);
  const stopped = new Promise<void>((resolve) => terminal.onStop(resolve));
  await using broker = await start(options);
  terminal.print(readyLine(broker, options, terminal.sinceStartMs()));
  const lost = await Promise.race([stopped, broker.ended]);
  if (lost instanceof Error) throw lost;
}

async function readSettings(path: string, terminal: Terminal): Promise<SettingsFile> {
  try {
    return { name: path, text: await terminal.readFile(path) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--config: cannot read ${path}: ${reason}`, { cause });
  }
}

/** Starts the broker. Whatever keeps it from starting is the user's to put right, unless it is a fault. */
async function start(options: ServeOptions): Promise<Broker> {
  const { data, listeners, nodeId, clusterId, config, logLevel } = options;
  try {
    return await createBroker({
      data,
      listeners,
      nodeId,
      ...(clusterId !== null && { clusterId }),
      config,
      environment: denoEnvironment({ log: stderrLog({ level: logLevel }) }),
    });
  } catch (cause) {
    const message = userMessage(cause);
    throw message === null ? cause : new UsageError(message, { cause });
  }
}

function readyLine(broker: Broker, { data }: ServeOptions, sinceStartMs: number): string {
  const addresses = broker.listeners.map(addressText).join(", ");
  const topics = broker.topicsFound === 1 ? "1 topic" : `${broker.topicsFound} topics`;
  return `Odradek is ready on ${addresses}: data ${data}, ${topics}, ${
    Math.round(sinceStartMs)
  } ms`;
}
