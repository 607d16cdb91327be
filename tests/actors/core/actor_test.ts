import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { spawn } from "../../../actors/core/actor.ts";
import { type Message, PARKED, type Self } from "../../../actors/core/message.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

type Counter =
  | Message<"add", { readonly amount: number }, number>
  | Message<"slow", { readonly ms: number }, string>
  | Message<"park", { readonly ms: number }, string>
  | Message<"refuse", Record<never, never>, never>
  | Message<"break", Record<never, never>, never>;

function counter(environment: ManualEnvironment, options: { mailboxMax?: number } = {}) {
  const lives: Self[] = [];
  const ref = spawn<Counter>({
    name: "counter",
    environment,
    unavailable: "NOT_LEADER_OR_FOLLOWER",
    ...options,
    start: (self) => {
      lives.push(self);
      let total = 0;
      return {
        add: ({ amount }) => total += amount,
        slow: ({ ms }) =>
          new Promise((resolve) => environment.timers.schedule(ms, () => resolve("done"))),
        park({ ms }, context) {
          self.schedule(ms, () => context.reply("woken"));
          return PARKED;
        },
        refuse() {
          throw new KafkaError("INVALID_REQUEST", "No.");
        },
        break() {
          throw new TypeError("a bug");
        },
      };
    },
  });
  return { ref, lives };
}

Deno.test("An idle actor works on a message before ask returns", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment);
  const first = ref.ask("add", { amount: 2 });
  ref.tell("add", { amount: 3 });
  assertEquals(await first, 2);
  assertEquals(await ref.ask("add", { amount: 0 }), 5);
});

Deno.test("askNow gives what is there at once, throws what fails at once, and promises the rest", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment);
  assertEquals(ref.askNow("add", { amount: 2 }), 2);
  assertThrows(() => ref.askNow("refuse", {}), KafkaError, "No.");
  const woken = ref.askNow("park", { ms: 10 });
  assert(woken instanceof Promise);
  await environment.advance(10);
  assertEquals(await woken, "woken");
  const open = ref.askNow("park", { ms: 10 });
  ref.stop();
  await assertRejects(() => Promise.resolve(open), KafkaError, "was stopped");
});

Deno.test("A handler that returns a promise holds the mailbox, a parked one does not", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment);
  const order: string[] = [];
  const note = (name: string) => (): void => void order.push(name);
  ref.ask("slow", { ms: 50 }).then(note("slow"));
  ref.ask("add", { amount: 1 }).then(note("after slow"));
  await environment.advance(50);
  assertEquals(order, ["slow", "after slow"]);
  ref.ask("park", { ms: 50 }).then(note("parked"));
  ref.ask("add", { amount: 1 }).then(note("beside parked"));
  await environment.advance(50);
  assertEquals(order.slice(2), ["beside parked", "parked"]);
});

Deno.test("A KafkaError is the answer to one message and leaves the actor as it is", async () => {
  const environment = new ManualEnvironment();
  const { ref, lives } = counter(environment);
  await ref.ask("add", { amount: 7 });
  const error = await assertRejects(() => ref.ask("refuse", {}), KafkaError);
  assertEquals(error.kind, "INVALID_REQUEST");
  assertEquals(await ref.ask("add", { amount: 0 }), 7);
  assertEquals(lives.length, 1);
});

Deno.test("A crash answers what is open with a retriable error and starts the actor anew", async () => {
  const environment = new ManualEnvironment();
  const { ref, lives } = counter(environment);
  await ref.ask("add", { amount: 7 });
  const parked = assertRejects(() => ref.ask("park", { ms: 10_000 }), KafkaError);
  const broken = assertRejects(() => ref.ask("break", {}), KafkaError);
  assertEquals((await parked).kind, "NOT_LEADER_OR_FOLLOWER");
  assert((await broken).retriable);
  const waiting = ref.ask("add", { amount: 1 });
  await environment.advance(100);
  assertEquals(await waiting, 1, "the total of the life before is gone");
  assertEquals(lives.length, 2);
  assertEquals(environment.lines.map(({ level }) => level), ["error"]);
});

Deno.test("A timer of an earlier life does nothing in the next", async () => {
  const environment = new ManualEnvironment();
  const { ref, lives } = counter(environment);
  let fired = 0;
  lives[0].schedule(200, () => fired++);
  ref.tell("break", {});
  await environment.advance(1000);
  assertEquals(lives.length, 2);
  assertEquals(fired, 0);
});

Deno.test("A full mailbox refuses the next message and no other", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment, { mailboxMax: 2 });
  const held = ref.ask("slow", { ms: 10 });
  const waiting = [ref.ask("add", { amount: 1 }), ref.ask("add", { amount: 1 })];
  const refused = await assertRejects(() => ref.ask("add", { amount: 1 }), KafkaError);
  assertEquals(refused.kind, "REQUEST_TIMED_OUT");
  await environment.advance(10);
  assertEquals(await held, "done");
  assertEquals(await Promise.all(waiting), [1, 2]);
});

Deno.test("An ask past its deadline is answered REQUEST_TIMED_OUT and skipped if it has not begun", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment);
  ref.tell("slow", { ms: 100 });
  const late = assertRejects(() => ref.ask("add", { amount: 5 }, { deadlineMs: 50 }), KafkaError);
  await environment.advance(50);
  assertEquals((await late).kind, "REQUEST_TIMED_OUT");
  await environment.advance(50);
  assertEquals(await ref.ask("add", { amount: 0 }), 0);
});

Deno.test("A stopped actor fails what it holds and everything after", async () => {
  const environment = new ManualEnvironment();
  const { ref } = counter(environment);
  const parked = assertRejects(() => ref.ask("park", { ms: 10 }), KafkaError);
  ref.stop();
  assertEquals((await parked).kind, "NOT_LEADER_OR_FOLLOWER");
  await assertRejects(() => ref.ask("add", { amount: 1 }), KafkaError, "not running");
});

Deno.test("A stopped actor leaves no timer behind, of its own or of a restart", async () => {
  for (const end of ["park", "break"] as const) {
    const environment = new ManualEnvironment();
    const { ref } = counter(environment);
    const asked = end === "park" ? ref.ask("park", { ms: 600_000 }) : ref.ask("break", {});
    const refused = assertRejects(() => asked, KafkaError);
    await settle();
    assertEquals(environment.pendingTimers, 1, end);
    ref.stop();
    assertEquals(environment.pendingTimers, 0, end);
    await refused;
  }
});

Deno.test("An actor that cannot start tells those who wait and tries again, ever more slowly", async () => {
  const environment = new ManualEnvironment();
  let starts = 0;
  const ref = spawn<Counter>({
    name: "unlucky",
    environment,
    unavailable: "NOT_LEADER_OR_FOLLOWER",
    start: async () => {
      starts++;
      await settle();
      throw new Error("no disk");
    },
  });
  await assertRejects(() => ref.ask("add", { amount: 1 }), KafkaError, "no disk");
  for (let round = 0; round < 40; round++) await environment.advance(500);
  assert(starts > 4 && starts < 12, `${starts} starts in 20 s`);
  ref.stop();
});
