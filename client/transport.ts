import type { Address, ByteStream } from "../environment/environment.ts";

/**
 * Opens a connection to a broker. The default is the environment's TCP. A broker in the same process ignores the address;
 * TLS wraps the stream.
 */
export type Dial = (address: Address) => Promise<ByteStream>;

/** `host:port`, with brackets around an IPv6 host. */
export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The addresses in `bootstrap.servers`: `host:port,host:port`.
 *
 * @throws {TypeError} when one of them is no such thing
 */
export function parseAddresses(text: string): Address[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => {
    const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(part);
    const port = Number(match?.[3]);
    if (match === null || port > 65_535) {
      throw new TypeError(`Cannot use "${part}" as a bootstrap server: it is not HOST:PORT`);
    }
    return { host: match[1] ?? match[2], port };
  });
}
