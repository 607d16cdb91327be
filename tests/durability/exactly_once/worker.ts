// Real time: a process that is killed, on real sockets.
/**
 * A worker on our own client: reads `input`, writes what it makes of it to `output`, exactly once. It dies when it is told
 * that it is fenced, and is started again by who watches it.
 *
 * Arguments: one of JSON, a `WorkerTask`. SIGTERM ends it after its transaction.
 *
 * @module
 */
import { Consumer, FatalTransactionError, Producer } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { ABORTED, type WorkerTask } from "./task.ts";

/** Every so many transactions one is aborted on purpose, when everything in it is stored. */
const ABORT_EVERY = 7;

const { bootstrap, group, transactionalId, input, output } = JSON.parse(Deno.args[0]) as WorkerTask;
const options = {
  environment: denoEnvironment({ log: { write: () => {} } }),
  bootstrapServers: bootstrap,
  retryBackoffMaxMs: 300,
};

let isOver = false;
Deno.addSignalListener("SIGTERM", () => isOver = true);

await using consumer = new Consumer({
  ...options,
  groupId: group,
  autoOffsetReset: "earliest",
  enableAutoCommit: false,
  isolationLevel: "read_committed",
  sessionTimeoutMs: 4000,
  heartbeatIntervalMs: 500,
  maxPollRecords: 200,
});
consumer.subscribe([input]);
await using producer = new Producer({
  ...options,
  transactionalId,
  transactionTimeoutMs: 10_000,
});
await producer.initTransactions();

for (let n = 1; !isOver; n++) {
  const records = await consumer.poll({ timeoutMs: 200 });
  if (records.length === 0) continue;
  const isForNothing = n % ABORT_EVERY === 0;
  const beginMs = performance.now();
  producer.beginTransaction();
  try {
    for (const { key, value } of records) {
      producer.send({
        topic: output,
        key,
        value,
        headers: isForNothing ? [{ key: ABORTED, value: "" }] : [],
      });
    }
    await producer.sendOffsetsToTransaction(consumer.offsetsToCommit(), consumer.groupMetadata());
    if (isForNothing) {
      await producer.flush();
      throw new Error("for nothing");
    }
    await producer.commitTransaction();
  } catch (error) {
    if (error instanceof FatalTransactionError) die(error, beginMs);
    await producer.abortTransaction().catch((error) => die(error, beginMs));
    consumer.seekToCommitted();
  }
}

/** Without a word to the broker, like one that is killed. */
function die({ kind, message }: FatalTransactionError, beginMs: number): never {
  const ageS = Math.round((performance.now() - beginMs) / 1000);
  console.error(`Error: ${kind} ${ageS} s after the transaction began: ${message}`);
  Deno.exit(1);
}
