/**
 * What the commands that talk to a broker have in common.
 *
 * @module
 */
import type { Command } from "commander";
import type { ClientOptions } from "../client/mod.ts";
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { stderrLog } from "../environment/deno/stderr_log.ts";
import { parseAddress } from "./addresses.ts";
import { UsageError } from "./usage_error.ts";

/** The options of every such command, as they were typed. */
export interface ClientArguments {
  readonly bootstrap: string;
  readonly timeoutMs: string;
}

/** Adds the options of every command that talks to a broker. */
export function addClientOptions(command: Command): Command {
  return command
    .option("--bootstrap <host:port>", "the broker, or several with commas", "127.0.0.1:9092")
    .option("--timeout-ms <ms>", "how long to go on trying", "10000");
}

/**
 * How to reach the broker.
 *
 * @throws UsageError when an address is none, or the timeout is no number.
 */
export function clientOptions({ bootstrap, timeoutMs }: ClientArguments): ClientOptions {
  return {
    environment: denoEnvironment({ log: stderrLog({ level: "error" }) }),
    bootstrapServers: bootstrap.split(",").map((text) => parseAddress(text, "--bootstrap")),
    clientId: "odradek",
    defaultApiTimeoutMs: parseWhole(timeoutMs, "--timeout-ms", 1),
  };
}

/** As commander calls it for an option that may come several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/**
 * A whole number.
 *
 * @param what names the option in the message.
 * @throws UsageError when it is none, or out of range.
 */
export function parseWhole(text: string, what: string, min: number, max = 2 ** 31 - 1): number {
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${what}: "${text}" is not a whole number from ${min} to ${max}`);
}

/**
 * `NAME=VALUE`.
 *
 * @param what names the option in the message.
 * @throws UsageError when there is no name or no equals sign.
 */
export function parsePair(text: string, what: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new UsageError(`${what}: "${text}" is not NAME=VALUE`);
  return [text.slice(0, equals).trim(), text.slice(equals + 1)];
}
