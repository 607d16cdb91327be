import { assertEquals } from "@std/assert";
import { type Faults, PartitionHistory, type SentRecord } from "./kill_cleaning_history.ts";

/** Record `n` of producer 0. */
function sent(n: number, key: string | null = null, tombstone = false): SentRecord {
  return { producer: 0, n, key, tombstone };
}

/** How many faults are found of each kind when the records at these offsets are left of `all`. */
function found(
  all: readonly SentRecord[],
  left: readonly number[],
  { compacted = false, start = 0 } = {},
): Record<keyof Faults, number> {
  const history = new PartitionHistory("t-0", compacted);
  all.forEach((record, offset) => history.acknowledge(record, offset));
  const faults = history.check(start, left.map((offset) => ({ ...all[offset], offset })));
  return counts(faults);
}

function counts({ lost, duplicated, reordered, wrong }: Faults): Record<keyof Faults, number> {
  return {
    lost: lost.length,
    duplicated: duplicated.length,
    reordered: reordered.length,
    wrong: wrong.length,
  };
}

const NONE = { lost: 0, duplicated: 0, reordered: 0, wrong: 0 };
const THREE = [sent(0), sent(1), sent(2)];
/** k is written, written again, deleted; l is written. */
const KEYED = [sent(0, "k"), sent(1, "l"), sent(2, "k"), sent(3, "k", true)];

Deno.test("History wants all that lies behind the start of a log", () => {
  assertEquals(found(THREE, [0, 1, 2]), NONE);
  assertEquals(found(THREE, [1, 2], { start: 1 }), NONE);
  assertEquals(found(THREE, [0, 2]), { ...NONE, lost: 1 });
});

Deno.test("History notices a record that is there twice, or in another place", () => {
  assertEquals(found(THREE, [0, 1, 1, 2]).duplicated, 1);
  assertEquals(found(THREE, [1, 0, 2]).reordered, 1);
  assertEquals(found([sent(0), sent(0), sent(1)], [0, 1, 2]).duplicated, 1);
  assertEquals(found([sent(0), sent(2), sent(1)], [0, 1, 2]).reordered, 1);
});

Deno.test("History notices what was never acknowledged", () => {
  const history = new PartitionHistory("t-0", false);
  history.acknowledge(sent(0), 0);
  assertEquals(
    counts(history.check(0, [{ ...sent(0), offset: 0 }, { ...sent(1), offset: 1 }])),
    { ...NONE, wrong: 1 },
  );
});

Deno.test("History wants the last record of each key, and no older one behind a deletion", () => {
  const compacted = true;
  assertEquals(found(KEYED, [0, 1, 2, 3], { compacted }), NONE);
  assertEquals(found(KEYED, [1, 3], { compacted }), NONE);
  assertEquals(found(KEYED, [1], { compacted }), NONE, "a tombstone may go");
  assertEquals(found(KEYED, [3], { compacted }), { ...NONE, lost: 1 });
  assertEquals(found(KEYED, [1, 2], { compacted }), { ...NONE, wrong: 1 }, "k is back");
  assertEquals(
    found(KEYED.slice(0, 3), [0, 1], { compacted }),
    { ...NONE, lost: 1, wrong: 1 },
    "the last value is lost and an older one is there",
  );
  assertEquals(found(KEYED, [3], { compacted, start: 2 }), NONE);
});
