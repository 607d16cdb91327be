import type { Address, ByteStream, Listener } from "../../../environment/environment.ts";
import type { SimulatedProcess } from "../process.ts";

/** A listening port of a simulated process. */
export class SimulatedListener implements Listener {
  readonly #backlog: ByteStream[] = [];
  readonly #accepting: ((stream: ByteStream | null) => void)[] = [];
  #closed = false;

  constructor(
    readonly process: SimulatedProcess,
    readonly address: Address,
    private readonly onClose: () => void,
  ) {}

  accept(): Promise<ByteStream | null> {
    return new Promise((resolve) => {
      this.#accepting.push(resolve);
      this.#serve();
    });
  }

  close(): void {
    if (this.#closed || !this.process.alive) return;
    this.#closed = true;
    this.onClose();
    for (const stream of this.#backlog.splice(0)) stream.close();
    this.#serve();
  }

  /** A connection has come in. */
  offer(stream: ByteStream): void {
    this.#backlog.push(stream);
    this.#serve();
  }

  #serve(): void {
    this.process.enter(() => {
      while (this.#accepting.length > 0 && (this.#closed || this.#backlog.length > 0)) {
        this.#accepting.shift()!(this.#backlog.shift() ?? null);
      }
    });
  }
}
