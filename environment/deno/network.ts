import type { Address, ByteStream, Listener, LogSink, Network, Timers } from "../environment.ts";
import { DenoStream } from "./stream.ts";
import { networkError } from "./errors.ts";

/** What the network itself needs of its environment. */
export interface DenoNetworkOptions {
  readonly timers: Timers;
  readonly log: LogSink;
}

/** TCP through Deno. */
export class DenoNetwork implements Network {
  constructor(private readonly options: DenoNetworkOptions) {}

  /** @throws NetworkError `addressInUse`, `addressNotAvailable`, `forbidden`, … */
  // deno-lint-ignore require-await -- a bad port must reject, not throw
  async listen({ host, port }: Address): Promise<Listener> {
    try {
      const listener = Deno.listen({ transport: "tcp", hostname: host, port });
      return new DenoListener(listener, this.options);
    } catch (error) {
      throw networkError(`Cannot listen on ${host}:${port}`, error);
    }
  }

  /** @throws NetworkError `refused`, `unreachable`, `forbidden`, … */
  async dial({ host, port }: Address): Promise<ByteStream> {
    try {
      return new DenoStream(await Deno.connect({ transport: "tcp", hostname: host, port }));
    } catch (error) {
      throw networkError(`Cannot connect to ${host}:${port}`, error);
    }
  }
}

/** The part of `Deno.TcpListener` used here. */
export type TcpListener = Pick<Deno.TcpListener, "addr" | "accept" | "close">;

/** Pause after an accept that failed, e.g. because the process is out of file descriptors. */
const ACCEPT_PAUSE_MS = 100;

/** A listening TCP port. Accepting goes on, after a short pause, whatever a single accept runs into. */
export class DenoListener implements Listener {
  readonly address: Address;
  #closed = false;
  /** Ends the pause after a failed accept. */
  #wake: (() => void) | null = null;

  constructor(
    private readonly listener: TcpListener,
    private readonly options: DenoNetworkOptions,
  ) {
    this.address = { host: listener.addr.hostname, port: listener.addr.port };
  }

  async accept(): Promise<ByteStream | null> {
    for (let failures = 0; !this.#closed; failures++) {
      try {
        return new DenoStream(await this.listener.accept());
      } catch (error) {
        if (this.#closed) break;
        if (failures === 0) this.#warn(error);
        await this.#pause();
      }
    }
    return null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    try {
      this.listener.close();
    } catch {
      // closed by the runtime already
    }
  }

  #warn(error: unknown): void {
    const { host, port } = this.address;
    this.options.log.write("warn", "Cannot accept a connection, trying on", {
      listener: `${host}:${port}`,
      error,
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.options.timers.schedule(ACCEPT_PAUSE_MS, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
