/**
 * What was acknowledged while a broker was killed and cleaned its log, and whether what is left of it is what has to be.
 *
 * @module
 */

/** A record: the `n`-th of its producer, for a key of that producer alone. */
export interface SentRecord {
  readonly producer: number;
  readonly n: number;
  /** null = none. */
  readonly key: string | null;
  /** Whether it deletes its key. */
  readonly tombstone: boolean;
}

/** What a partition had at an offset at the end. */
export interface StoredRecord extends SentRecord {
  readonly offset: number;
}

/** What is wrong with a partition: all lists have to be empty. */
export interface Faults {
  readonly lost: string[];
  readonly duplicated: string[];
  readonly reordered: string[];
  /** Stored, but never acknowledged at that offset; or there although a later record of its key has deleted it. */
  readonly wrong: string[];
}

/** Everything that was acknowledged in one partition. */
export class PartitionHistory {
  readonly #byOffset: SentRecord[] = [];
  acknowledged = 0;
  readonly faults: Faults = { lost: [], duplicated: [], reordered: [], wrong: [] };

  constructor(readonly name: string, readonly compacted: boolean) {}

  acknowledge(record: SentRecord, offset: number): void {
    const other = this.#byOffset[offset];
    if (other) {
      this.faults.duplicated.push(
        `${this.name}: ${text(record)} and ${text(other)} were both told offset ${offset}`,
      );
    }
    this.#byOffset[offset] = record;
    this.acknowledged++;
  }

  /** Compares with what there is from the log's start to its end. Everything sent must have been acknowledged. */
  check(logStartOffset: number, stored: readonly StoredRecord[]): Faults {
    this.#checkOrder();
    const there = this.#checkStored(logStartOffset, stored);
    if (this.compacted) this.#checkKeys(logStartOffset, there);
    else this.#checkAll(logStartOffset, there);
    return this.faults;
  }

  /** By offset, each producer's records are in the order in which they were sent; none has two offsets. */
  #checkOrder(): void {
    const lastOf = new Map<number, number>();
    this.#byOffset.forEach((record, offset) => {
      const last = lastOf.get(record.producer) ?? -1;
      if (record.n === last) this.faults.duplicated.push(this.#at(record, offset));
      if (record.n < last) this.faults.reordered.push(this.#at(record, offset));
      lastOf.set(record.producer, record.n);
    });
  }

  #checkStored(logStartOffset: number, stored: readonly StoredRecord[]): Map<number, StoredRecord> {
    const there = new Map<number, StoredRecord>();
    let last = logStartOffset - 1;
    for (const record of stored) {
      const { offset } = record;
      if (there.has(offset)) this.faults.duplicated.push(this.#at(record, offset));
      else if (offset <= last) this.faults.reordered.push(this.#at(record, offset));
      last = Math.max(last, offset);
      there.set(offset, record);
      const told = this.#byOffset[offset];
      if (!told || text(told) !== text(record)) {
        const expected = told ? text(told) : "nothing";
        this.faults.wrong.push(`${this.#at(record, offset)}, where ${expected} was acknowledged`);
      }
    }
    return there;
  }

  #checkAll(logStartOffset: number, there: ReadonlyMap<number, StoredRecord>): void {
    this.#byOffset.forEach((record, offset) => {
      if (offset >= logStartOffset && !there.has(offset)) {
        this.faults.lost.push(this.#at(record, offset));
      }
    });
  }

  /** Of each key the last record is there; a tombstone may be gone, but then all before it, too. */
  #checkKeys(logStartOffset: number, there: ReadonlyMap<number, StoredRecord>): void {
    const lastOf = new Map<string, number>();
    this.#byOffset.forEach(({ key }, offset) => lastOf.set(key!, offset));
    const visible = new Map<string, number>();
    for (const [offset, { key }] of there) visible.set(key!, offset);
    for (const [key, offset] of lastOf) {
      if (offset < logStartOffset || visible.get(key) === offset) continue;
      const record = this.#byOffset[offset];
      const older = visible.get(key);
      if (!record.tombstone) this.faults.lost.push(this.#at(record, offset));
      if (older !== undefined) {
        this.faults.wrong.push(
          `${this.#at(this.#byOffset[older], older)} is back, after ${this.#at(record, offset)}`,
        );
      }
    }
  }

  #at(record: SentRecord, offset: number): string {
    return `${this.name} at ${offset}: ${text(record)}`;
  }
}

function text({ producer, n, key, tombstone }: SentRecord): string {
  return `p${producer}:${n} of ${key ?? "no key"}${tombstone ? " (deleted)" : ""}`;
}
