import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CommitChain, FencedError } from "../../../storage/chain/commit_chain.ts";
import { key } from "../../../storage/kv/key.ts";
import type { Kv, KvCommit, KvOutcome } from "../../../storage/kv/kv.ts";
import { memoryFolder } from "../../../storage/kv/memory/memory_folder.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";

const HEAD = key("head");
const bytes = (...values: number[]) => Uint8Array.from(values);

/** What happens to one commit on its way. */
type Fate = "ok" | "lostRequest" | "lostAnswer" | "refused" | "twice";

/** A store whose next commits meet the given fates; then all is well. */
function fated(kv: Kv, fates: Fate[]): Kv & { readonly sent: number } {
  let sent = 0;
  const unknown: KvOutcome = { kind: "unknown", error: new Error("no answer") };
  return {
    limits: kv.limits,
    get: (keys) => kv.get(keys),
    list: (range, options) => kv.list(range, options),
    close: () => kv.close(),
    get sent() {
      return sent;
    },
    async commit(commit: KvCommit): Promise<KvOutcome> {
      sent++;
      switch (fates.shift()) {
        case "lostRequest":
          return unknown;
        case "lostAnswer":
          await kv.commit(commit);
          return unknown;
        case "refused":
          return { kind: "refused", error: new Error("disk full") };
        case "twice":
          await kv.commit(commit);
          return kv.commit(commit);
        default:
          return kv.commit(commit);
      }
    },
  };
}

async function world(fates: Fate[] = []) {
  const environment = new ManualEnvironment();
  const kv = await memoryFolder().open("meta");
  const faulty = fated(kv, fates);
  const chain = await CommitChain.takeOver({
    name: "test",
    kv: faulty,
    headKey: HEAD,
    environment,
  });
  const put = (value: number) => chain.commit({ sets: [{ key: key("x"), value: bytes(value) }] });
  const stored = async () => (await kv.get([key("x")]))[0]?.value;
  return { environment, kv, faulty, chain, put, stored };
}

Deno.test("A chain counts takeovers and commits", async () => {
  const { kv, environment, chain, put } = await world();
  assertEquals([chain.epoch, chain.sequence], [0, 0]);
  await put(1);
  assertEquals([chain.epoch, chain.sequence], [0, 1]);
  const next = await CommitChain.takeOver({ name: "test", kv, headKey: HEAD, environment });
  assertEquals([next.epoch, next.sequence], [1, 2]);
});

Deno.test("A writer that was replaced is fenced, and writes nothing, ever", async () => {
  const { kv, environment, put, stored } = await world();
  await put(1);
  await CommitChain.takeOver({ name: "test", kv, headKey: HEAD, environment });
  await assertRejects(() => put(2), FencedError);
  await assertRejects(() => put(3), FencedError);
  assertEquals(await stored(), bytes(1));
});

for (const fate of ["lostRequest", "lostAnswer", "twice"] as const) {
  Deno.test(`A commit whose send met "${fate}" is applied once and then known to be`, async () => {
    const { environment, chain, put, stored } = await world(["ok", fate]);
    const outcome = put(1);
    await environment.advance(1000);
    assertEquals(await outcome, { kind: "ok" });
    assertEquals(chain.sequence, 1);
    assertEquals(await stored(), bytes(1));
    assertEquals(await put(2), { kind: "ok" });
    assertEquals(await stored(), bytes(2));
  });
}

Deno.test("A refused commit changes nothing, and the chain goes on", async () => {
  const { chain, put, stored } = await world(["ok", "refused"]);
  assertEquals((await put(1)).kind, "refused");
  assertEquals(chain.sequence, 0);
  assertEquals(await stored(), undefined);
  assertEquals(await put(2), { kind: "ok" });
});

Deno.test("A refusal after a send in doubt is no answer: the first send may have been applied", async () => {
  const { environment, faulty, put, stored } = await world([
    "ok",
    "lostAnswer",
    "refused",
    "refused",
  ]);
  const outcome = put(1);
  await environment.advance(1000);
  assertEquals(await outcome, { kind: "ok" });
  assertEquals(faulty.sent, 5);
  assertEquals(await stored(), bytes(1));
});

Deno.test("A chain leaves its state in HEAD for the next writer", async () => {
  const { kv, environment, chain } = await world();
  await chain.commit({}, bytes(7, 8));
  const next = await CommitChain.takeOver({ name: "test", kv, headKey: HEAD, environment });
  assertEquals(next.state, bytes(7, 8));
});

Deno.test("Two commits at once are a bug of the caller", async () => {
  const { put } = await world();
  const first = put(1);
  assertInstanceOf(await put(2).catch((error) => error), Error);
  await settle();
  assertEquals(await first, { kind: "ok" });
});
