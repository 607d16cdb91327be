import { assertEquals } from "@std/assert";
import { Recorder, type SenderFacts } from "../../../testing/mod.ts";

const record = { topic: "t", partition: 0, value: "a" };
const once: SenderFacts = { producer: "p", retries: false };

Deno.test("Recorder finds what was acknowledged and is lost", () => {
  const recorder = new Recorder(() => 0);
  recorder.sends({ producer: "p" }, record).acknowledged(0n);
  assertEquals(recorder.check().map(({ kind }) => kind), ["lost"]);
  recorder.stored({ ...record, offset: 0n });
  assertEquals(recorder.check(), []);
});

Deno.test("Recorder takes an acknowledgement without offset for none", () => {
  const recorder = new Recorder(() => 0);
  recorder.sends({ producer: "p" }, record).acknowledged(-1n);
  assertEquals(recorder.check(), []);
});

Deno.test("Recorder finds an error for an applied write, unless the client tries again or gave up", () => {
  const kindsOf = (facts: SenderFacts, end: "refused" | "gaveUp") => {
    const recorder = new Recorder(() => 0);
    const sending = recorder.sends(facts, record);
    if (end === "refused") sending.refused("NOT_LEADER_OR_FOLLOWER");
    else sending.gaveUp();
    recorder.stored({ ...record, offset: 0 });
    return recorder.check().map(({ kind }) => kind);
  };
  assertEquals(kindsOf(once, "refused"), ["error for an applied write"]);
  assertEquals(kindsOf(once, "gaveUp"), []);
  assertEquals(kindsOf({ producer: "p" }, "refused"), []);
});

Deno.test("Recorder excuses a broker that crashed while an attempt was under way", () => {
  let nowMs = 0;
  const recorder = new Recorder(() => nowMs);
  const sending = recorder.sends(once, record);
  nowMs = 10;
  recorder.crashed();
  nowMs = 20;
  sending.refused("NOT_LEADER_OR_FOLLOWER");
  recorder.stored({ ...record, offset: 0 });
  assertEquals(recorder.check(), []);
});

Deno.test("Recorder finds what a consumer saw twice", () => {
  const recorder = new Recorder(() => 0);
  recorder.sends({ producer: "p" }, record).acknowledged(0);
  recorder.stored({ ...record, offset: 0 });
  recorder.saw("c", { ...record, offset: 0 });
  recorder.saw("c", { ...record, offset: 0 });
  assertEquals(recorder.check().map(({ kind }) => kind), ["non-monotonic poll"]);
});
