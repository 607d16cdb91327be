import { assertEquals, assertThrows } from "@std/assert";
import type { FetchResponse } from "../../../protocol/messages/01_fetch.ts";
import { produceRequest } from "../../../protocol/messages/00_produce.ts";
import { describeTopicPartitionsRequest } from "../../../protocol/messages/75_describe_topic_partitions.ts";
import { decodeMessage, type Draft, encodeMessage, joined } from "../../../protocol/schema/mod.ts";

/** Compiles only if the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

Deno.test("Types of decoded fields are those of their wire types, null where they may be", () => {
  type Partition = FetchResponse["responses"][number]["partitions"][number];
  const same: [
    Same<FetchResponse["sessionId"], number>,
    Same<FetchResponse["responses"][number]["topicId"], string>,
    Same<Partition["highWatermark"], bigint>,
    Same<Partition["records"], readonly Uint8Array[] | null>,
    Same<Partition["divergingEpoch"]["endOffset"], bigint>,
  ] = [true, true, true, true, true];
  assertEquals(same.includes(false as never), false);
});

Deno.test("Types of drafts ask for what has no default and let the rest be left out", () => {
  const draft: Draft<typeof produceRequest> = { acks: 1, timeoutMs: 1, topicData: [] };
  const encoded = joined(encodeMessage(produceRequest, 9, draft));
  assertEquals(decodeMessage(produceRequest, 9, encoded).transactionalId, null);
  // @ts-expect-error: acks is required
  assertThrows(() => encodeMessage(produceRequest, 9, { timeoutMs: 1, topicData: [] }), TypeError);
  // @ts-expect-error: acks is a number
  assertThrows(() => encodeMessage(produceRequest, 9, { ...draft, acks: "1" }), RangeError);
});

Deno.test("Types of drafts allow null only for fields that may be null", () => {
  const draft = { topics: [], cursor: null };
  const encoded = joined(encodeMessage(describeTopicPartitionsRequest, 0, draft));
  assertEquals(decodeMessage(describeTopicPartitionsRequest, 0, encoded).cursor, null);
  assertThrows(() => {
    // @ts-expect-error: topics is never null
    encodeMessage(describeTopicPartitionsRequest, 0, { topics: null });
  });
});
