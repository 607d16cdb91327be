// Real time: a process that is killed, on real sockets.
/**
 * A worker on kafkajs, as `worker.ts`. kafkajs does not tell a transaction which member commits, so there is to be one only;
 * and it goes on after trouble where it believes it was, not where the group has got to, so it dies of any trouble.
 *
 * @module
 */
import kafkajs from "kafkajs";
import { ABORTED, type WorkerTask } from "./task.ts";

const ABORT_EVERY = 7;

const { bootstrap, group, transactionalId, input, output } = JSON.parse(Deno.args[0]) as WorkerTask;
const kafka = new kafkajs.Kafka({
  clientId: transactionalId,
  brokers: [bootstrap],
  logLevel: kafkajs.logLevel.NOTHING,
  retry: { initialRetryTime: 50, retries: 20, maxRetryTime: 500 },
});
const producer = kafka.producer({
  transactionalId,
  transactionTimeout: 10_000,
  maxInFlightRequests: 1,
  idempotent: true,
});
const consumer = kafka.consumer({
  groupId: group,
  sessionTimeout: 4000,
  heartbeatInterval: 500,
  readUncommitted: false,
  maxWaitTimeInMs: 200,
});

await producer.connect();
// Shuts out the worker before, and ends what it left open, before the group is asked how far it has got.
await (await producer.transaction()).abort();
await consumer.connect();
await consumer.subscribe({ topics: [input], fromBeginning: true });
consumer.on(consumer.events.CRASH, () => Deno.exit(1));
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));

let n = 0;
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: true,
  eachBatch: async ({ batch, heartbeat, isStale }) => {
    if (isStale() || batch.messages.length === 0) return;
    try {
      // Twice, where the first time is for nothing.
      for (const isForNothing of ++n % ABORT_EVERY === 0 ? [true, false] : [false]) {
        const transaction = await producer.transaction();
        await transaction.send({
          topic: output,
          messages: batch.messages.map(({ key, value }) => ({
            key,
            value,
            headers: isForNothing ? { [ABORTED]: "" } : {},
          })),
        });
        if (isForNothing) {
          await transaction.abort();
          continue;
        }
        await transaction.sendOffsets({
          consumerGroupId: group,
          topics: [{
            topic: input,
            partitions: [{
              partition: batch.partition,
              offset: `${BigInt(batch.lastOffset()) + 1n}`,
            }],
          }],
        });
        await transaction.commit();
      }
      await heartbeat();
    } catch {
      Deno.exit(1);
    }
  },
});
