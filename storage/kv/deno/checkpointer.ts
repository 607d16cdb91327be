/**
 * Moves what was committed from SQLite's write-ahead log into the database file, in a thread of its own, so that the
 * thread that commits seldom has to: it shortens the slowest commits.
 *
 * @module
 */
import { Worker } from "node:worker_threads";

/** Written bytes before the thread is worth its memory; SQLite itself begins to checkpoint at about as much. */
const START_BYTES = 16 * 1024 * 1024;
const PAUSE_MS = 10;

/** Slots of the memory shared with the thread. */
const WRITES = 0;
const STOP = 1;

interface Assignment {
  readonly paths: readonly string[];
  readonly shared: SharedArrayBuffer;
  readonly pauseMs: number;
}

/** Checkpoints the stores of one folder while they are written to. Whatever fails, the stores go on without it. */
export class Checkpointer {
  readonly #paths: string[] = [];
  readonly #startBytes: number;
  #writtenBytes = 0;
  #running: { readonly worker: Worker; readonly slots: Int32Array } | null = null;
  #broken = false;

  /** @param options.startBytes bytes written before the thread is started; default 16 MiB */
  constructor({ startBytes = START_BYTES }: { readonly startBytes?: number } = {}) {
    this.#startBytes = startBytes;
  }

  get running(): boolean {
    return this.#running !== null;
  }

  /** Takes a store on; the thread is started again with the next write. */
  async add(path: string): Promise<void> {
    this.#paths.push(path);
    await this.stop();
  }

  /** Tells that `bytes` were committed. */
  wrote(bytes: number): void {
    this.#writtenBytes += bytes;
    if (!this.#running && this.#writtenBytes >= this.#startBytes && !this.#broken) this.#start();
    if (!this.#running) return;
    Atomics.add(this.#running.slots, WRITES, 1);
    Atomics.notify(this.#running.slots, WRITES);
  }

  /** Ends the thread, and settles when it let go of the files. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    const { worker, slots } = running;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    // What waits for the exit must not see the process end before it.
    worker.ref();
    Atomics.store(slots, STOP, 1);
    Atomics.add(slots, WRITES, 1);
    Atomics.notify(slots, WRITES);
    Atomics.notify(slots, STOP);
    await exited;
  }

  #start(): void {
    const shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    const workerData: Assignment = { paths: [...this.#paths], shared, pauseMs: PAUSE_MS };
    try {
      // The text of a function: a file of its own would need permission to read where this program lies.
      const worker = new Worker(`(${checkpointLoop})()`, { eval: true, workerData });
      worker.unref();
      worker.on("error", () => {}); // An exit follows.
      worker.on("exit", () => {
        if (this.#running?.worker !== worker) return;
        // Not asked for: it cannot do its work here.
        this.#running = null;
        this.#broken = true;
      });
      this.#running = { worker, slots: new Int32Array(shared) };
    } catch {
      this.#broken = true;
    }
  }
}

/** What the thread runs. It is sent as text, so it refers to nothing outside itself. */
async function checkpointLoop(): Promise<void> {
  const { workerData } = await import("node:worker_threads");
  const { paths, shared, pauseMs } = workerData as Assignment;
  const [WRITES, STOP] = [0, 1];
  const slots = new Int32Array(shared);
  const close: (() => void)[] = [];
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const checkpoints = paths.map((path) => {
      const database = new DatabaseSync(path);
      close.push(() => database.close());
      return database.prepare("pragma wal_checkpoint(PASSIVE)");
    });
    let seen = -1;
    while (Atomics.load(slots, STOP) === 0) {
      Atomics.wait(slots, WRITES, seen);
      seen = Atomics.load(slots, WRITES);
      for (const checkpoint of checkpoints) checkpoint.get();
      Atomics.wait(slots, STOP, 0, pauseMs);
    }
  } catch {
    // No node:sqlite, or the files are gone: the stores checkpoint themselves, as SQLite does.
  }
  close.forEach((each) => each());
}
