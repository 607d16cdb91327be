import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { ByteReader, ByteWriter } from "../../../storage/log/binary.ts";
import {
  type ProducerFacts,
  PRODUCERS_MAX,
  ProducerStates,
  type ProducerVerdict,
} from "../../../storage/log/producer_states.ts";

const SEQUENCE_MAX = 2 ** 31 - 1;
const TRANSACTIONAL = 1 << 4;

/** A batch of `count` records as the header tells it. */
function header(epoch: number, baseSequence: number, count = 1, attributes = 0) {
  return {
    producerId: 7n,
    producerEpoch: epoch,
    baseSequence,
    lastOffsetDelta: count - 1,
    attributes,
  };
}

function facts(
  epoch: number,
  baseSequence: number,
  baseOffset: number,
  more: Partial<ProducerFacts> & { count?: number } = {},
): ProducerFacts {
  const { count = 1, ...rest } = more;
  return {
    producerId: 7n,
    producerEpoch: epoch,
    baseSequence,
    baseOffset,
    lastOffset: baseOffset + count - 1,
    timestampMs: 100,
    transactional: false,
    marker: null,
    ...rest,
  };
}

function statesOf(...applied: ProducerFacts[]): ProducerStates {
  const states = new ProducerStates();
  for (const each of applied) states.apply(each);
  return states;
}

function refusal(states: ProducerStates, batch: ReturnType<typeof header>): ErrorName {
  return assertThrows(() => states.check(batch), KafkaError).kind;
}

function reread(states: ProducerStates): ProducerStates {
  const writer = new ByteWriter();
  states.encode(writer);
  return ProducerStates.decode(new ByteReader(writer.toBytes()));
}

const duplicate = (baseOffset: number, lastOffset = baseOffset): ProducerVerdict => ({
  kind: "duplicate",
  baseOffset,
  lastOffset,
  timestampMs: 100,
});

/** What a partition says to a batch of epoch and sequence, after epoch 3 wrote sequences 0 to 9 at offsets 0 to 9. */
const verdicts: [sentence: string, epoch: number, sequence: number, ProducerVerdict | ErrorName][] =
  [
    ["the next sequence", 3, 10, { kind: "append" }],
    ["a gap", 3, 11, "OUT_OF_ORDER_SEQUENCE_NUMBER"],
    ["the last batch again", 3, 9, duplicate(9)],
    ["the oldest of five again", 3, 5, duplicate(5)],
    ["one older than five again", 3, 4, "OUT_OF_ORDER_SEQUENCE_NUMBER"],
    ["a newer epoch from 0", 4, 0, { kind: "append" }],
    ["a newer epoch from elsewhere", 4, 10, "OUT_OF_ORDER_SEQUENCE_NUMBER"],
    ["an older epoch", 2, 10, "INVALID_PRODUCER_EPOCH"],
    ["an older epoch from 0", 2, 0, "INVALID_PRODUCER_EPOCH"],
  ];

for (const [sentence, epoch, sequence, expected] of verdicts) {
  Deno.test(`Producer states answer ${sentence} with ${JSON.stringify(expected)}`, () => {
    const written = Array.from({ length: 10 }, (_, n) => facts(3, n, n));
    for (const states of [statesOf(...written), reread(statesOf(...written))]) {
      const batch = header(epoch, sequence);
      if (typeof expected === "string") assertEquals(refusal(states, batch), expected);
      else assertEquals(states.check(batch), expected);
    }
  });
}

Deno.test("Producer states take any sequence from a producer they do not know", () => {
  assertEquals(new ProducerStates().check(header(9, 4711)), { kind: "append" });
});

Deno.test("Producer states take everything without a producer id", () => {
  assertEquals(new ProducerStates().check({ ...header(-1, -1), producerId: -1n }), {
    kind: "append",
  });
});

