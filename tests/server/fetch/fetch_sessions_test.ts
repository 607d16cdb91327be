import { assert, assertEquals, assertThrows } from "@std/assert";
import { KafkaError } from "../../../protocol/errors.ts";
import { ZERO_UUID } from "../../../protocol/uuid.ts";
import {
  epochAfter,
  type FetchScope,
  FetchSessions,
  SESSION_PARTITIONS_MAX,
  type SessionRequest,
} from "../../../server/fetch/fetch_sessions.ts";
import type { FetchedPartition, WantedPartition } from "../../../server/fetch/partition.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";

const BY_NAME = 12;
const BY_ID = 13;

function sessionsOf(slots = 10, partitionsMax?: number) {
  const environment = new ManualEnvironment();
  return { environment, sessions: new FetchSessions(slots, environment, partitionsMax) };
}

/** A request of session `id` at `epoch` for partitions of topic "a", written as `partition` or `partition@offset`. */
function request(
  id: number,
  epoch: number,
  wanted: readonly string[] = [],
  forgotten: readonly number[] = [],
): SessionRequest {
  return {
    sessionId: id,
    sessionEpoch: epoch,
    topics: wanted.length === 0 ? [] : [{
      topic: "a",
      topicId: ZERO_UUID,
      partitions: wanted.map((text) => {
        const [partition, offset = 0] = text.split("@").map(Number);
        return {
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: BigInt(offset),
          lastFetchedEpoch: -1,
          logStartOffset: -1n,
          partitionMaxBytes: 1000,
          replicaDirectoryId: ZERO_UUID,
          highWatermark: 0n,
        };
      }),
    }],
    forgottenTopicsData: forgotten.length === 0
      ? []
      : [{ topic: "a", topicId: ZERO_UUID, partitions: forgotten }],
  };
}

interface Outcome {
  readonly highWatermark?: number;
  readonly logStartOffset?: number;
  readonly bytes?: number;
  readonly errorCode?: number;
}

function fetched(wanted: WantedPartition, outcome: Outcome = {}): FetchedPartition {
  const { highWatermark = 5, logStartOffset = 0, bytes = 0, errorCode = 0 } = outcome;
  return {
    wanted,
    bytes,
    answer: {
      partitionIndex: wanted.partition,
      errorCode,
      highWatermark: BigInt(highWatermark),
      lastStableOffset: 0n,
      logStartOffset: BigInt(logStartOffset),
      records: [],
    },
  };
}

/** Concludes with an outcome per partition; gives the session and the partitions that are told. */
function conclude(scope: FetchScope, outcomes: Readonly<Record<number, Outcome>> = {}) {
  const { sessionId, told } = scope.conclude(
    scope.partitions.map((wanted) => fetched(wanted, outcomes[wanted.partition])),
  );
  return { sessionId, told: told.map(({ wanted }) => wanted.partition) };
}

const wantedBy = (scope: FetchScope) =>
  scope.partitions.map(({ partition, offset }) => `${partition}@${offset}`);

function refusalOf(sessions: FetchSessions, asked: SessionRequest, version = BY_NAME): number {
  return assertThrows(() => sessions.open(asked, version), KafkaError).code;
}

Deno.test("FetchSessions opens a session for a full request, which tells everything", () => {
  const { sessions } = sessionsOf();
  const scope = sessions.open(request(0, 0, ["0", "1@7"]), BY_NAME);
  assertEquals(wantedBy(scope), ["0@0", "1@7"]);
  const { sessionId, told } = conclude(scope);
  assert(sessionId > 0);
  assertEquals(told, [0, 1]);
});

Deno.test("FetchSessions opens none for a request with epoch -1", () => {
  const { sessions } = sessionsOf();
  assertEquals(conclude(sessions.open(request(0, -1, ["0"]), BY_NAME)), {
    sessionId: 0,
    told: [0],
  });
  assertEquals(sessions.size, 0);
});

Deno.test("FetchSessions opens none for a request without partitions", () => {
  const { sessions } = sessionsOf();
  assertEquals(conclude(sessions.open(request(0, 0), BY_NAME)).sessionId, 0);
});

