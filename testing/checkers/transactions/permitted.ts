/**
 * Anomalies that Kafka's protocol permits: which, and why. Everything else is a fault.
 *
 * @module
 */
import type { Violation, ViolationKind } from "../violation.ts";
import type { LateRequest, TransactionHistory } from "./history.ts";

/** Names of what the protocol permits. */
export type PermittedName =
  | "interleaved writes"
  | "late EndTxn"
  | "late Produce"
  | "late TxnOffsetCommit";

/** Something that looks wrong, and that the protocol permits. */
export interface PermittedAnomaly extends Violation {
  /** By what: a key of {@linkcode PERMITTED}. */
  readonly by: PermittedName;
}

/** The whole list, with the reasons. */
export const PERMITTED: Readonly<Record<PermittedName, string>> = {
  "interleaved writes": "Transactions are atomic, their writes are not isolated: those of two " +
    "transactions alternate in a partition as they please (Adya's G0, and G1c where it takes a " +
    "write order to close the cycle). All versions.",
  "late EndTxn":
    "Requests travel over several connections, in no order. All transactions of a TV1 " +
    "producer share an epoch, so the copy of an EndTxn that was given up and sent again ends the " +
    "next transaction when it arrives: that is committed or aborted too early, in parts " +
    "(KAFKA-17754). TV2: each end raises the epoch (KIP-890).",
  "late Produce":
    "A batch that was given up and arrives late becomes part of the producer's next " +
    "TV1 transaction, if that has the partition and expects its sequence. TV2: see above.",
  "late TxnOffsetCommit": "Offsets that arrive late become part of the producer's next TV1 " +
    "transaction and take the group back. TV2: see above.",
};

/** What a late copy can do to transactions of its producer: to its own, and to those after it. */
const DONE_BY: Readonly<Record<LateRequest, ReadonlySet<ViolationKind>>> = {
  EndTxn: new Set(["aborted read", "torn transaction", "lost", "duplicate"]),
  Produce: new Set(["aborted read", "torn transaction", "lost"]),
  TxnOffsetCommit: new Set(["torn transaction", "aborted read", "lost", "duplicate"]),
};

/** A violation, and the transactions that it is about. */
export interface Finding extends Violation {
  /** Their names. */
  readonly about: readonly string[];
}

/** By what a finding is permitted; null = by nothing. */
export type Excuse = (finding: Finding) => PermittedName | null;

/** Excuses what late copies of TV1 producers did. */
export function lateCopyExcuse(
  { transactions, late }: Pick<TransactionHistory, "transactions" | "late">,
): Excuse {
  const places = new Map(
    transactions.map((transaction, at) => [transaction.name, { transaction, at }]),
  );
  return ({ kind, about }) => {
    for (const { transaction: name, request } of late) {
      const origin = places.get(name);
      if (!origin || origin.transaction.version !== 1 || !DONE_BY[request].has(kind)) continue;
      const isVictim = about.some((each) => {
        const victim = places.get(each);
        return victim !== undefined && victim.transaction.version === 1 && victim.at >= origin.at &&
          victim.transaction.transactionalId === origin.transaction.transactionalId;
      });
      if (isVictim) return `late ${request}`;
    }
    return null;
  };
}
