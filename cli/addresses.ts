/**
 * Addresses as users write them: `HOST:PORT`, and Kafka's `NAME://HOST:PORT`.
 *
 * @module
 */
import type { Address } from "../environment/environment.ts";
import { UsageError } from "./usage_error.ts";

/** A listener of a Kafka settings file. */
export interface NamedAddress extends Address {
  /** E.g. `PLAINTEXT`: a security protocol, or a name that `listener.security.protocol.map` gives one. */
  readonly name: string;
}

/**
 * Reads `HOST:PORT`; an IPv6 host stands in brackets.
 *
 * @param what names the setting in the message.
 * @throws UsageError when it is something else, or the port is above 65535.
 */
export function parseAddress(text: string, what: string): Address {
  const parts = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^[\]:/\s]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535) {
    throw new UsageError(`${what}: "${text}" is not HOST:PORT (an example: 127.0.0.1:9092)`);
  }
  return { host: parts[1] ?? parts[2], port };
}

/**
 * Reads `NAME://HOST:PORT`, of which Kafka lets the host be empty: all addresses of the machine.
 *
 * @param what names the setting in the message.
 * @throws UsageError when it is something else.
 */
export function parseNamedAddress(text: string, what: string): NamedAddress {
  const parts = /^([\w.-]+):\/\/(.*):(\d+)$/.exec(text.trim());
  if (parts === null) {
    throw new UsageError(`${what}: "${text}" is not NAME://HOST:PORT`);
  }
  const [, name, host, port] = parts;
  return { name: name.toUpperCase(), ...parseAddress(`${host || "0.0.0.0"}:${port}`, what) };
}

/** As {@linkcode parseAddress} reads it. */
export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a host stands for all addresses of the machine, and so is none that a client could dial. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]*:[0:]*$/.test(host);
}