Deno.test("FetchSessions remembers partitions, changes them and forgets them", () => {
  const { sessions } = sessionsOf();
  const { sessionId } = conclude(sessions.open(request(0, 0, ["0", "1"]), BY_NAME));
  const steps: [readonly string[], readonly number[], readonly string[]][] = [
    [[], [], ["0@0", "1@0"]],
    [["1@3"], [], ["0@0", "1@3"]],
    [["2@9"], [0], ["1@3", "2@9"]],
    [["1@4"], [1], ["2@9"]],
  ];
  for (const [at, [wanted, forgotten, expected]] of steps.entries()) {
    const scope = sessions.open(request(sessionId, at + 1, wanted, forgotten), BY_NAME);
    assertEquals(wantedBy(scope), expected);
    conclude(scope);
  }
});

Deno.test("FetchSessions tells only partitions with records, errors or moved limits", () => {
  const { sessions } = sessionsOf();
  const { sessionId } = conclude(sessions.open(request(0, 0, ["0", "1", "2", "3"]), BY_NAME));
  let epoch = 1;
  const told = (outcomes: Readonly<Record<number, Outcome>>) =>
    conclude(sessions.open(request(sessionId, epoch++), BY_NAME), outcomes).told;
  assertEquals(told({}), []);
  assertEquals(told({ 0: { bytes: 10 }, 1: { highWatermark: 6 } }), [0, 1]);
  assertEquals(told({ 1: { highWatermark: 6 } }), []);
  assertEquals(told({ 1: { highWatermark: 6 }, 2: { logStartOffset: 2 } }), [2]);
  assertEquals(told({ 1: { highWatermark: 6 }, 2: { logStartOffset: 2 }, 3: { errorCode: 6 } }), [
    3,
  ]);
  const after = { 1: { highWatermark: 6 }, 2: { logStartOffset: 2 } };
  assertEquals(told(after), [3], "it is told that the error has passed");
  assertEquals(told(after), []);
});

Deno.test("FetchSessions reads the partitions first that had no records last", () => {
  const { sessions } = sessionsOf();
  const opened = conclude(sessions.open(request(0, 0, ["0", "1", "2"]), BY_NAME), {
    0: { bytes: 9 },
  });
  const scope = sessions.open(request(opened.sessionId, 1), BY_NAME);
  assertEquals(wantedBy(scope), ["1@0", "2@0", "0@0"]);
  conclude(scope, { 1: { bytes: 9 } });
  assertEquals(wantedBy(sessions.open(request(opened.sessionId, 2), BY_NAME)), [
    "2@0",
    "0@0",
    "1@0",
  ]);
});

Deno.test("FetchSessions refuses unknown sessions, wrong epochs and a change between names and ids", () => {
  const { sessions } = sessionsOf();
  const { sessionId } = conclude(sessions.open(request(0, 0, ["0"]), BY_NAME));
  assertEquals(refusalOf(sessions, request(sessionId + 1, 1)), 70);
  assertEquals(refusalOf(sessions, request(sessionId, 2)), 71);
  assertEquals(refusalOf(sessions, request(sessionId, 1), BY_ID), 106);
  conclude(sessions.open(request(sessionId, 1), BY_NAME));
  assertEquals(refusalOf(sessions, request(sessionId, 1)), 71, "the epoch has been used");
});

Deno.test("FetchSessions closes a session by epoch -1, by a new one, and when it is empty", () => {
  const { sessions } = sessionsOf();
  const open = () => conclude(sessions.open(request(0, 0, ["0"]), BY_NAME)).sessionId;
  const first = open();
  assertEquals(conclude(sessions.open(request(first, -1, ["0"]), BY_NAME)).sessionId, 0);
  assertEquals(refusalOf(sessions, request(first, 1)), 70);

  const second = open();
  const third = conclude(sessions.open(request(second, 0, ["0"]), BY_NAME)).sessionId;
  assert(third !== second && third > 0);
  assertEquals(refusalOf(sessions, request(second, 1)), 70);

  assertEquals(conclude(sessions.open(request(third, 1, [], [0]), BY_NAME)), {
    sessionId: 0,
    told: [],
  });
  assertEquals(sessions.size, 0);
});

Deno.test("FetchSessions counts epochs from 2147483647 on to 1", () => {
  assertEquals([0, 1, 2147483646, 2147483647].map(epochAfter), [1, 2, 2147483647, 1]);
});

