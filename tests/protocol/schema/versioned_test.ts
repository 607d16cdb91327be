import { assertEquals, assertThrows } from "@std/assert";
import { consumerProtocolSubscription } from "../../../protocol/messages/consumer_protocol.ts";
import {
  offsetCommitKey,
  offsetCommitValue,
} from "../../../protocol/messages/records/classic_group.ts";
import { GROUP_RECORDS } from "../../../protocol/messages/records/mod.ts";
import {
  decodeRecordKey,
  decodeVersioned,
  encodeRecordKey,
  encodeVersioned,
  recordTypeOf,
} from "../../../protocol/schema/mod.ts";

Deno.test("Record key begins with its type, and its type finds its schema", () => {
  const draft = { group: "g", topic: "t", partition: 7 };
  const key = encodeRecordKey(offsetCommitKey, draft);
  assertEquals(key.toHex(), "0001" + "000167" + "000174" + "00000007");
  assertEquals(GROUP_RECORDS.get(recordTypeOf(key))?.key, offsetCommitKey);
  assertEquals(decodeRecordKey(offsetCommitKey, key), draft);
});

Deno.test("Record key of another type is refused", () => {
  const other = GROUP_RECORDS.get(2)!.key;
  const key = encodeRecordKey(other, { group: "g" });
  assertThrows(() => decodeRecordKey(offsetCommitKey, key), RangeError, "Record type 2");
  assertThrows(() => recordTypeOf(new Uint8Array(1)), RangeError);
});

Deno.test("Record key cannot be made of a message that is none", () => {
  const value = { offset: 1n, leaderEpoch: -1, metadata: "", commitTimestamp: 0n };
  assertThrows(() => encodeRecordKey(offsetCommitValue, value), TypeError);
});

Deno.test("Record value begins with its version and is read in that version", () => {
  for (const version of [0, 3, 4]) {
    const value = { offset: 5n, metadata: "m", commitTimestamp: 9n };
    const bytes = encodeVersioned(offsetCommitValue, version, value);
    assertEquals(new DataView(bytes.buffer, bytes.byteOffset).getInt16(0), version);
    const { offset, metadata, commitTimestamp } = decodeVersioned(offsetCommitValue, bytes);
    assertEquals({ offset, metadata, commitTimestamp }, value);
  }
});

Deno.test("Subscription of a classic consumer is a versioned message", () => {
  const draft = { topics: ["a"], userData: null, ownedPartitions: [] };
  const bytes = encodeVersioned(consumerProtocolSubscription, 1, draft);
  assertEquals(bytes.toHex(), "0001" + "00000001000161" + "ffffffff" + "00000000");
  assertEquals(decodeVersioned(consumerProtocolSubscription, bytes).topics, ["a"]);
});
