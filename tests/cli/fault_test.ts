import { assertEquals } from "@std/assert";
import { userMessage } from "../../cli/fault.ts";
import { InvariantError, KafkaError } from "../../protocol/errors.ts";

Deno.test("A message for the user tells what is behind it, once", () => {
  const refused = new Error("Connection refused");
  const because = (message: string, cause?: unknown) =>
    userMessage(new KafkaError("REQUEST_TIMED_OUT", message, { cause }));
  assertEquals(because("Cannot list topics"), "Cannot list topics");
  assertEquals(because("Cannot list topics", refused), "Cannot list topics: Connection refused");
  assertEquals(
    because("Cannot dial: Connection refused", refused),
    "Cannot dial: Connection refused",
  );
  assertEquals(because("Cannot list\n  topics ", "not an error"), "Cannot list topics");
});

Deno.test("A fault of the program is no message for the user", () => {
  for (
    const fault of [new TypeError("x"), new InvariantError("x"), new RangeError("x"), "x", null]
  ) {
    assertEquals(userMessage(fault), null);
  }
});
