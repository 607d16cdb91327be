// Real time: commands against a real broker in this process.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Broker, createBroker } from "../../mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import type { KvFolder } from "../../storage/kv/kv.ts";
import { memoryFolder } from "../../storage/kv/memory/memory_folder.ts";
import { type Done, runMain } from "./command.ts";

/** Commands against a broker that keeps nothing. */
class Commands implements AsyncDisposable {
  private constructor(private readonly broker: Broker) {}

  static async start(data?: KvFolder): Promise<Commands> {
    const listeners = [{ host: "127.0.0.1", port: 0 }];
    const environment = denoEnvironment({ log: { write: () => {} } });
    return new Commands(await createBroker({ data, listeners, environment }));
  }

  produce(input: string | Uint8Array, ...args: string[]): Promise<Done> {
    const body = typeof input === "string" ? new TextEncoder().encode(input) : input;
    return this.#run(["produce", ...args], () => ReadableStream.from([body]));
  }

  /** Consumes to the end, for which nobody has to stop it. */
  consume(...args: string[]): Promise<Done> {
    return this.#run(["consume", ...args]);
  }

  topic(...args: string[]): Promise<Done> {
    return this.#run(["topic", ...args]);
  }

  #run(args: string[], input = () => ReadableStream.from<Uint8Array>([])): Promise<Done> {
    const { port } = this.broker.listeners[0];
    return runMain([...args, `--bootstrap=127.0.0.1:${port}`], { input, onStop: () => {} });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.broker.close();
  }
}

Deno.test("produce sends lines, and consume prints them", async () => {
  await using commands = await Commands.start();
  const quiet = { code: 0, printed: [], complaints: [] };
  assertEquals(await commands.produce("one\ntwo\r\n\nfour", "lines", "--compression=zstd"), quiet);
  assertEquals(await commands.consume("lines", "--exit-at-end"), {
    code: 0,
    printed: ["one", "two", "", "four"],
    complaints: [],
  });
});

Deno.test("consume starts where it is told, and stops after as many records as it is told", async () => {
  await using commands = await Commands.start();
  await commands.produce("0\n1\n2\n3\n", "numbers");
  const consume = async (...args: string[]) =>
    (await commands.consume("numbers", "--exit-at-end", ...args)).printed;
  assertEquals(await consume("--from=2"), ["2", "3"]);
  assertEquals(await consume("--max=2"), ["0", "1"]);
  assertEquals(await consume("--from=latest"), []);
  assertEquals(await consume("--from=2000-01-01"), ["0", "1", "2", "3"]);
  assertEquals(await consume("--from=2999-01-01T00:00:00Z"), []);
});

Deno.test("produce takes keys and headers, and consume shows them", async () => {
  await using commands = await Commands.start();
  await commands.topic("create", "orders", "--partitions=4");
  const options = ["--key-separator=::", "--header=source=test", "--partition=3"];
  await commands.produce("a::1\nb:2\n::3\n", "orders", ...options);
  assertEquals((await commands.consume("orders", "--exit-at-end", "--key-separator==")).printed, [
    "a=1",
    "b:2",
    "=3",
  ]);
  const { printed } = await commands.consume("orders", "--exit-at-end", "--json", "--max=1");
  const { timestampMs, ...record } = JSON.parse(printed[0]);
  assertEquals(typeof timestampMs, "number");
  assertEquals(record, {
    topic: "orders",
    partition: 3,
    offset: 0,
    key: "a",
    value: "1",
    headers: [{ key: "source", value: "test" }],
  });
  assertEquals((await commands.consume("orders", "--exit-at-end", "--partition=0")).printed, []);
});

Deno.test("Bytes that are no text go through unchanged", async () => {
  await using commands = await Commands.start();
  await commands.produce(Uint8Array.of(0xff, 0x00, 0xfe), "bytes");
  const { printed } = await commands.consume("bytes", "--exit-at-end", "--json");
  assertEquals(JSON.parse(printed[0]).value, { base64: "/wD+" });
});

Deno.test("produce and consume answer 1 and one line to what the broker refuses", async () => {
  await using commands = await Commands.start();
  const refused = async (doing: Promise<Done>, message: RegExp) => {
    const { code, printed, complaints } = await doing;
    assertEquals([code, printed, complaints.length], [1, [], 1], complaints.join("\n"));
    assertMatch(complaints[0], message);
  };
  await refused(commands.consume("nothing"), /UNKNOWN_TOPIC_OR_PARTITION/);
  await refused(commands.produce("x", "a/b"), /INVALID_TOPIC_EXCEPTION/);
});

Deno.test("produce gives up records that the broker does not take when its time is over (it went on for two minutes)", async () => {
  const full = memoryFolder({ capacityBytes: 1_000_000 }); // less than its reserve
  await using commands = await Commands.start(full);
  await commands.topic("create", "orders");
  const startMs = performance.now();
  const { code, complaints } = await commands.produce("x", "orders", "--timeout-ms=300");
  assertEquals([code, complaints.length], [1, 1], complaints.join("\n"));
  assertMatch(complaints[0], /not acknowledged within 300 ms/);
  assert(performance.now() - startMs < 20_000);
});

Deno.test("produce and consume answer 2 and one line to what makes no sense", async () => {
  await using commands = await Commands.start();
  await commands.topic("create", "orders");
  const refused = async (doing: Promise<Done>, message: RegExp) => {
    const { code, printed, complaints } = await doing;
    assertEquals([code, printed, complaints.length], [2, [], 1], complaints.join("\n"));
    assertMatch(complaints[0], message);
  };
  await refused(commands.produce("x", "orders", "--acks=2"), /--acks: "2" is none of/);
  await refused(
    commands.produce("x", "orders", "--compression=rar"),
    /"rar" is none of none, gzip/,
  );
  await refused(commands.produce("x".repeat(1_000_001), "orders"), /a line has more than 1000000/);
  await refused(commands.consume("orders", "--from=soon"), /--from: "soon" is neither/);
  await refused(commands.consume("orders", "--partition=1"), /orders has partitions 0 to 0/);
  await refused(commands.consume("orders", "--max=0"), /--max: "0" is not a whole number from 1/);
});
