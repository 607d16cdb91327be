import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { OffsetRecordReader } from "../../../actors/group/offset_record_reader.ts";
import {
  type CommittedOffset,
  groupRecord,
  groupTombstone,
  offsetKeyBySchema,
  offsetRecord,
  offsetTombstone,
  offsetValueBySchema,
  readGroupRecord,
} from "../../../actors/group/records.ts";
import { offsetKeyBytes, offsetValueBytes } from "../../../actors/group/offset_record_writer.ts";
import { offsetCommitValue } from "../../../protocol/messages/records/classic_group.ts";
import { encodeVersioned } from "../../../protocol/schema/mod.ts";
import { uuidFromBytes, ZERO_UUID } from "../../../protocol/uuid.ts";
import type { Decision } from "../../../actors/coordinator/decision_log.ts";

const names = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("orders", "größe", "\ufeffa"));
const offsets: fc.Arbitrary<CommittedOffset> = fc.record({
  offset: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(-1n, 0n, 2n ** 53n)),
  leaderEpoch: fc.integer(),
  metadata: fc.oneof(fc.constant(""), fc.string({ maxLength: 300 })),
  commitTimestampMs: fc.integer({ min: -1, max: 2 ** 52 }),
  expireTimestampMs: fc.option(fc.integer({ min: 0, max: 2 ** 52 }), { freq: 1 }),
  topicId: fc.oneof(
    fc.constant(ZERO_UUID),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => uuidFromBytes(bytes)),
  ),
});
const decisions: fc.Arbitrary<Decision> = fc.tuple(
  names,
  fc.record({ topic: names, partition: fc.integer() }),
  fc.option(offsets),
).map(([group, place, offset]) =>
  offset ? offsetRecord(group, place, offset) : offsetTombstone(group, place)
);

function readWith(reader: OffsetRecordReader, { key, value }: Decision): boolean {
  return reader.read(key, 0, key.length, value ?? key, 0, value?.length ?? -1);
}

Deno.test("An offset record says the same read by hand as read by its schema", () => {
  const reader = new OffsetRecordReader();
  let byHand = 0;
  fc.assert(
    fc.property(decisions, (decision) => {
      const record = readGroupRecord(decision);
      assert(record?.kind === "offset");
      const { group, place, committed } = record;
      if (!readWith(reader, decision)) return;
      byHand++;
      assertEquals(
        {
          group: reader.group,
          place: { topic: reader.topic, partition: reader.partition },
          committed: reader.committed,
        },
        { group, place: { ...place }, committed: committed && { ...committed } },
      );
    }),
    { numRuns: 3_000 },
  );
  assert(byHand > 500, `Only ${byHand} were read by hand`);
});

Deno.test("An offset record is read by hand wherever it lies in its bytes", () => {
  const { key, value } = offsetRecord("group", { topic: "orders", partition: 7 }, {
    offset: 12n,
    leaderEpoch: 3,
    metadata: "note",
    commitTimestampMs: 99,
    expireTimestampMs: null,
    topicId: ZERO_UUID,
  });
  const bytes = new Uint8Array(300).fill(0xff);
  bytes.set(key, 50);
  bytes.set(value!, 150);
  const reader = new OffsetRecordReader();
  assert(reader.read(bytes, 50, key.length, bytes, 150, value!.length));
  assertEquals([reader.group, reader.topic, reader.partition], ["group", "orders", 7]);
  assertEquals(reader.committed?.offset, 12n);
  assertEquals(reader.committed?.metadata, "note");
});

Deno.test("What is no offset record of the usual version is not read by hand", () => {
  const reader = new OffsetRecordReader();
  const place = { topic: "orders", partition: 7 };
  const { key } = offsetTombstone("group", place);
  const old = encodeVersioned(offsetCommitValue, 3, {
    offset: 1n,
    leaderEpoch: 0,
    metadata: "",
    commitTimestamp: 5n,
  });
  const withTag = encodeVersioned(offsetCommitValue, 4, {
    offset: 1n,
    leaderEpoch: 0,
    metadata: "",
    commitTimestamp: 5n,
    unknownTags: [{ tag: 9, bytes: Uint8Array.of(1) }],
  });
  const others: Decision[] = [
    { key, value: old },
    { key, value: withTag },
    groupTombstone("group"),
    groupRecord("group", {
      protocolType: "consumer",
      generation: 1,
      protocol: "range",
      leader: "a",
      members: [],
    }),
  ];
  for (const other of others) {
    assert(!readWith(reader, other));
    assert(readGroupRecord(other), "The schema reads it");
  }
});

Deno.test("An offset record that is cut short anywhere is not read by hand", () => {
  const reader = new OffsetRecordReader();
  fc.assert(
    fc.property(decisions, fc.nat(200), ({ key, value }, cut) => {
      if (cut > 0 && cut < key.length) {
        assert(!readWith(reader, { key: key.subarray(0, key.length - cut), value }));
      }
      if (value && cut > 0 && cut <= value.length) {
        assert(!readWith(reader, { key, value: value.subarray(0, value.length - cut) }));
      }
    }),
  );
});

Deno.test("An offset record has the same bytes written by hand as written by its schema", () => {
  let byHand = 0;
  fc.assert(
    fc.property(names, names, fc.integer(), offsets, (group, topic, partition, committed) => {
      const key = offsetKeyBytes(group, { topic, partition });
      assertEquals(key, offsetKeyBySchema(group, { topic, partition }));
      const value = offsetValueBytes(committed);
      if (!value) return;
      byHand++;
      assertEquals(value, offsetValueBySchema(committed));
    }),
    { numRuns: 3_000 },
  );
  assert(byHand > 500, `Only ${byHand} were written by hand`);
});

Deno.test("An offset record that does not fit the usual version is left to its schema, which tells what is wrong", () => {
  const usual = {
    offset: 1n,
    leaderEpoch: 0,
    metadata: "",
    commitTimestampMs: 5,
    expireTimestampMs: null,
    topicId: ZERO_UUID,
  };
  for (
    const unusual of [
      { expireTimestampMs: 7 },
      { metadata: "m".repeat(127) },
      { metadata: "ü".repeat(64) },
    ]
  ) {
    const committed = { ...usual, ...unusual };
    assertEquals(offsetValueBytes(committed), null);
    assertEquals(
      offsetRecord("g", { topic: "t", partition: 0 }, committed).value,
      offsetValueBySchema(committed),
    );
  }
  const long = "g".repeat(300);
  assertEquals(offsetKeyBytes(long, { topic: "t", partition: 0 }), null);
  assertEquals(
    offsetTombstone(long, { topic: "t", partition: 0 }).key,
    offsetKeyBySchema(long, { topic: "t", partition: 0 }),
  );
});
