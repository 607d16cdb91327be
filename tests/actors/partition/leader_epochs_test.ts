import { assertEquals, assertThrows } from "@std/assert";
import { checkLeaderEpoch, endOfEpoch, epochAt } from "../../../actors/partition/leader_epochs.ts";
import { KafkaError } from "../../../protocol/errors.ts";

const epochs = [
  { epoch: 2, startOffset: 10 },
  { epoch: 3, startOffset: 25 },
  { epoch: 7, startOffset: 40 },
];

Deno.test("The end of an epoch is the start of the next, or the log's end for the current one", () => {
  const cases: [epoch: number, leaderEpoch: number, endOffset: number][] = [
    [7, 7, 60],
    [3, 3, 40],
    [2, 2, 25],
    [5, 3, 40], // never a leader: the largest below it
    [1, 1, 10], // older than all that is left
    [8, -1, -1], // newer than this leader
    [-1, -1, -1],
  ];
  for (const [epoch, leaderEpoch, endOffset] of cases) {
    assertEquals(endOfEpoch(epochs, epoch, 60), { leaderEpoch, endOffset }, `epoch ${epoch}`);
  }
});

Deno.test("An offset belongs to the last epoch that began at or before it", () => {
  assertEquals([9, 10, 24, 25, 39, 40, 99].map((offset) => epochAt(epochs, offset)), [
    2,
    2,
    2,
    3,
    3,
    7,
    7,
  ]);
});

Deno.test("A client behind the leader epoch is fenced, one ahead of it is told to wait", () => {
  checkLeaderEpoch(-1, 5, "t-0");
  checkLeaderEpoch(5, 5, "t-0");
  assertEquals(
    assertThrows(() => checkLeaderEpoch(4, 5, "t-0"), KafkaError).kind,
    "FENCED_LEADER_EPOCH",
  );
  assertEquals(
    assertThrows(() => checkLeaderEpoch(6, 5, "t-0"), KafkaError).kind,
    "UNKNOWN_LEADER_EPOCH",
  );
});
