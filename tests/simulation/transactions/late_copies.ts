/**
 * Copies of requests that arrive late: such as come about by themselves, which are noticed, and such as are made here.
 *
 * @module
 */
import type { Environment } from "../../../environment/environment.ts";
import type {
  LateRequest,
  Random,
  RecordedTransaction,
  SimulatedProcess,
  Simulation,
  TappedRequest,
  WireObserver,
} from "../../../testing/mod.ts";

/** Requests that are part of a transaction, by API key; which of them do harm to TV1 transactions when they are late. */
const REQUESTS: ReadonlyMap<number, LateRequest | null> = new Map([
  [0, "Produce"],
  [24, null], // AddPartitionsToTxn
  [25, null], // AddOffsetsToTxn
  [26, "EndTxn"],
  [28, "TxnOffsetCommit"],
]);
const COPY_CHANCE = 0.05;
const COPY_DELAY_MEAN_MS = 2500;

/** A request whose answer has not been written. */
interface Open {
  readonly connection: string;
  readonly correlationId: number;
  readonly transaction: RecordedTransaction;
  readonly request: LateRequest;
}

/** Watches the requests of transactions, and sends some of them again from elsewhere, later. */
export class LateCopies implements WireObserver {
  readonly #current = new Map<SimulatedProcess, RecordedTransaction>();
  readonly #open = new Map<SimulatedProcess, Open[]>();
  readonly #random: Random;
  readonly #environment: Environment;
  #ended = false;

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.random("late copies");
    this.#environment = simulation.process("copier").environment;
    simulation.taps.observe(this);
  }

  /** No more copies are made. */
  end(): void {
    this.#ended = true;
  }

  /** A process begins a transaction: what it has sent before and was not answered may arrive within it. */
  begins(process: SimulatedProcess, transaction: RecordedTransaction): void {
    for (const { transaction, request } of this.#open.get(process) ?? []) {
      transaction.mayBeLate(request);
    }
    this.#open.delete(process);
    this.#current.set(process, transaction);
  }

  /** @inheritdoc */
  asked({ from, connection, header, frame }: TappedRequest): void {
    const transaction = this.#current.get(from);
    const request = REQUESTS.get(header.apiKey);
    if (transaction === undefined || request === undefined) return;
    if (request !== null) {
      const open = { connection, correlationId: header.correlationId, transaction, request };
      this.#open.set(from, [...this.#open.get(from) ?? [], open]);
    }
    if (this.#ended || !this.#random.chance(COPY_CHANCE)) return;
    if (request !== null) transaction.mayBeLate(request);
    const delayMs = this.#random.exponential(COPY_DELAY_MEAN_MS);
    const copy = frame.slice();
    this.simulation.after(delayMs, () => void this.#send(copy));
  }

  /** @inheritdoc */
  answered(connection: string, correlationId: number): void {
    for (const [process, open] of this.#open) {
      const left = open.filter((each) =>
        each.connection !== connection || each.correlationId !== correlationId
      );
      if (left.length < open.length) this.#open.set(process, left);
    }
  }

  async #send(frame: Uint8Array): Promise<void> {
    this.simulation.faults.add("late copy of a request");
    try {
      const stream = await this.#environment.network.dial(this.simulation.broker.address);
      const size = new Uint8Array(4);
      new DataView(size.buffer).setInt32(0, frame.length);
      await stream.write([size, frame]);
      await stream.read(new Uint8Array(4096));
      stream.close();
    } catch {
      // The network is rough for copies, too.
    }
  }
}
