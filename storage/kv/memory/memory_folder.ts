import type { Kv, KvFolder, KvLimits } from "../kv.ts";
import { DENO_KV_LIMITS } from "../limits.ts";
import { MemoryKv, MemoryTable } from "./memory_kv.ts";

/** Options of {@linkcode MemoryDisk}. */
export interface MemoryDiskOptions {
  /** Key and value bytes that fit; sets beyond it are refused as on a full disk. Unlimited when left out. */
  readonly capacityBytes?: number;
  /** Default: those of Deno KV. */
  readonly limits?: KvLimits;
}

/**
 * What remains when a process ends: the stores of one in-memory data folder. To open it again while it is open is what
 * a restart after a kill is: the handles of the owner before are dead (their commits are refused, their reads throw).
 *
 * ```ts
 * const disk = new MemoryDisk();
 * const folder = disk.openFolder();
 * const meta = await folder.open("meta");
 * ```
 */
export class MemoryDisk {
  readonly #tables = new Map<string, MemoryTable>();
  readonly #limits: KvLimits;
  readonly #capacityBytes: number;
  #owner: MemoryFolder | null = null;

  constructor({ capacityBytes = Infinity, limits = DENO_KV_LIMITS }: MemoryDiskOptions = {}) {
    this.#capacityBytes = capacityBytes;
    this.#limits = limits;
  }

  /** Opens the folder, taking it from whoever had it open. */
  openFolder(): KvFolder {
    this.#owner?.die();
    this.#owner = new MemoryFolder(this, this.#limits);
    return this.#owner;
  }

  /** The entries of a store, made when absent. */
  table(name: string): MemoryTable {
    const table = this.#tables.get(name) ?? new MemoryTable();
    this.#tables.set(name, table);
    return table;
  }

  /** `Infinity` when there is no capacity set. */
  freeBytes(): number {
    let bytes = 0;
    for (const table of this.#tables.values()) bytes += table.bytes;
    return this.#capacityBytes - bytes;
  }
}

/** A data folder of its own, in memory: gone with the process. */
export function memoryFolder(options?: MemoryDiskOptions): KvFolder {
  return new MemoryDisk(options).openFolder();
}

class MemoryFolder implements KvFolder {
  readonly name = "memory:";
  readonly #disk: MemoryDisk;
  readonly #limits: KvLimits;
  readonly #opened = new Set<string>();
  #dead = false;

  constructor(disk: MemoryDisk, limits: KvLimits) {
    this.#disk = disk;
    this.#limits = limits;
  }

  open(name: string): Promise<Kv> {
    if (this.#dead) return Promise.reject(this.#gone());
    if (this.#opened.has(name)) {
      return Promise.reject(new Error(`Cannot open "${name}" of ${this.name}: it is open already`));
    }
    this.#opened.add(name);
    return Promise.resolve(
      new MemoryKv(this.#disk.table(name), {
        closed: () => this.#dead ? this.#gone() : null,
        fits: (bytes) => bytes <= this.#disk.freeBytes(),
      }, this.#limits),
    );
  }

  freeBytes(): Promise<number | null> {
    const bytes = this.#disk.freeBytes();
    return Promise.resolve(bytes === Infinity ? null : bytes);
  }

  close(): Promise<void> {
    this.die();
    return Promise.resolve();
  }

  die(): void {
    this.#dead = true;
  }

  #gone(): Error {
    return new Error(`The folder ${this.name} is closed`);
  }
}
