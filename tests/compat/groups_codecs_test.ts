/**
 * kafkajs and @platformatic/kafka read, as members of groups, what was produced with every codec.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { MEMBERS } from "./support/group_members.ts";
import { patiently } from "./support/groups.ts";
import { connected, KAFKAJS_CODECS, kafkajsClient } from "./support/kafkajs.ts";
import { CODECS, createTopic, storedCodecs } from "./support/topics.ts";

const broker = brokerOfSuite("--set", "group.initial.rebalance.delay.ms=0");

for (const client of ["kafkajs", "platformatic"] as const) {
  Deno.test(`${client} reads, in a group, one partition of every codec`, async () => {
    const topic = await createTopic(broker, { what: client, partitions: CODECS.length });
    const values = Array.from({ length: 500 }, (_, i) => `value ${i} of many that look alike`);
    await connected(kafkajsClient(broker).producer(), async (producer) => {
      for (const [partition, codec] of CODECS.entries()) {
        const messages = values.map((value) => ({ value, partition }));
        await producer.send({ topic, messages, compression: KAFKAJS_CODECS[codec] });
        assertEquals(await storedCodecs(broker, topic, partition), [codec]);
      }
    });
    const groupId = uniqueName(client);
    const member = await MEMBERS[client](broker, { groupId, topic, strategy: "roundrobin" });
    const wanted = CODECS.flatMap((_, partition) =>
      values.map((value, offset) => `${partition}/${offset}/${value}`)
    );
    await patiently(() => assertEquals(member.read.toSorted(), wanted.toSorted()));
    await member.stop();
  });
}
