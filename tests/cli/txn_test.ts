// Real time: the command line talks to a broker over a socket.
import { assertEquals, assertMatch } from "@std/assert";
import { createBroker } from "../../mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { MemoryDisk } from "../../storage/kv/memory/memory_folder.ts";
import { WireClient } from "../server/support.ts";
import { loseTransactionalId, WireProducer } from "../server/transaction_support.ts";
import { createTopic } from "../server/topics.ts";
import { type Done, runMain } from "./command.ts";

interface Scene {
  readonly txn: (...args: string[]) => Promise<Done>;
  readonly wire: () => WireClient;
}

/** Runs `txn …` commands against a broker. */
async function withBroker(
  use: (scene: Scene) => Promise<void>,
  disk = new MemoryDisk(),
): Promise<void> {
  await using broker = await createBroker({
    data: disk.openFolder(),
    environment: denoEnvironment({ log: { write: () => {} } }),
    listeners: [{ host: "127.0.0.1", port: 0 }],
  });
  const bootstrap = `--bootstrap=127.0.0.1:${broker.listeners[0].port}`;
  await use({
    txn: (...args) => runMain(["txn", ...args, bootstrap]),
    wire: () => new WireClient(broker.dial()),
  });
}

async function begin(wire: WireClient, id: string): Promise<WireProducer> {
  const producer = new WireProducer(wire, id);
  producer.timestampMs = Date.now();
  await producer.init();
  assertEquals(await producer.produce(12), 0);
  return producer;
}

Deno.test("txn lists and describes transactions, and aborts them by name", async () => {
  await withBroker(async ({ txn, wire }) => {
    using setup = wire();
    await createTopic(setup, "t");
    using producer = await begin(wire(), "pipe-1");
    const { producerId } = producer;
    assertEquals((await txn("list")).printed, [`pipe-1: Ongoing, producer ${producerId}`]);
    assertEquals((await txn("list", "--pattern=pipe-[2-9]")).printed, []);
    assertEquals((await txn("list", "--state=Empty")).printed, []);
    assertEquals((await txn("list", "--older-than-ms=3600000")).printed, []);
    const { printed: [head, line] } = await txn("describe", "pipe-1");
    assertMatch(
      head,
      new RegExp(
        `^pipe-1: Ongoing, producer ${producerId} at epoch 0, timeout 60000 ms, coordinator 1, begun 20.*Z$`,
      ),
    );
    assertEquals(line, "  t-0");
    assertEquals((await txn("find-hanging", "--older-than-ms=0")).printed, [], "it is known");
    assertEquals((await txn("abort", "pipe-1")).printed, [
      "Aborted what pipe-1 had open, and fenced its producer",
    ]);
    assertEquals(await producer.end(5, true), 90);
    assertEquals((await txn("list")).printed, [`pipe-1: Empty, producer ${producerId}`]);
  });
});

Deno.test("txn finds a transaction that hangs, and aborts it", async () => {
  const disk = new MemoryDisk();
  let producerId = -1n;
  await withBroker(async ({ wire }) => {
    using setup = wire();
    await createTopic(setup, "t");
    using producer = await begin(wire(), "lost");
    ({ producerId } = producer);
    await loseTransactionalId(setup, "lost");
  }, disk);
  await withBroker(async ({ txn }) => {
    assertEquals((await txn("find-hanging")).printed, [], "it is too young");
    const { printed } = await txn("find-hanging", "--older-than-ms=0", "--topic=t");
    assertMatch(
      printed.join("\n"),
      new RegExp(`^t-0: from 0 on, producer ${producerId} at epoch 0, last heard of 20.*Z$`),
    );
    assertEquals(
      (await txn("abort", "--topic=t", "--partition=0", "--start-offset=0")).printed,
      ["Aborted the transaction from 0 on in t-0"],
    );
    assertEquals((await txn("find-hanging", "--older-than-ms=0")).printed, []);
  }, disk);
});

Deno.test("txn answers 2 to what cannot be meant, and 1 to what the broker refuses", async () => {
  await withBroker(async ({ txn, wire }) => {
    using setup = wire();
    await createTopic(setup, "t");
    for (
      const [code, complaint, ...args] of [
        [2, "odradek: name transactional ids, or --topic, --partition and --start-offset", "abort"],
        [
          2,
          "odradek: name transactional ids, or --topic, --partition and --start-offset",
          ...["abort", "x", "--topic=t"],
        ],
        [
          2,
          "odradek: no open transaction begins at 7 in t-0",
          ...["abort", "--topic=t", "--partition=0", "--start-offset=7"],
        ],
        [
          2,
          'odradek: --older-than-ms: "soon" is not a whole number from 0 to 2147483647',
          ...["list", "--older-than-ms=soon"],
        ],
        [
          1,
          "odradek: Cannot describe transaction nobody: TRANSACTIONAL_ID_NOT_FOUND",
          ...["describe", "nobody"],
        ],
        [
          1,
          "odradek: Cannot list transactions: INVALID_REGULAR_EXPRESSION",
          ...["list", "--pattern=("],
        ],
      ] as const
    ) {
      const done = await txn(...args);
      assertEquals([done.code, done.complaints], [code, [complaint]]);
    }
  });
});
