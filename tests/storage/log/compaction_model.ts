/**
 * What Kafka promises of a compacted log, as a pure model: it is told of what is written and when the cleaner ran, and says of
 * a log that was read whether it may look like that.
 *
 * @module
 */

/** The settings that the model goes by. */
export interface CompactionSettings {
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  readonly deleteRetentionMs: number;
  /** 0: whatever is dirty is compacted; 1: nothing is, but by its age. */
  readonly minCleanableDirtyRatio: 0 | 1;
}

/** A record of data, as it was written or found. */
export interface ModelRecord {
  readonly offset: number;
  readonly key: string;
  /** null = a tombstone. */
  readonly value: string | null;
  readonly timestampMs: number;
}

/** What a reader finds: everything, uncommitted and aborted records too. */
export interface FoundLog {
  readonly start: number;
  readonly end: number;
  readonly records: readonly ModelRecord[];
  /** Offsets of the ends of transactions. */
  readonly markers: readonly number[];
  /** Whether a record is told to belong to an aborted transaction. */
  readonly isToldAborted: (offset: number) => boolean;
}

interface Written extends ModelRecord {
  readonly transaction: Transaction | null;
}

interface Transaction {
  readonly offsets: number[];
  marker:
    | { readonly offset: number; readonly commit: boolean; readonly timestampMs: number }
    | null;
}

/** One run of the cleaner, to its end or not. */
interface Run {
  readonly atMs: number;
  /** What lay below was there when it ran. */
  readonly end: number;
  /** No record from here on may have been touched. */
  readonly untouchedFrom: number;
}

/** All that was written to a log, and all that may have happened to it. */
export class CompactionModel {
  readonly #written = new Map<number, Written>();
  readonly #transactions: Transaction[] = [];
  readonly #runs: Run[] = [];
  #open: Transaction | null = null;
  #start = 0;
  #end = 0;

  constructor(private readonly settings: CompactionSettings) {}

  get end(): number {
    return this.#end;
  }

  get hasOpenTransaction(): boolean {
    return this.#open !== null;
  }

  append(records: readonly Omit<ModelRecord, "offset">[], transactional: boolean): void {
    if (transactional && !this.#open) {
      this.#open = { offsets: [], marker: null };
      this.#transactions.push(this.#open);
    }
    for (const record of records) {
      const offset = this.#end++;
      const transaction = transactional ? this.#open : null;
      transaction?.offsets.push(offset);
      this.#written.set(offset, { ...record, offset, transaction });
    }
  }

  endTransaction(commit: boolean, timestampMs: number): void {
    this.#open!.marker = { offset: this.#end++, commit, timestampMs };
    this.#open = null;
  }

  cut(offset: number): void {
    this.#start = Math.max(this.#start, offset);
  }

  /** The cleaner runs now, or begins to. */
  clean(nowMs: number): void {
    this.#runs.push({ atMs: nowMs, end: this.#end, untouchedFrom: this.#untouchedFrom(nowMs) });
  }

  /** Throws an Error that says what may not be. */
  check(found: FoundLog, nowMs: number): void {
    const byOffset = new Map(found.records.map((record) => [record.offset, record]));
    this.#isWhatWasWritten(found);
    this.#hasTheUntouched(found, byOffset);
    this.#hasLatestValues(found, byOffset, nowMs);
    this.#hasMarkers(found, byOffset, nowMs);
  }

  /** Of each key one record only, but for the last of the log: when all was closed and cleaned. */
  checkIsCompact(found: FoundLog): void {
    const last = new Map<string, number>();
    for (const { offset, key } of found.records) {
      if (offset === found.end - 1) continue;
      const before = last.get(key);
      if (before !== undefined) throw new Error(`${key} is at ${before} and at ${offset}`);
      last.set(key, offset);
      if (this.#written.get(offset)!.transaction?.marker?.commit === false) {
        throw new Error(`Offset ${offset} was aborted, and is there still`);
      }
    }
  }

