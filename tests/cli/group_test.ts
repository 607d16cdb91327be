// Real time: the command line and the broker are processes of their own.
import { assertEquals, assertMatch } from "@std/assert";
import { Consumer, Producer } from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { createBroker } from "../../mod.ts";
import { type Done, runMain } from "./command.ts";

interface Scene {
  readonly group: (...args: string[]) => Promise<Done>;
  readonly consumer: Consumer;
}

/** Runs `group …` commands against a broker with three records of a topic `orders`, that group `packers` has read. */
async function withReadTopic(use: (scene: Scene) => Promise<void>): Promise<void> {
  await using broker = await createBroker({
    listeners: [{ host: "127.0.0.1", port: 0 }],
    config: { "group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "2" },
  });
  const options = {
    environment: denoEnvironment({ log: { write: () => {} } }),
    bootstrapServers: `127.0.0.1:${broker.listeners[0].port}`,
  };
  await using producer = new Producer(options);
  for (const value of ["a", "b", "c"]) await producer.send({ topic: "orders", value });
  await using consumer = new Consumer({
    ...options,
    groupId: "packers",
    autoOffsetReset: "earliest",
  });
  consumer.subscribe(["orders"]);
  for (let count = 0; count < 3;) count += (await consumer.poll()).length;
  await consumer.commit();
  const bootstrap = `--bootstrap=${options.bootstrapServers}`;
  await use({ consumer, group: (...args) => runMain(["group", ...args, bootstrap]) });
}

Deno.test("group lists, describes, resets and deletes groups", async () => {
  await withReadTopic(async ({ group, consumer }) => {
    assertEquals((await group("list")).printed, ["packers: Stable"]);
    const { printed: [head, line] } = await group("describe", "packers");
    assertEquals(head, "packers: Stable, 1 member, range");
    assertMatch(line, /^ {2}orders-0: committed 3, end 3, lag 0, member .+$/);
    await consumer.close();
    assertEquals((await group("describe", "packers")).printed, [
      "packers: Empty, 0 members",
      "  orders-0: committed 3, end 3, lag 0",
    ]);

    const reset = async (...args: string[]) => (await group("reset", "packers", ...args)).printed;
    assertEquals(await reset("--to", "-2", "--dry-run"), ["orders-0: 3 to 1"]);
    assertEquals(await reset("--to", "-2"), ["orders-0: 3 to 1"]);
    assertEquals(await reset("--to=+1"), ["orders-0: 1 to 2"]);
    assertEquals(await reset("--to=earliest", "--topic=orders"), ["orders-0: 2 to 0"]);
    assertEquals(await reset("--to=9999-01-01"), ["orders-0: 0 to 3"]);
    assertEquals(await reset("--to=2000-01-01"), ["orders-0: 3 to 0"]);
    assertEquals(await reset("--to=99"), ["orders-0: 0 to 3"]);
    assertEquals(await reset("--to=1"), ["orders-0: 3 to 1"]);
    assertEquals(
      (await group("describe", "packers")).printed[1],
      "  orders-0: committed 1, end 3, lag 2",
    );

    assertEquals((await group("delete", "packers")).printed, ["Deleted group packers"]);
    assertEquals((await group("list")).printed, []);
  });
});

Deno.test("group answers 1 and one line to what the broker refuses", async () => {
  await withReadTopic(async ({ group }) => {
    for (
      const [args, message] of [
        [["describe", "nothing"], /GROUP_ID_NOT_FOUND/],
        [["delete", "packers"], /NON_EMPTY_GROUP/],
        [["delete", "nothing"], /GROUP_ID_NOT_FOUND/],
        [["reset", "packers", "--to=earliest"], /UNKNOWN_MEMBER_ID/],
      ] as const
    ) {
      const { code, printed, complaints } = await group(...args);
      assertEquals([code, printed, complaints.length], [1, [], 1], complaints.join("\n"));
      assertMatch(complaints[0], message);
    }
  });
});

Deno.test("group answers 2 and one line to what makes no sense", async () => {
  await withReadTopic(async ({ group }) => {
    for (
      const [args, message] of [
        [["reset", "packers", "--to=soon"], /--to: "soon" is neither earliest/],
        [["reset", "packers"], /--to/],
        [["reset", "nothing", "--to=latest"], /has committed nothing: name its topics/],
      ] as const
    ) {
      const { code, printed, complaints } = await group(...args);
      assertEquals([code, printed, complaints.length], [2, [], 1], complaints.join("\n"));
      assertMatch(complaints[0], message);
    }
  });
});
