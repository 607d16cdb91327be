// Real time: commands against a real broker in this process.
import { assertEquals, assertMatch } from "@std/assert";
import { createBroker } from "../../mod.ts";
import { runMain } from "./command.ts";

/** Runs `topic …` commands against a broker that keeps nothing. */
async function withBroker(
  use: (topic: (...args: string[]) => ReturnType<typeof runMain>) => Promise<void>,
): Promise<void> {
  await using broker = await createBroker({ listeners: [{ host: "127.0.0.1", port: 0 }] });
  const bootstrap = `--bootstrap=127.0.0.1:${broker.listeners[0].port}`;
  await use((...args) => runMain(["topic", ...args, bootstrap]));
}

Deno.test("topic creates, lists, describes and deletes topics", async () => {
  await withBroker(async (topic) => {
    assertEquals(await topic("list"), { code: 0, printed: [], complaints: [] });
    assertEquals(
      (await topic("create", "orders", "--partitions=2", "--config", "retention.ms=60000")).printed,
      ["Created topic orders: 2 partitions"],
    );
    assertEquals((await topic("create", "bills")).printed, ["Created topic bills: 1 partition"]);
    assertEquals((await topic("list")).printed, ["bills", "orders"]);
    const { printed } = await topic("describe", "orders");
    assertMatch(printed[0], /^orders: 2 partitions, id [\w-]{22}$/);
    assertEquals(printed.slice(1), [
      "  retention.ms=60000",
      "  partition 0: offsets 0 to 0, leader 1, replicas 1",
      "  partition 1: offsets 0 to 0, leader 1, replicas 1",
    ]);
    assertEquals((await topic("delete", "orders", "bills")).printed, [
      "Deleted topic orders",
      "Deleted topic bills",
    ]);
    assertEquals((await topic("list")).printed, []);
  });
});

Deno.test("topic answers 1 and one line to what the broker refuses", async () => {
  await withBroker(async (topic) => {
    for (
      const [args, message] of [
        [["create", "a/b"], /^odradek: Cannot create topic a\/b: INVALID_TOPIC_EXCEPTION/],
        [["create", "a", "--config=retention.ms=soon"], /Invalid value soon for .*retention\.ms/],
        [["create", "a", "--replication-factor=3"], /INVALID_REPLICATION_FACTOR/],
        [["delete", "nothing"], /UNKNOWN_TOPIC_OR_PARTITION/],
        [["describe", "nothing"], /UNKNOWN_TOPIC_OR_PARTITION/],
      ] as const
    ) {
      const { code, printed, complaints } = await topic(...args);
      assertEquals([code, printed, complaints.length], [1, [], 1], complaints.join("\n"));
      assertMatch(complaints[0], message);
    }
  });
});

Deno.test("topic answers 2 and one line to what makes no sense", async () => {
  for (
    const [args, message] of [
      [["list", "--bootstrap=nowhere"], /--bootstrap: "nowhere" is not HOST:PORT/],
      [["create", "a", "--partitions=0"], /--partitions: "0" is not a whole number from 1/],
      [["create", "a", "--config=x"], /--config: "x" is not NAME=VALUE/],
      [["describe"], /missing required argument 'name'/],
    ] as const
  ) {
    const { code, printed, complaints } = await runMain(["topic", ...args]);
    assertEquals([code, printed, complaints.length], [2, [], 1], complaints.join("\n"));
    assertMatch(complaints[0], message);
  }
});

Deno.test("topic gives up a broker that does not answer when its time is over", async () => {
  // The command runs on the real clock, as users do.
  const nobody = ["--bootstrap=127.0.0.1:1", "--timeout-ms=100"];
  const { code, printed, complaints } = await runMain(["topic", "list", ...nobody]);
  assertEquals([code, printed, complaints.length], [1, [], 1], complaints.join("\n"));
  assertMatch(complaints[0], /^odradek: Cannot list topics: not done within 100 ms/);
});
