import { assertEquals } from "@std/assert";
import { FetchSession, type FetchTarget } from "../../../client/consumer/fetch_session.ts";
import { code } from "../support/fake_cluster.ts";

function target(partition: number, offset: number, more: Partial<FetchTarget> = {}): FetchTarget {
  return {
    key: `t-${partition}`,
    topic: "t",
    topicId: "AAAAAAAAAAAAAAAAAAAAAQ",
    partition,
    offset,
    leaderEpoch: 0,
    lastFetchedEpoch: -1,
    maxBytes: 1000,
    ...more,
  };
}

/** The next request, in short. */
function next(session: FetchSession, ...wanted: FetchTarget[]) {
  const { sessionId, sessionEpoch, targets, forgotten } = session.next(wanted);
  return [
    sessionId,
    sessionEpoch,
    targets.map(({ partition, offset }) => [partition, offset]),
    forgotten.map(({ partition }) => partition),
  ];
}

const GRANTED = { errorCode: 0, sessionId: 7 };

Deno.test("FetchSession begins with a full request, and then says only what has changed", () => {
  const session = new FetchSession();
  assertEquals(next(session, target(0, 0), target(1, 0)), [0, 0, [[0, 0], [1, 0]], []]);
  session.answered(GRANTED);
  assertEquals(next(session, target(0, 5), target(1, 0)), [7, 1, [[0, 5]], []]);
  session.answered(GRANTED);
  assertEquals(next(session, target(0, 5), target(1, 0)), [7, 2, [], []]);
});

Deno.test("FetchSession says what is not wanted any more, and what is wanted again", () => {
  const session = new FetchSession();
  next(session, target(0, 0), target(1, 0));
  session.answered(GRANTED);
  assertEquals(next(session, target(1, 0)), [7, 1, [], [0]]);
  session.answered(GRANTED);
  assertEquals(next(session, target(0, 0), target(1, 0)), [7, 2, [[0, 0]], []]);
});

Deno.test("FetchSession says when the leader's epoch has changed", () => {
  const session = new FetchSession();
  next(session, target(0, 0));
  session.answered(GRANTED);
  assertEquals(next(session, target(0, 0, { leaderEpoch: 1 })), [7, 1, [[0, 0]], []]);
});

Deno.test("FetchSession stays with full requests when the broker declines", () => {
  const session = new FetchSession();
  next(session, target(0, 0));
  session.answered({ errorCode: 0, sessionId: 0 });
  assertEquals(next(session, target(0, 0)), [0, 0, [[0, 0]], []]);
});

Deno.test("FetchSession begins anew when the broker has forgotten it", () => {
  const session = new FetchSession();
  next(session, target(0, 0));
  session.answered(GRANTED);
  next(session, target(0, 0));
  session.answered({ errorCode: code("FETCH_SESSION_ID_NOT_FOUND"), sessionId: 0 });
  assertEquals(next(session, target(0, 0)), [0, 0, [[0, 0]], []]);
});

Deno.test("FetchSession closes the old session with the first request of the next one after an error", () => {
  const session = new FetchSession();
  next(session, target(0, 0));
  session.answered(GRANTED);
  next(session, target(0, 0));
  session.failed();
  assertEquals(next(session, target(0, 0)), [7, 0, [[0, 0]], []]);
  session.answered({ errorCode: 0, sessionId: 8 });
  assertEquals(next(session, target(0, 0)), [8, 1, [], []]);
});

Deno.test("FetchSession does not mix topic names and ids", () => {
  const session = new FetchSession();
  assertEquals(session.next([target(0, 0)]).byId, true);
  session.answered(GRANTED);
  const step = session.next([target(0, 0), target(1, 0, { topic: "u", topicId: null })]);
  assertEquals([step.byId, step.sessionId, step.sessionEpoch, step.targets.length], [
    false,
    7,
    0,
    2,
  ]);
});

Deno.test("FetchSession takes a topic that was made anew for another one", () => {
  const session = new FetchSession();
  session.next([target(0, 0)]);
  session.answered(GRANTED);
  const step = session.next([target(0, 0, { topicId: "AAAAAAAAAAAAAAAAAAAAAg" })]);
  assertEquals(step.targets.map(({ topicId }) => topicId), ["AAAAAAAAAAAAAAAAAAAAAg"]);
  assertEquals(step.forgotten.map(({ topicId }) => topicId), ["AAAAAAAAAAAAAAAAAAAAAQ"]);
});
