import { assertEquals, assertRejects } from "@std/assert";
import { produceRequest, produceResponse } from "../../../protocol/messages/00_produce.ts";
import { ERROR_CODES } from "../../../protocol/errors.ts";
import { startBroker, type TestBroker } from "../support.ts";
import { createTopic } from "../group_support.ts";
import { FETCH, fetchFrom } from "../topics.ts";
import { WireProducer } from "../transaction_support.ts";

/** What a batch in another name says of it. */
type Stranger = (producer: WireProducer) => { producerId: bigint; producerEpoch: number };

/** The last stable offset and the end of both partitions. */
async function ends(broker: TestBroker): Promise<number[][]> {
  using client = broker.connect();
  const places = [0, 1].map((partition) => ({ partition, offset: 0 }));
  const draft = fetchFrom({ topic: "t" }, places, { isolationLevel: 0, minBytes: 0 });
  const { responses: [{ partitions }] } = await client.ask(FETCH, 11, draft);
  return partitions.map(({ lastStableOffset, highWatermark }) => [
    Number(lastStableOffset),
    Number(highWatermark),
  ]);
}

const STRANGERS: Readonly<Record<string, Stranger>> = {
  "two epochs": ({ producerId, epoch }) => ({ producerId, producerEpoch: epoch + 500 }),
  "two producer ids": ({ producerId, epoch }) => ({
    producerId: producerId + 1n,
    producerEpoch: epoch,
  }),
};

for (const [what, stranger] of Object.entries(STRANGERS)) {
  Deno.test(`Produce with ${what} in one request is refused as a whole: one's transaction would hang`, async () => {
    await using broker = await startBroker();
    await createTopic(broker, "t");
    for (const version of [11, 12]) {
      using producer = new WireProducer(broker.connect(), `tx-${version}`);
      assertEquals(await producer.init(), 0);
      if (version < 12) assertEquals(await producer.add(3, 0, 1), 0);
      const identity = { ...stranger(producer), baseSequence: 0 };
      const batches = [producer.batch("a"), producer.batch("b", { producer: identity })];
      const { code } = ERROR_CODES.INVALID_PRODUCER_ID_MAPPING;
      assertEquals(await producer.produceEach(version, batches), [code, code]);
      assertEquals(await ends(broker), [[0, 0], [0, 0]]);
    }
  });

  Deno.test(`Produce with ${what} that wants no answer closes the connection`, async () => {
    await using broker = await startBroker();
    await createTopic(broker, "t");
    using producer = new WireProducer(broker.connect());
    assertEquals(await producer.init(), 0);
    const identity = { ...stranger(producer), baseSequence: 0 };
    const batches = [producer.batch("a"), producer.batch("b", { producer: identity })];
    const partitionData = batches.map((batch, index) => ({ index, records: [batch] }));
    await assertRejects(
      () =>
        producer.client.ask([produceRequest, produceResponse], 12, {
          transactionalId: producer.id,
          acks: 0,
          timeoutMs: 1000,
          topicData: [{ name: "t", partitionData }],
        }),
      Error,
      "closed",
    );
    assertEquals(await ends(broker), [[0, 0], [0, 0]]);
  });
}