Deno.test("FetchSessions has max slots, and leaves sessions in use alone", async () => {
  const { sessions, environment } = sessionsOf(2);
  const open = (...wanted: string[]) =>
    conclude(sessions.open(request(0, 0, wanted), BY_NAME)).sessionId;
  const [first, second] = [open("0"), open("0")];
  assertEquals(open("0", "1", "2"), 0, "both are new");
  await environment.advance(119_000);
  conclude(sessions.open(request(first, 1), BY_NAME));
  conclude(sessions.open(request(second, 1), BY_NAME));
  await environment.advance(2_000);
  assertEquals(open("0"), 0, "it is no larger than the old ones");
  const large = open("0", "1", "2");
  assert(large > 0, "it is larger than an old one");
  assertEquals(sessions.size, 2);
});

Deno.test("FetchSessions lets go first of the session that was not used for two minutes", async () => {
  const { sessions, environment } = sessionsOf(2);
  const open = () => conclude(sessions.open(request(0, 0, ["0"]), BY_NAME)).sessionId;
  const [used, unused] = [open(), open()];
  await environment.advance(100_000);
  conclude(sessions.open(request(used, 1), BY_NAME));
  await environment.advance(30_000);
  assert(open() > 0);
  assertEquals(refusalOf(sessions, request(unused, 1)), 70);
  conclude(sessions.open(request(used, 2), BY_NAME));
});

Deno.test("FetchSessions opens none when there are no slots", () => {
  const { sessions } = sessionsOf(0);
  assertEquals(conclude(sessions.open(request(0, 0, ["0"]), BY_NAME)).sessionId, 0);
});

/** `partition`s from 0 on. */
const upTo = (count: number) => Array.from({ length: count }, (_, partition) => `${partition}`);

Deno.test("FetchSessions remembers so many partitions in all: 15 requests for a million each took 4 GB", () => {
  const { sessions } = sessionsOf(1000);
  const open = (count: number) => conclude(sessions.open(request(0, 0, upTo(count)), BY_NAME));
  const half = SESSION_PARTITIONS_MAX / 2;
  assert(open(half).sessionId > 0);
  assert(open(half - 1).sessionId > 0);
  const beyond = open(2);
  assertEquals(beyond.sessionId, 0, "the answer is without a session");
  assertEquals(beyond.told.length, 2, "and tells everything");
  assert(open(1).sessionId > 0);
  assertEquals([sessions.size, sessions.partitionCount], [3, SESSION_PARTITIONS_MAX]);
});

Deno.test("FetchSessions counts partitions that come to a session and go from it", () => {
  const { sessions } = sessionsOf(10, 5);
  const first = conclude(sessions.open(request(0, 0, upTo(2)), BY_NAME)).sessionId;
  const second = conclude(sessions.open(request(0, 0, upTo(2)), BY_NAME)).sessionId;
  conclude(sessions.open(request(first, 1, ["0@7", "2"]), BY_NAME));
  assertEquals(sessions.partitionCount, 5);
  // One too many: the consumer is sent to ask in full, and gets what it wants without a session.
  assertEquals(refusalOf(sessions, request(second, 1, ["2"])), 70);
  assertEquals([sessions.size, sessions.partitionCount], [1, 3]);
  assertEquals(conclude(sessions.open(request(second, 0, upTo(3)), BY_NAME)).sessionId, 0);
  conclude(sessions.open(request(first, 2, ["3"], [0, 1]), BY_NAME));
  assertEquals(sessions.partitionCount, 2);
  assert(conclude(sessions.open(request(0, 0, upTo(3)), BY_NAME)).sessionId > 0);
  // Closed, and emptied.
  assertEquals(conclude(sessions.open(request(first, -1), BY_NAME)).sessionId, 0);
  assertEquals(sessions.partitionCount, 3);
});

Deno.test("FetchSessions lets go of sessions that nobody used for two minutes when partitions run out", async () => {
  const { sessions, environment } = sessionsOf(10, 10);
  const open = (count: number) =>
    conclude(sessions.open(request(0, 0, upTo(count)), BY_NAME)).sessionId;
  const [used, ...unused] = [open(4), open(3), open(3)];
  await environment.advance(100_000);
  conclude(sessions.open(request(used, 1), BY_NAME));
  assertEquals(open(1), 0);
  await environment.advance(21_000);
  assertEquals(open(11), 0, "it would fit into no room");
  assertEquals(sessions.partitionCount, 10, "so nobody had to go for it");
  assert(open(2) > 0);
  assertEquals(sessions.partitionCount, 9, "one of them was enough");
  assertEquals(refusalOf(sessions, request(unused[0], 1)), 70);
  conclude(sessions.open(request(unused[1], 1), BY_NAME));
  conclude(sessions.open(request(used, 2), BY_NAME));
});
