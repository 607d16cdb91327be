import { assertEquals } from "@std/assert";
import { type AbortedTransaction, seenBatches } from "../../../client/consumer/visible_batches.ts";
import { lastOffset, readBatchHeader } from "../../../protocol/records/batch_header.ts";
import type { Batch } from "../../../protocol/records/batches.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { controlBatch } from "../../../protocol/records/control.ts";

/** A log from short words: `1` = data of producer 1's transaction, `-` = plain data, `c1`, `a1` = its markers. */
function logOf(words: string): Batch[] {
  return words.split(" ").map((word, baseOffset) => {
    const bytes = batchOf(word, baseOffset);
    return { header: readBatchHeader(bytes), bytes };
  });
}

function batchOf(word: string, baseOffset: number): Uint8Array {
  if (word === "-") return buildBatch([{}], { baseOffset });
  const producerId = BigInt(word.slice(-1));
  if (word.length === 1) {
    const producer = { producerId, producerEpoch: 0, baseSequence: 0 };
    return buildBatch([{}], { baseOffset, producer, transactional: true });
  }
  return controlBatch({
    result: word[0] === "c" ? "commit" : "abort",
    producerId,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 0,
    baseOffset,
  });
}

function aborted(...entries: [producerId: number, firstOffset: number][]): AbortedTransaction[] {
  return entries.map(([producerId, firstOffset]) => ({
    producerId: BigInt(producerId),
    firstOffset: BigInt(firstOffset),
  }));
}

/** Offsets of the batches that are shown. */
function shown(log: Batch[], transactions: AbortedTransaction[] | null): number[] {
  return [...seenBatches(log, transactions)].filter(({ isVisible }) => isVisible)
    .map(({ header }) => lastOffset(header));
}

Deno.test("Seen batches are all but control batches with read_uncommitted", () => {
  assertEquals(shown(logOf("- 1 a1 2 c2 -"), null), [0, 1, 3, 5]);
});

Deno.test("Seen batches leave out what a transaction wrote that was aborted, up to its marker", () => {
  const log = logOf("- 1 - 1 a1 1 c1");
  assertEquals(shown(log, aborted([1, 1])), [0, 2, 5]);
});

Deno.test("Seen batches of a committed transaction are shown beside an aborted one", () => {
  const log = logOf("1 2 1 2 c2 a1");
  assertEquals(shown(log, aborted([1, 0])), [1, 3]);
});

Deno.test("Seen batches leave out each of one producer's aborted transactions", () => {
  const log = logOf("1 a1 1 c1 1 a1");
  assertEquals(shown(log, aborted([1, 0], [1, 4])), [2]);
});

Deno.test("Seen batches follow the offsets of aborted transactions, in whatever order they are listed", () => {
  const log = logOf("1 2 a2 1 a1");
  assertEquals(shown(log, aborted([2, 1], [1, 0])), []);
});

Deno.test("Seen batches leave out a transaction that began before the fetch", () => {
  const log = logOf("- - - 1 a1 1 c1").slice(3);
  assertEquals(shown(log, aborted([1, 0])), [5]);
});

Deno.test("Seen batches leave out an aborted transaction whose marker the fetch does not reach", () => {
  assertEquals(shown(logOf("1 - 1"), aborted([1, 0])), [1]);
});

Deno.test("Seen batches show what the producer wrote outside of transactions", () => {
  const producer = { producerId: 1n, producerEpoch: 0, baseSequence: 0 };
  const bytes = buildBatch([{}], { baseOffset: 5, producer });
  const log = [...logOf("1"), { header: readBatchHeader(bytes), bytes }];
  assertEquals(shown(log, aborted([1, 0])), [5]);
});

Deno.test("Seen batches of read_committed do not depend on the commit marker", () => {
  assertEquals(shown(logOf("1 c1 2"), []), [0, 2]);
});
