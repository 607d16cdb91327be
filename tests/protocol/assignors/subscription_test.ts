import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../../protocol/assignors/mod.ts";
import { consumerProtocolSubscription } from "../../../protocol/messages/consumer_protocol.ts";
import { encodeVersioned } from "../../../protocol/schema/mod.ts";

const SUBSCRIPTION = {
  topics: ["orders", "payments"],
  userData: Uint8Array.of(1, 2),
  ownedPartitions: [{ topic: "orders", partitions: [0, 2] }],
  generationId: 7,
  rackId: "a",
};

Deno.test("Subscription comes back as it was", () => {
  assertEquals(decodeSubscription(encodeSubscription(SUBSCRIPTION)), SUBSCRIPTION);
});

Deno.test("Subscription of an old client owns nothing and has no rack", () => {
  const { topics, userData } = SUBSCRIPTION;
  const bytes = encodeVersioned(consumerProtocolSubscription, 0, { topics, userData });
  assertEquals(decodeSubscription(bytes), {
    topics,
    userData,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  });
});

Deno.test("Subscription of a newer version is read as far as it is known", () => {
  const bytes = Uint8Array.of(...encodeSubscription(SUBSCRIPTION), 9, 9, 9);
  bytes[1] = 4;
  assertEquals(decodeSubscription(bytes), SUBSCRIPTION);
});

Deno.test("Subscription that is cut short, or of a negative version, is refused", () => {
  assertThrows(
    () => decodeSubscription(encodeSubscription(SUBSCRIPTION).subarray(0, 9)),
    RangeError,
  );
  assertThrows(() => decodeSubscription(Uint8Array.of(0xff, 0xff, 0, 0, 0, 0)), RangeError);
  assertThrows(() => decodeSubscription(new Uint8Array(0)), RangeError);
});

Deno.test("Assignment comes back as it was; no bytes are no partitions", () => {
  const assignment = { partitions: SUBSCRIPTION.ownedPartitions, userData: null };
  assertEquals(decodeAssignment(encodeAssignment(assignment)), assignment);
  assertEquals(decodeAssignment(new Uint8Array(0)), { partitions: [], userData: null });
});
