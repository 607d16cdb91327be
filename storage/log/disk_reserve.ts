import type { Environment, Timer } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { FolderGoneError, type KvFolder } from "../kv/kv.ts";

/**
 * Watches the free space of the disk (`odradek.disk.reserve.bytes`): a full disk refuses deletes too, so batches are
 * refused before it is full, and retention can still make room. In a folder that was deleted there is no room for any.
 */
export class DiskReserve {
  readonly #folder: KvFolder;
  readonly #environment: Environment;
  readonly reserveBytes: number;
  readonly #intervalMs: number;
  #freeBytes: number | null = null;
  #writtenBytes = 0;
  #gone: FolderGoneError | null = null;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(
    folder: KvFolder,
    environment: Environment,
    options: { readonly reserveBytes: number; readonly intervalMs: number },
  ) {
    this.#folder = folder;
    this.#environment = environment;
    this.reserveBytes = options.reserveBytes;
    this.#intervalMs = options.intervalMs;
  }

  /** Looks once, and from then on at intervals. */
  async start(): Promise<void> {
    await this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Bytes that are free beyond the reserve; Infinity when nobody can tell. */
  get spareBytes(): number {
    return this.#freeBytes === null
      ? Infinity
      : this.#freeBytes - this.#writtenBytes - this.reserveBytes;
  }

  /** So many bytes are written beside batches: until the next look they count as gone. */
  noteWritten(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** @throws KafkaError KAFKA_STORAGE_ERROR while less than the reserve is free, or the folder is gone. */
  require(): void {
    if (this.#gone) throw new KafkaError("KAFKA_STORAGE_ERROR", this.#gone.message);
    if (this.#freeBytes === null || this.#freeBytes >= this.reserveBytes) return;
    throw new KafkaError(
      "KAFKA_STORAGE_ERROR",
      `"${this.#folder.name}" has ${this.#freeBytes} bytes left, ${this.reserveBytes} are kept in reserve`,
    );
  }

  async #look(): Promise<void> {
    try {
      this.#tell(await this.#folder.freeBytes());
    } catch (error) {
      if (error instanceof FolderGoneError) return this.#tellGone(error);
      this.#environment.log.write("warn", "The free space of the disk cannot be told", { error });
    }
    if (this.#stopped) return;
    this.#timer = this.#environment.timers.schedule(this.#intervalMs, () => this.#look());
  }

  /** For good: the files that are open will not get their names back. */
  #tellGone(error: FolderGoneError): void {
    this.#gone = error;
    this.#environment.log.write("error", `${error.message}: no batch is taken any more`);
  }

  #tell(freeBytes: number | null): void {
    const before = this.#freeBytes;
    this.#freeBytes = freeBytes;
    this.#writtenBytes = 0;
    const low = (bytes: number | null) => bytes !== null && bytes < this.reserveBytes;
    if (low(before) === low(freeBytes)) return;
    const { log } = this.#environment;
    if (low(freeBytes)) {
      log.write("error", "The disk is nearly full: no batch is taken", { freeBytes });
    } else log.write("info", "The disk has room again", { freeBytes });
  }
}
