import { assertEquals } from "@std/assert";
import { ERROR_CODES, type ErrorName } from "../../../protocol/errors.ts";
import { createTopic } from "../group_support.ts";
import { startBroker } from "../support.ts";
import { WireProducer } from "../transaction_support.ts";

const code = (name: ErrorName): number => ERROR_CODES[name].code;

Deno.test("WriteTxnMarkers to __consumer_offsets is refused where a later coordinator or epoch has been", async () => {
  await using broker = await startBroker({ "offsets.topic.num.partitions": "1" });
  await createTopic(broker, "t");
  for (const transactionVersion of [1, 2]) {
    using producer = new WireProducer(broker.connect(), `tx-${transactionVersion}`);
    assertEquals(await producer.init(), 0);
    assertEquals(await producer.init(), 0);
    assertEquals(await producer.commitOffset(5, 3n), 0);
    const write = (epoch: number, coordinatorEpoch: number): Promise<number> => {
      const twin = producer.twin();
      twin.epoch = epoch;
      return twin.writeMarker(2, {
        topic: "__consumer_offsets",
        transactionVersion,
        coordinatorEpoch,
      });
    };
    const { epoch } = producer;
    const bumps = transactionVersion === 2;
    assertEquals(await write(epoch - 1, 7), code("INVALID_PRODUCER_EPOCH"));
    assertEquals(await write(epoch, 7), bumps ? code("INVALID_PRODUCER_EPOCH") : 0);
    assertEquals(await write(epoch + 1, 8), 0);
    assertEquals(await write(epoch + 1, 7), code("TRANSACTION_COORDINATOR_FENCED"));
    assertEquals(await write(epoch + 1, 8), 0);
  }
});
