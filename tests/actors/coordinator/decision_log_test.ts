import { assertEquals, assertThrows } from "@std/assert";
import { type Decision, DecisionLog } from "../../../actors/coordinator/decision_log.ts";
import { spawn } from "../../../actors/core/actor.ts";
import { type ActorRef, type Message, PARKED } from "../../../actors/core/message.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { readBatchHeader } from "../../../protocol/records/batch_header.ts";
import { buildBatch, recordBytesMax } from "../../../protocol/records/builder.ts";
import { controlBatch } from "../../../protocol/records/control.ts";
import { ManualEnvironment, settle } from "../../support/manual_environment.ts";
import { MemoryPartition } from "./memory_partition.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

type NotesMessage =
  | Message<"put", { readonly key: string; readonly value: string | null }, void>
  | Message<"putAll", { readonly keys: readonly string[] }, void>
  | Message<"read", Record<never, never>, string>
  | Message<"peek", Record<never, never>, string>;

const decision = (key: string, value: string | null): Decision => ({
  key: encoder.encode(key),
  value: value === null ? null : encoder.encode(value),
});

/** An actor whose state is the replay of its log: a table of notes. */
function notes(partition: MemoryPartition, environment: ManualEnvironment, batchBytesMax = 10_000) {
  const lives: DecisionLog[] = [];
  const ref: ActorRef<NotesMessage> = spawn<NotesMessage>({
    name: "notes",
    environment,
    unavailable: "NOT_COORDINATOR",
    start: async (self) => {
      const table = new Map<string, string>();
      const log = await DecisionLog.load({
        self,
        partition: partition.ref,
        now: () => environment.clock.now(),
        batchBytesMax,
        log: environment.log,
        replay: ({ key, value }) => {
          if (value === null) table.delete(decoder.decode(key));
          else table.set(decoder.decode(key), decoder.decode(value));
        },
      });
      lives.push(log);
      const text = () => [...table].map(([key, value]) => `${key}=${value}`).join(" ");
      return {
        put({ key, value }, context) {
          log.append([decision(key, value)], () => context.reply(undefined));
          return PARKED;
        },
        putAll({ keys }, context) {
          log.appendAll(keys.map((key) => decision(key, "x")), () => context.reply(undefined));
          return PARKED;
        },
        read(_, context) {
          const answer = text();
          log.whenDurable(() => context.reply(answer));
          return PARKED;
        },
        peek: () => text(),
      };
    },
  });
  return { ref, lives };
}

function world(batchBytesMax?: number) {
  const environment = new ManualEnvironment();
  const partition = new MemoryPartition(environment);
  return { environment, partition, ...notes(partition, environment, batchBytesMax) };
}

Deno.test("Decision log applies at once and answers when durable", async () => {
  const { ref, partition } = world();
  await settle();
  partition.hold = true;
  let answered = false;
  const put = ref.ask("put", { key: "a", value: "1" }).then(() => answered = true);
  assertEquals(await ref.ask("peek", {}), "a=1");
  await settle();
  assertEquals(answered, false);
  partition.release();
  await put;
});

Deno.test("Decision log gathers what is decided while an append is under way", async () => {
  const { ref, partition, lives } = world();
  await settle();
  partition.hold = true;
  const order: number[] = [];
  const puts = [1, 2, 3, 4].map((n) =>
    ref.ask("put", { key: `k${n}`, value: "v" }).then(() => order.push(n))
  );
  await settle();
  assertEquals(partition.waiting, 1);
  assertEquals(lives[0].quiet, false);
  partition.release();
  await Promise.all(puts);
  assertEquals(order, [1, 2, 3, 4]);
  assertEquals(partition.batches.map((batch) => readBatchHeader(batch).recordCount), [1, 3]);
  assertEquals(lives[0].quiet, true);
});

Deno.test("Decision log lets answers that only read wait for what they have read", async () => {
  const { ref, partition } = world();
  await settle();
  partition.hold = true;
  const put = ref.ask("put", { key: "a", value: "1" });
  let read: string | null = null;
  const reading = ref.ask("read", {}).then((text) => read = text);
  await settle();
  assertEquals(read, null);
  partition.release();
  await Promise.all([put, reading]);
  assertEquals(read, "a=1");
});

Deno.test("Decision log gives the same state after a restart, tombstones included", async () => {
  const { ref, partition, environment } = world();
  for (let n = 0; n < 20; n++) await ref.ask("put", { key: `k${n % 5}`, value: String(n) });
  await ref.ask("put", { key: "k3", value: null });
  const before = await ref.ask("read", {});
  ref.stop();
  const again = notes(partition, environment);
  assertEquals(await again.ref.ask("read", {}), before);
  assertEquals(before, "k0=15 k1=16 k2=17 k4=19");
});

Deno.test("Decision log passes over markers of transactions, and records that cannot be replayed", async () => {
  const { ref, partition, environment } = world();
  await ref.ask("put", { key: "a", value: "1" });
  const marker = controlBatch({
    result: "commit",
    producerId: 1n,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: 0,
  });
  const unreadable = buildBatch([
    { key: Uint8Array.of(0xff), value: encoder.encode("?"), timestampMs: 0 },
    { ...decision("b", "2"), timestampMs: 0 },
  ]);
  for (const records of [[marker], [unreadable]]) {
    await partition.ref.ask("append", { records, requestVersion: 13, origin: "coordinator" });
  }
  ref.stop();
  const again = notes(partition, environment);
  assertEquals(await again.ref.ask("read", {}), "a=1 b=2");
  const { fields } = environment.lines.find(({ message }) => message.includes("passed over"))!;
  assertEquals(fields?.offset, 2);
});

Deno.test("Decision log that cannot be written crashes its coordinator, which starts again from what is stored", async () => {
  const { ref, partition, environment, lives } = world();
  await ref.ask("put", { key: "a", value: "stored" });
  partition.fail = true;
  const lost = [
    ref.ask("put", { key: "a", value: "lost" }),
    ref.ask("put", { key: "b", value: "lost" }),
    ref.ask("read", {}),
  ].map((asked) => asked.then(() => "answered", (error: KafkaError) => error.kind));
  assertEquals(await Promise.all(lost), ["NOT_COORDINATOR", "NOT_COORDINATOR", "NOT_COORDINATOR"]);
  partition.fail = false;
  await environment.advance(1000);
  assertEquals(await ref.ask("read", {}), "a=stored");
  assertEquals(lives.length, 2);
});

Deno.test("Decision log refuses what does not fit one append, with nothing applied", async () => {
  const { lives, ref } = world(100);
  await settle();
  const large = decision("a", "v".repeat(200));
  assertEquals(lives[0].fits([large]), false);
  assertThrows(() => lives[0].append([large], () => {}), KafkaError, "more than 100");
  assertEquals(await ref.ask("peek", {}), "");
  assertEquals(lives[0].quiet, true);
});

Deno.test("Decision log splits what need not be written together", async () => {
  const bytes = recordBytesMax(decision("a", "x"));
  const { ref, partition } = world(bytes * 2);
  await ref.ask("putAll", { keys: ["a", "b", "c", "d", "e"] });
  assertEquals(partition.batches.map((batch) => readBatchHeader(batch).recordCount), [2, 2, 1]);
  assertEquals(await ref.ask("read", {}), "a=x b=x c=x d=x e=x");
});
