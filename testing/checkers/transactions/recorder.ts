/**
 * Writes down what clients of transactions do and are told.
 *
 * @module
 */
import type { SeenRecord, SentRecord } from "../log_checker.ts";
import type { RecordFacts, SeenFacts, SenderFacts, Sending } from "../recorder.ts";
import { checkTransactions, type TransactionVerdict } from "./checker.ts";
import type {
  GroupPosition,
  LateCopy,
  LateRequest,
  TransactionFacts,
  TransactionHistory,
  TransactionOutcome,
  TransactionRead,
  TransactionVersion,
  TransactionWrite,
} from "./history.ts";

/** Whose transaction it is. */
export interface TransactionOwner {
  /** One instance of a producer. */
  readonly producer: string;
  /** Its transactional id. */
  readonly transactionalId: string;
  /** 2 when the broker has `transaction.version` 2 and the client makes use of it. */
  readonly version: TransactionVersion;
}

/** How far a group has come. */
export interface PositionFacts {
  /** E.g. `orders`. */
  readonly topic: string;
  /** From 0. */
  readonly partition: number;
  /** The offset that comes next. */
  readonly offset: number | bigint;
}

/** A transaction that is being written down: tell what its producer does, and is told. */
export class RecordedTransaction implements TransactionFacts {
  readonly producer: string;
  readonly transactionalId: string;
  readonly version: TransactionVersion;
  readonly #writes: TransactionWrite[] = [];
  readonly #reads: TransactionRead[] = [];
  readonly #positions: GroupPosition[] = [];
  #outcome: TransactionOutcome = "aborted"; // as long as nobody has asked for anything else

  /** @ignore: `recorder.begins()` makes one. */
  constructor(
    /** As no other transaction is called. */
    readonly name: string,
    { producer, transactionalId, version }: TransactionOwner,
    private readonly onLate: (request: LateRequest) => void,
  ) {
    this.producer = producer;
    this.transactionalId = transactionalId;
    this.version = version;
  }

  /** What it wrote. */
  get writes(): readonly TransactionWrite[] {
    return this.#writes;
  }

  /** What it was made of. */
  get reads(): readonly TransactionRead[] {
    return this.#reads;
  }

  /** What is to be committed with it. */
  get positions(): readonly GroupPosition[] {
    return this.#positions;
  }

  /** What is known of its end. */
  get outcome(): TransactionOutcome {
    return this.#outcome;
  }

  /** It sends a record: to be called in the order of sending. */
  sends({ topic, partition, value }: RecordFacts): Pick<Sending, "acknowledged"> {
    const write = { partition: `${topic}-${partition}`, value };
    const index = this.#writes.push({ ...write, offset: null }) - 1;
    return {
      acknowledged: (offset) => {
        if (offset >= 0) this.#writes[index] = { ...write, offset: Number(offset) };
      },
    };
  }

  /** It is made of a record that its producer's consumer has seen. */
  isMadeOf({ topic, partition, offset, value }: SeenFacts): void {
    this.#reads.push({ partition: `${topic}-${partition}`, offset: Number(offset), value });
  }

  /** It is to take a group to these positions. */
  sendsPositions(group: string, positions: readonly PositionFacts[]): void {
    for (const position of positions) this.#positions.push(groupPosition(group, position));
  }

  /** A commit is asked for: from now on nobody knows, until {@linkcode committed}. */
  asksForCommit(): void {
    this.#outcome = "unknown";
  }

  /** The commit was confirmed. */
  committed(): void {
    this.#outcome = "committed";
  }

  /** The broker said for sure that it is not committed: only an abort that was confirmed says so after a commit. */
  aborted(): void {
    this.#outcome = "aborted";
  }

  /** A copy of one of its requests may arrive later than its end. */
  mayBeLate(request: LateRequest): void {
    this.onLate(request);
  }
}