Deno.test("Producer states let sequences wrap from 2147483647 to 0", () => {
  const states = statesOf(facts(0, SEQUENCE_MAX - 1, 0, { count: 3 }));
  assertEquals(states.check(header(0, SEQUENCE_MAX - 1, 3)), duplicate(0, 2));
  assertEquals(states.check(header(0, 1)), { kind: "append" });
  assertEquals(refusal(states, header(0, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals(statesOf(facts(0, SEQUENCE_MAX, 0)).check(header(0, 0)), { kind: "append" });
});

Deno.test("Producer states know a duplicate by both ends of its sequences", () => {
  const states = statesOf(facts(0, 0, 50, { count: 10 }));
  assertEquals(states.check(header(0, 0, 10)), duplicate(50, 59));
  assertEquals(refusal(states, header(0, 0, 9)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
});

Deno.test("Producer states take changes back, newest first", () => {
  const states = statesOf(facts(0, 0, 0));
  const undo = [facts(0, 1, 1), facts(1, 0, 2)].map((each) => states.apply(each));
  states.undo(undo[1]);
  assertEquals(states.check(header(0, 1)), duplicate(1));
  states.undo(undo[0]);
  assertEquals(states.check(header(0, 1)), { kind: "append" });
  const first = new ProducerStates();
  first.undo(first.apply(facts(0, 5, 0)));
  assertEquals(first.size, 0);
});

Deno.test("Producer states write what is durable, whatever was decided since", () => {
  const states = statesOf(facts(0, 0, 0));
  const undone = [facts(0, 1, 1), facts(0, 2, 2)].map((each) => states.apply(each));
  const writer = new ByteWriter();
  states.encode(writer, undone);
  const durable = ProducerStates.decode(new ByteReader(writer.toBytes()));
  assertEquals(durable.check(header(0, 1)), { kind: "append" });
  assertEquals(states.check(header(0, 3)), { kind: "append" });
});

Deno.test("Producer states write what a coordinator wrote, which has no sequence, so that it can be read again", () => {
  const states = statesOf(
    facts(3, -1, 0, { transactional: true, count: 3 }),
    facts(3, -1, 3, { transactional: true }),
    facts(0, 5, 4, { producerId: 8n }),
  );
  const again = reread(states);
  assertEquals(again.describe(), states.describe());
  assertEquals(again.describe()[0].lastSequence, -1);
  assertEquals(again.firstUnstableOffset, 0);
  assertEquals(again.lastRecords().get(7n), { producerEpoch: 3, dataOffset: 3 });
  assertEquals(again.check({ ...header(0, 5), producerId: 8n }).kind, "duplicate");
});

Deno.test("A producer whose sequences are none is not read", () => {
  const writer = new ByteWriter();
  writer.varint(1);
  writer.int64(7n);
  for (const each of [0, -1, 100, -1]) writer.signed(each);
  for (const each of [1, 2 ** 32, 0, 0, 100]) writer.varint(each);
  assertThrows(() => ProducerStates.decode(new ByteReader(writer.toBytes())), RangeError);
});

Deno.test("Producer states expire silent producers, but not with an open transaction", () => {
  const states = statesOf(
    facts(0, 0, 0),
    facts(0, 0, 1, { producerId: 8n, timestampMs: 500 }),
    facts(0, 0, 2, { producerId: 9n, transactional: true }),
  );
  states.expire(101);
  assertEquals(states.describe().map(({ producerId }) => producerId), [8n, 9n]);
});

Deno.test("Producer states are bounded, and forget the ones silent for longest", () => {
  const states = statesOf(facts(0, 0, 0, { producerId: 1n, timestampMs: 0, transactional: true }));
  for (let n = 2; n <= PRODUCERS_MAX + 10; n++) {
    states.apply(facts(0, 0, n, { producerId: BigInt(n), timestampMs: n }));
  }
  assert(states.size <= PRODUCERS_MAX);
  assert(states.has(1n) && !states.has(2n) && states.has(BigInt(PRODUCERS_MAX)));
});

Deno.test("Producer states keep a transaction open until its marker, and stable until that is durable", () => {
  const states = statesOf(facts(0, 0, 10, { transactional: true }));
  assertEquals([states.firstUnstableOffset, states.transactionStart(7n)], [10, 10]);
  assertEquals(refusal(states, header(0, 1)), "INVALID_TXN_STATE");
  assertEquals(states.check(header(0, 1, 1, TRANSACTIONAL)), { kind: "append" });
  const undo = states.apply(
    facts(0, -1, 20, { marker: { committed: false, coordinatorEpoch: 2 } }),
  );
  assertEquals([states.firstUnstableOffset, states.transactionStart(7n)], [10, -1]);
  states.undo(undo);
  assertEquals([states.firstUnstableOffset, states.transactionStart(7n)], [10, 10]);
  states.apply(facts(0, -1, 20, { marker: { committed: false, coordinatorEpoch: 2 } }));
  assertEquals(states.settle(20), []);
  assertEquals(states.settle(21), [{ producerId: 7n, firstOffset: 10, lastOffset: 20 }]);
  assertEquals(states.firstUnstableOffset, Infinity);
});

Deno.test("A marker with a bumped epoch makes the producer begin at 0 (KIP-890)", () => {
  const states = statesOf(
    facts(0, 0, 0, { transactional: true }),
    facts(1, -1, 1, { marker: { committed: true, coordinatorEpoch: 0 } }),
  );
  assertEquals(refusal(states, header(0, 1)), "INVALID_PRODUCER_EPOCH");
  assertEquals(refusal(states, header(1, 1)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals(states.check(header(1, 0)), { kind: "append" });
});

Deno.test("A marker of the same epoch lets the producer go on with its sequences", () => {
  const states = statesOf(
    facts(0, 0, 0, { transactional: true }),
    facts(0, -1, 1, { marker: { committed: true, coordinatorEpoch: 0 } }),
  );
  assertEquals(reread(states).check(header(0, 1, 1, TRANSACTIONAL)), { kind: "append" });
});

Deno.test("Producer states describe their producers as DescribeProducers wants them", () => {
  const states = reread(statesOf(facts(4, 0, 10, { transactional: true, count: 3 })));
  assertEquals(states.describe(), [{
    producerId: 7n,
    producerEpoch: 4,
    lastSequence: 2,
    lastTimestampMs: 100,
    coordinatorEpoch: -1,
    currentTxnStartOffset: 10,
  }]);
});