  /** Same offsets, same order, same records, nothing twice. */
  #isWhatWasWritten({ start, end, records }: FoundLog): void {
    if (start !== this.#start || end !== this.#end) {
      throw new Error(`It is from ${start} to ${end}, not from ${this.#start} to ${this.#end}`);
    }
    let before = -1;
    for (const { offset, key, value, timestampMs } of records) {
      const written = this.#written.get(offset);
      const same = written?.key === key && written.value === value &&
        written.timestampMs === timestampMs;
      if (!same) throw new Error(`Offset ${offset} is ${key}, ${value} at ${timestampMs}`);
      if (offset <= before) throw new Error(`Offset ${offset} comes after ${before}`);
      before = offset;
    }
  }

  /** What no run was allowed to touch, and the last record of all. */
  #hasTheUntouched(
    { start, end, markers }: FoundLog,
    found: ReadonlyMap<number, ModelRecord>,
  ): void {
    const untouchedFrom = Math.max(0, ...this.#runs.map(({ untouchedFrom }) => untouchedFrom));
    const isThere = (offset: number) => found.has(offset) || markers.includes(offset);
    for (let offset = Math.max(start, Math.min(untouchedFrom, end - 1)); offset < end; offset++) {
      if (!isThere(offset)) throw new Error(`Offset ${offset} is gone too early`);
    }
  }

  /** The last committed record of each key, tombstones for their time. */
  #hasLatestValues(
    { start, isToldAborted }: FoundLog,
    found: ReadonlyMap<number, ModelRecord>,
    nowMs: number,
  ): void {
    const latest = new Map<string, Written>();
    for (const record of this.#written.values()) {
      if (record.transaction?.marker?.commit === false) {
        if (found.has(record.offset) && !isToldAborted(record.offset)) {
          throw new Error(`Offset ${record.offset} was aborted, and is read as committed`);
        }
      } else if (record.transaction?.marker !== null && record.offset >= start) {
        latest.set(record.key, record);
      }
    }
    for (const [key, record] of latest) {
      if (found.has(record.offset)) {
        if (isToldAborted(record.offset)) {
          throw new Error(`Offset ${record.offset} is told aborted`);
        }
        continue;
      }
      if (record.value !== null) throw new Error(`${key} has lost its value at ${record.offset}`);
      if (!this.#mayBeGone(record.offset, nowMs)) throw new Error(`${key} has lost its tombstone`);
      const older = [...found.values()].findLast((other) =>
        other.key === key && other.offset < record.offset && !isToldAborted(other.offset)
      );
      if (older) throw new Error(`${key} is back, at ${older.offset}`);
    }
  }

  /** The end of a transaction as long as a record of it is there, and then for its time. */
  #hasMarkers(
    { start, markers }: FoundLog,
    found: ReadonlyMap<number, ModelRecord>,
    nowMs: number,
  ): void {
    const there = new Set(markers);
    for (const { offsets, marker } of this.#transactions) {
      if (!marker || marker.offset < start || there.has(marker.offset)) continue;
      const left = offsets.find((offset) => offset >= start && found.has(offset));
      if (left !== undefined) {
        throw new Error(`Offset ${left} has lost its marker ${marker.offset}`);
      }
      if (!this.#mayBeGone(marker.offset, nowMs)) {
        throw new Error(`Marker ${marker.offset} is gone`);
      }
    }
    const written = new Set(this.#transactions.map(({ marker }) => marker?.offset));
    const strange = markers.find((offset) => !written.has(offset));
    if (strange !== undefined) throw new Error(`There is no marker ${strange}`);
  }

  /** A tombstone or marker goes `delete.retention.ms` after a run has met it, in a later run. */
  #mayBeGone(offset: number, nowMs: number): boolean {
    const met = this.#runs.find(({ end, untouchedFrom }) => offset < Math.min(end, untouchedFrom));
    if (!met) return false;
    const goneAtMs = met.atMs + this.settings.deleteRetentionMs;
    return nowMs >= goneAtMs && this.#runs.some(({ atMs }) => atMs >= goneAtMs);
  }

  /** From where on the cleaner may touch nothing that is written by now: too young, or of an open transaction. */
  #untouchedFrom(nowMs: number): number {
    const { minCompactionLagMs, maxCompactionLagMs, minCleanableDirtyRatio } = this.settings;
    const records = [...this.#written.values()].filter(({ offset }) => offset >= this.#start);
    const isYoung = ({ timestampMs }: { readonly timestampMs: number }) =>
      minCompactionLagMs > 0 && timestampMs > nowMs - minCompactionLagMs;
    const young = [
      ...records.filter(isYoung).map(({ offset }) => offset),
      ...this.#transactions.flatMap(({ marker }) => marker && isYoung(marker) ? marker.offset : []),
    ];
    const isOld = records.some(({ timestampMs }) => nowMs - timestampMs > maxCompactionLagMs);
    if (minCleanableDirtyRatio === 1 && !isOld) return this.#alreadyTouched;
    return Math.min(this.#end, this.#open?.offsets[0] ?? Infinity, ...young);
  }

  get #alreadyTouched(): number {
    return Math.max(0, ...this.#runs.map(({ untouchedFrom }) => untouchedFrom));
  }
}
