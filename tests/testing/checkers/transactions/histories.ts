/** Short ways to write histories down. */
import type { SeenRecord } from "../../../../testing/checkers/log_checker.ts";
import {
  checkTransactions,
  type TransactionVerdict,
} from "../../../../testing/checkers/transactions/checker.ts";
import type {
  GroupPosition,
  TransactionFacts,
  TransactionHistory,
  TransactionRead,
  TransactionWrite,
} from "../../../../testing/checkers/transactions/history.ts";

/** `a@0` in partition `t-0`, `a@t-1@0` in another; without offset: not acknowledged. */
export function write(text: string): TransactionWrite {
  const { value, partition, offset } = located(text);
  return { value, partition, offset: Number.isNaN(offset) ? null : offset };
}

/** As {@linkcode write}. */
export function read(text: string): TransactionRead {
  return located(text);
}

/** What consumer `c` saw, or `a@0 by d`. */
export function seen(...texts: string[]): SeenRecord[] {
  return texts.map((text) => {
    const [record, consumer = "c"] = text.split(" by ");
    return { consumer, ...located(record) };
  });
}

/** A position of group `g`: `in-0@3`. */
export function position(text: string): GroupPosition {
  const [partition, offset] = text.split("@");
  return { group: "g", partition, offset: Number(offset) };
}

/** A transaction of producer `p`, committed. */
export function transaction(
  name: string,
  facts: Partial<Omit<TransactionFacts, "writes" | "reads" | "positions">> & {
    readonly writes?: readonly string[];
    readonly reads?: readonly string[];
    readonly positions?: readonly string[];
  } = {},
): TransactionFacts {
  const { writes = [], reads = [], positions = [], ...others } = facts;
  return {
    name,
    producer: "p",
    transactionalId: "tx",
    version: 2,
    outcome: "committed",
    writes: writes.map(write),
    reads: reads.map(read),
    positions: positions.map(position),
    ...others,
  };
}

/** What is found in a history of which only this is known. */
export function verdict(history: Partial<TransactionHistory>): TransactionVerdict {
  return checkTransactions({
    transactions: [],
    sent: [],
    seen: [],
    startedAnywhere: new Set(),
    committedLog: [],
    wholeLog: null,
    toldPositions: [],
    positions: [],
    late: [],
    ...history,
  });
}

/** The kinds of what is found. */
export function kindsIn(history: Partial<TransactionHistory>): string[] {
  return verdict(history).violations.map(({ kind }) => kind);
}

function located(text: string) {
  const parts = text.split("@");
  const [value, ...place] = parts;
  const partition = place.length === 2 ? place[0] : "t-0";
  return { value, partition, offset: Number(place.at(-1)) };
}