/**
 * Writes down what clients of transactions do and are told, and checks it in the end. For any client, in real or virtual
 * time.
 *
 * ```ts
 * const recorder = new TransactionRecorder();
 * const owner = { producer: "p1", transactionalId: "orders-tx", version: 2 } as const;
 * const transaction = recorder.begins(owner);
 * const record = { topic: "orders", partition: 0, value: crypto.randomUUID() };
 * const write = transaction.sends(record);
 * write.acknowledged((await producer.send(record)).offset);
 * transaction.asksForCommit();
 * await producer.commitTransaction();
 * transaction.committed();
 * // … consumers: recorder.saw("c1", { topic, partition, offset, value });
 * // … in the end, reading everything under read_committed: recorder.shows({ topic, partition, offset, value });
 * assertEquals(recorder.check().violations, []);
 * ```
 */
export class TransactionRecorder {
  readonly #transactions: RecordedTransaction[] = [];
  readonly #sent: SentRecord[] = [];
  readonly #seen: SeenRecord[] = [];
  readonly #startedAnywhere = new Set<string>();
  readonly #committedLog: SeenRecord[] = [];
  #wholeLog: SeenRecord[] | null = null;
  readonly #toldPositions: GroupPosition[] = [];
  readonly #positions: GroupPosition[] = [];
  readonly #late: LateCopy[] = [];

  /** A producer begins a transaction. */
  begins(owner: TransactionOwner): RecordedTransaction {
    const name = `${owner.producer}/${this.#transactions.length}`;
    const transaction = new RecordedTransaction(
      name,
      owner,
      (request) => this.#late.push({ transaction: name, request }),
    );
    this.#transactions.push(transaction);
    return transaction;
  }

  /** A producer sends a record outside of transactions. */
  sends(
    { producer, idempotent = true }: Pick<SenderFacts, "producer" | "idempotent">,
    { topic, partition, value }: RecordFacts,
  ): Pick<Sending, "acknowledged"> {
    const record = { producer, partition: `${topic}-${partition}`, value, idempotent };
    const index = this.#sent.push({ ...record, offset: null }) - 1;
    return {
      acknowledged: (offset) => {
        if (offset >= 0) this.#sent[index] = { ...record, offset: Number(offset) };
      },
    };
  }

  /**
   * A consumer saw a record under `read_committed`: to be called in the order of seeing. After a seek or an assignment,
   * give it another name.
   */
  saw(consumer: string, record: SeenFacts): void {
    this.#seen.push(seenRecord(consumer, record));
  }

  /** A consumer does not begin at the start of its partitions. */
  startsAnywhere(consumer: string): void {
    this.#startedAnywhere.add(consumer);
  }

  /** A record is visible under `read_committed` in the end. */
  shows(record: SeenFacts): void {
    this.#committedLog.push(seenRecord("the end", record));
  }

  /** A record is there in the end, visible or not: of all of them, or of none. */
  holds(record: SeenFacts): void {
    this.#wholeLog ??= [];
    this.#wholeLog.push(seenRecord("the end", record));
  }

  /** A member of a group was told a position, to begin there. */
  told(group: string, position: PositionFacts): void {
    this.#toldPositions.push(groupPosition(group, position));
  }

  /** The position of a group in the end. */
  endsAt(group: string, position: PositionFacts): void {
    this.#positions.push(groupPosition(group, position));
  }

  /** All that is known. */
  get history(): TransactionHistory {
    return {
      transactions: this.#transactions,
      sent: this.#sent,
      seen: this.#seen,
      startedAnywhere: this.#startedAnywhere,
      committedLog: this.#committedLog,
      wholeLog: this.#wholeLog,
      toldPositions: this.#toldPositions,
      positions: this.#positions,
      late: this.#late,
    };
  }

  /** Everything that cannot be true. */
  check(): TransactionVerdict {
    return checkTransactions(this.history);
  }
}

function groupPosition(
  group: string,
  { topic, partition, offset }: PositionFacts,
): GroupPosition {
  return { group, partition: `${topic}-${partition}`, offset: Number(offset) };
}

function seenRecord(
  consumer: string,
  { topic, partition, offset, value }: SeenFacts,
): SeenRecord {
  return { consumer, partition: `${topic}-${partition}`, offset: Number(offset), value };
}
