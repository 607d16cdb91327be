import { assertEquals } from "@std/assert";
import { TransactionRecorder } from "../../../../testing/checkers/transactions/recorder.ts";

const owner = { producer: "p", transactionalId: "tx", version: 2 } as const;
const record = (value: string, offset: number, topic = "out") => ({
  topic,
  partition: 0,
  offset,
  value,
});

/** A pipeline that copies one record, and is told what came of it by `end`. */
function pipeline(end: "committed" | "asked" | "nothing"): TransactionRecorder {
  const recorder = new TransactionRecorder();
  recorder.sends({ producer: "source" }, record("i", 0, "in")).acknowledged(0n);
  recorder.saw("worker", record("i", 0, "in"));
  const transaction = recorder.begins(owner);
  transaction.isMadeOf(record("i", 0, "in"));
  transaction.sends(record("o", 0)).acknowledged(0);
  transaction.sendsPositions("g", [{ topic: "in", partition: 0, offset: 1n }]);
  if (end !== "nothing") transaction.asksForCommit();
  if (end === "committed") transaction.committed();
  recorder.shows(record("i", 0, "in"));
  return recorder;
}

const kinds = (recorder: TransactionRecorder) =>
  recorder.check().violations.map(({ kind }) => kind);

Deno.test("Transaction recorder takes a transaction for committed when that was confirmed", () => {
  const recorder = pipeline("committed");
  assertEquals(kinds(recorder), ["lost", "torn transaction"]);
  recorder.shows(record("o", 0));
  recorder.endsAt("g", { topic: "in", partition: 0, offset: 1 });
  assertEquals(kinds(recorder), []);
});

Deno.test("Transaction recorder takes a transaction for aborted as long as no commit was asked for", () => {
  const recorder = pipeline("nothing");
  assertEquals(kinds(recorder), []);
  recorder.shows(record("o", 0));
  assertEquals(kinds(recorder), ["aborted read", "torn transaction"]);
});

Deno.test("Transaction recorder does not know what became of a commit that was not confirmed", () => {
  const recorder = pipeline("asked");
  assertEquals(kinds(recorder), []);
  recorder.told("g", { topic: "in", partition: 0, offset: 1 });
  assertEquals(kinds(recorder), ["torn transaction"]);
});

Deno.test("Transaction recorder compares with the whole log once it holds something", () => {
  const recorder = pipeline("nothing");
  recorder.holds(record("i", 0, "in"));
  assertEquals(kinds(recorder), ["lost"]);
  recorder.holds(record("o", 0));
  assertEquals(kinds(recorder), []);
});

Deno.test("Transaction recorder names transactions and notes what may be late", () => {
  const recorder = new TransactionRecorder();
  recorder.begins(owner).mayBeLate("EndTxn");
  recorder.begins(owner).mayBeLate("Produce");
  assertEquals(recorder.history.late, [
    { transaction: "p/0", request: "EndTxn" },
    { transaction: "p/1", request: "Produce" },
  ]);
});
