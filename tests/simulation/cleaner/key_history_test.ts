import { assertEquals } from "@std/assert";
import { type CleaningRules, type FoundKey, KeyHistory } from "./key_history.ts";

const PARTITION = "orders-0";
const RULES: CleaningRules = { compacted: true, retentionMs: null, tombstonesGo: false };

/** A history of one key: `+` for a value that is acknowledged, `?` for one that is not, `-` for an acknowledged tombstone. */
function historyOf(records: string, rules: Partial<CleaningRules> = {}): KeyHistory {
  const history = new KeyHistory(() => ({ ...RULES, ...rules }));
  [...records].forEach((what, n) => {
    const record = history.send({
      partition: PARTITION,
      key: "k",
      id: `${n}`,
      tombstone: what === "-",
      sentAtMs: n * 1_000,
    });
    if (what !== "?") record.offset = n;
  });
  return history;
}

function found(...offsets: number[]): FoundKey[] {
  return offsets.map((offset) => ({ offset, key: "k", id: `${offset}`, tombstone: false }));
}

function kindsIn(history: KeyHistory, found: readonly FoundKey[], start = 0): string[] {
  const read = { partition: PARTITION, start, found, endedAtMs: 10_000 };
  return [...history.check(history.expectation(PARTITION), read)].map(({ kind }) => kind);
}

Deno.test("Key history wants the last acknowledged value of a key, or a later one", () => {
  assertEquals(kindsIn(historyOf("++"), found(0, 1)), []);
  assertEquals(kindsIn(historyOf("++"), found(1)), []);
  assertEquals(kindsIn(historyOf("+?"), found(1)), []);
  assertEquals(kindsIn(historyOf("++"), found(0)), ["resurrected"]);
  assertEquals(kindsIn(historyOf("++"), []), ["lost"]);
});

Deno.test("Key history wants a tombstone as long as it is kept, and never what was before it", () => {
  assertEquals(kindsIn(historyOf("+-"), []), ["lost"]);
  assertEquals(kindsIn(historyOf("+-", { tombstonesGo: true }), []), []);
  assertEquals(kindsIn(historyOf("+-", { tombstonesGo: true }), found(0)), ["resurrected"]);
  assertEquals(kindsIn(historyOf("+-+", { tombstonesGo: true }), []), ["lost"]);
});

Deno.test("Key history tells records that are strange, twice there or in another order", () => {
  const history = historyOf("++");
  const [first, second] = found(0, 1);
  assertEquals(kindsIn(history, [first, { ...second, id: "9" }]), [
    "invented",
    "reordered",
    "resurrected",
  ]);
  assertEquals(kindsIn(history, [first, { ...second, offset: 2 }]), ["inconsistent offset"]);
  assertEquals(kindsIn(history, [first, second, { ...second, offset: 2 }]), [
    "inconsistent offset",
    "duplicate",
  ]);
  assertEquals(kindsIn(history, [second, first]), ["reordered", "resurrected"]);
});

Deno.test("Key history wants every record of a log that is not compacted, from a start that somebody may have moved", () => {
  const kept = { compacted: false, retentionMs: 9_500 };
  const cut = historyOf("+++", kept);
  assertEquals(kindsIn(cut, found(1, 2), 1), []); // older than the retention time
  assertEquals(kindsIn(cut, found(2), 2), ["lost"]);
  assertEquals(kindsIn(cut, found(0, 2)), ["lost"]);
  const answered = cut.cut(PARTITION, 2);
  assertEquals(kindsIn(cut, found(2), 2), []);
  assertEquals(kindsIn(cut, found(0, 1, 2)), []); // not answered yet
  answered();
  assertEquals(kindsIn(cut, found(0, 1, 2)), ["resurrected"]);
});

Deno.test("Key history tells what the cleaner should have removed, but for the last record", () => {
  const read = { partition: PARTITION, start: 0, found: found(0, 1, 2), endedAtMs: 0 };
  const kinds = [...historyOf("+++").leftovers(read)].map(({ text }) => text);
  assertEquals(kinds, ['"0" of k in orders-0@0', '"1" of k in orders-0@1']);
});

Deno.test("Key history tells what is read of an aborted transaction, and wants what was there before", () => {
  const history = historyOf("+");
  const record = { partition: PARTITION, key: "k", id: "1", tombstone: true, sentAtMs: 1_000 };
  history.send(record).aborted = true;
  assertEquals(kindsIn(history, found(0)), []);
  assertEquals(kindsIn(history, [...found(0), { offset: 1, key: "k", id: "1", tombstone: true }]), [
    "aborted read",
  ]);
  assertEquals(kindsIn(history, []), ["lost"]);
});
