/**
 * Whether positions of groups were committed with the writes of their transactions, so that each record was processed
 * once.
 *
 * @module
 */
import type { GroupPosition, TransactionFacts, TransactionHistory } from "./history.ts";
import type { Finding } from "./permitted.ts";
import type { Visibility } from "./visibility.ts";

/** Everything about groups' positions that cannot be true. */
export function positionFindings(history: TransactionHistory, visibility: Visibility): Finding[] {
  return [
    ...hiddenPositions(history, visibility),
    ...missingPositions(history, visibility),
    ...processedTwice(visibility),
    ...passedOver(history, visibility),
  ];
}

const placeOf = ({ group, partition }: GroupPosition) => `${group} in ${partition}`;
const nameOf = (position: GroupPosition) => `${placeOf(position)}: ${position.offset}`;

/** Positions that a group has, or was told, of transactions that did not take effect. */
function* hiddenPositions(
  { transactions, toldPositions, positions }: TransactionHistory,
  { tookEffect }: Visibility,
): Generator<Finding> {
  const authors = new Map<string, TransactionFacts[]>();
  for (const transaction of transactions) {
    for (const position of transaction.positions) {
      const name = nameOf(position);
      authors.set(name, [...authors.get(name) ?? [], transaction]);
    }
  }
  for (const name of new Set([...toldPositions, ...positions].map(nameOf))) {
    const its = authors.get(name) ?? [];
    if (its.length === 0 || its.some((transaction) => tookEffect(transaction) !== false)) continue;
    const names = its.map(({ name }) => name);
    const text = `Group ${name}: that is a position of ${names}, of which nothing else is visible`;
    yield { kind: "torn transaction", text, about: names };
  }
}

/** Transactions that took effect, and whose positions did not. */
function* missingPositions(
  { transactions, positions }: TransactionHistory,
  { tookEffect }: Visibility,
): Generator<Finding> {
  const last = new Map(positions.map((position) => [placeOf(position), position.offset]));
  for (const transaction of transactions) {
    if (tookEffect(transaction) !== true) continue;
    for (const position of transaction.positions) {
      const found = last.get(placeOf(position)) ?? 0;
      if (found >= position.offset) continue;
      const text = `${transaction.name} took effect, with group ${nameOf(position)}: in the end ` +
        `that is ${found}`;
      yield { kind: "torn transaction", text, about: [transaction.name] };
    }
  }
}

/** Per group: the transactions that took effect and processed a record. */
function* processedTwice({ shown }: Visibility): Generator<Finding> {
  const processed = new Map<string, string>();
  for (const { name, reads, positions } of shown) {
    for (const { group, partition, offset } of positions) {
      for (const read of reads) {
        if (read.partition !== partition || read.offset >= offset) continue;
        const record = `${group} ${partition}@${read.offset}`;
        const before = processed.get(record);
        if (before !== undefined) {
          const text =
            `Group ${group} processed "${read.value}", ${partition}@${read.offset}, in ` +
            `${before} and in ${name}`;
          yield { kind: "duplicate", text, about: [before, name] };
        }
        processed.set(record, name);
      }
    }
  }
}

/** Records that lie behind a group, and that no transaction has processed. */
function* passedOver(
  { transactions, positions, committedLog }: TransactionHistory,
  { tookEffect }: Visibility,
): Generator<Finding> {
  const processed = new Set(
    transactions.filter((transaction) => tookEffect(transaction) !== false)
      .flatMap(({ reads, positions }) =>
        positions.flatMap(({ group, partition }) =>
          reads.filter((read) => read.partition === partition)
            .map(({ offset }) => `${group} ${partition}@${offset}`)
        )
      ),
  );
  for (const { group, partition, offset: end } of positions) {
    const users = transactions.filter((transaction) =>
      transaction.positions.some((each) => each.group === group && each.partition === partition)
    );
    if (users.length === 0) continue; // a group that works without transactions
    for (const { value, offset, ...record } of committedLog) {
      if (record.partition !== partition || offset >= end) continue;
      if (processed.has(`${group} ${partition}@${offset}`)) continue;
      const text = `Group ${group} is at ${end} in ${partition}, and "${value}", @${offset}, was ` +
        `never processed`;
      const about = users.map(({ name }) => name);
      yield { kind: "lost", text, about };
    }
  }
}
