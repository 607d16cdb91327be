/**
 * Whether what clients of transactions did and were told can be true of Kafka: pure, and for any client.
 *
 * Every record must carry a value of its own, so that it can be told from all others.
 *
 * @module
 */
import { checkLog, checkPolls, type SentRecord } from "../log_checker.ts";
import type { Violation } from "../violation.ts";
import { commitDependencies, cyclesIn, writeDependencies } from "./dependencies.ts";
import type { TransactionFacts, TransactionHistory } from "./history.ts";
import { type Finding, lateCopyExcuse, type PermittedAnomaly } from "./permitted.ts";
import { positionFindings } from "./positions.ts";
import { Visibility } from "./visibility.ts";

/** What came of a check. */
export interface TransactionVerdict {
  /** What cannot be true, or must not be. */
  readonly violations: readonly Violation[];
  /** What looks wrong, and what the protocol permits: see {@linkcode PERMITTED}. */
  readonly permitted: readonly PermittedAnomaly[];
}

/**
 * Everything about a history that cannot be true: aborted read, lost, duplicate, torn transaction, dependency cycle,
 * non-monotonic poll, poll skip, inconsistent offset, invented, reordered.
 */
export function checkTransactions(history: TransactionHistory): TransactionVerdict {
  const visibility = new Visibility(history);
  const excuse = lateCopyExcuse(history);
  const violations: Violation[] = [];
  const permitted: PermittedAnomaly[] = [];
  const findings = [
    ...abortedReads(visibility),
    ...lostAndTorn(visibility),
    ...positionFindings(history, visibility),
  ];
  for (const finding of findings) {
    const { kind, text } = finding;
    const by = excuse(finding);
    if (by === null) violations.push({ kind, text });
    else permitted.push({ kind, text, by });
  }
  violations.push(...logs(history, visibility), ...polls(history));
  const cycles = cyclesOf(history, visibility);
  violations.push(...cycles.violations);
  permitted.push(...cycles.permitted);
  return { violations, permitted };
}

/** What is visible, and was not committed. */
function* abortedReads({ history, visibleAs }: Visibility): Generator<Finding> {
  for (const { name, writes, outcome } of history.transactions) {
    if (outcome !== "aborted") continue;
    for (const { value } of writes) {
      const place = visibleAs(value);
      if (place === null) continue;
      const text = `"${value}" of ${name} is visible as ${place}, and ${name} was not committed`;
      yield { kind: "aborted read", text, about: [name] };
    }
  }
}

/** What was committed, and is not visible: nothing of it, or not all. */
function* lostAndTorn(visibility: Visibility): Generator<Finding> {
  const { history, visibleAs } = visibility;
  for (const transaction of history.transactions) {
    const { name, writes, outcome } = transaction;
    const acknowledged = writes.filter(({ offset }) => offset !== null);
    const hidden = acknowledged.filter(({ value }) => visibleAs(value) === null);
    if (outcome === "committed") {
      for (const { value, partition, offset } of hidden) {
        const text = `"${value}" of ${name} was acknowledged as ${partition}@${offset} and ` +
          `committed, and is not visible`;
        yield { kind: "lost", text, about: [name] };
      }
    }
    const shown = writes.filter(({ value }) => visibleAs(value) !== null);
    if (shown.length === 0 || hidden.length === 0) continue;
    const text = `${name} (${outcome}): ${list(shown)} visible, ${list(hidden)} not`;
    yield { kind: "torn transaction", text, about: [name] };
  }
}

function list(writes: TransactionFacts["writes"]): string {
  const names = writes.map(({ value }) => `"${value}"`);
  return `${names.join(", ")} ${names.length === 1 ? "is" : "are"}`;
}

/** What does not depend on transactions: offsets, order, repetition, invention. */
function logs(history: TransactionHistory, { visibleAs }: Visibility): Violation[] {
  const { transactions, committedLog, wholeLog } = history;
  const written = transactions.flatMap(({ producer, writes }) =>
    writes.map((write): SentRecord => ({ producer, ...write }))
  );
  if (wholeLog) {
    const sent = [...history.sent, ...written];
    return checkLog({ sent, seen: committedLog, log: wholeLog, gapsAllowed: true, polls: false });
  }
  // What is hidden cannot be found: whether it should be was looked at above.
  const visible = written.map((record) =>
    visibleAs(record.value) === null ? { ...record, offset: null } : record
  );
  const sent = [...history.sent, ...visible];
  return checkLog({ sent, seen: [], log: committedLog, gapsAllowed: true });
}

/** What each consumer saw, beside what it could see. */
function polls({ seen, committedLog, startedAnywhere }: TransactionHistory): Violation[] {
  const from = Map.groupBy(seen, ({ consumer }) => startedAnywhere.has(consumer));
  return [
    ...checkPolls({ seen: from.get(false) ?? [], log: committedLog, readFrom: "start" }),
    ...checkPolls({ seen: from.get(true) ?? [], log: committedLog, readFrom: "anywhere" }),
  ];
}

function cyclesOf(history: TransactionHistory, { shown }: Visibility): TransactionVerdict {
  const commits = [...commitDependencies(shown)];
  const violations = cyclesIn(commits).map((cycle): Violation => ({
    kind: "dependency cycle",
    text: cycle.map(({ text }) => text).join("; "),
  }));
  const permitted = cyclesIn([...commits, ...writeDependencies(shown, history.committedLog)])
    .filter((cycle) => cycle.some(({ kind }) => kind === "ww"))
    .map((cycle): PermittedAnomaly => ({
      kind: "dependency cycle",
      text: cycle.map(({ text }) => text).join("; "),
      by: "interleaved writes",
    }));
  return { violations, permitted };
}
