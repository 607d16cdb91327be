import { assertEquals } from "@std/assert";
import type { AddPartitionsToTxnRequest } from "../../../protocol/messages/24_add_partitions_to_txn.ts";
import type { Cluster } from "../../../client/cluster/cluster.ts";
import type { Coordinator } from "../../../client/cluster/coordinator.ts";
import {
  TransactionPartitions,
  type TransactionPartitionsParts,
} from "../../../client/producer/transaction_partitions.ts";
import { errorName, KafkaError } from "../../../protocol/errors.ts";
import { settle } from "../../support/manual_environment.ts";

const place = (partition: number) => ({ topic: "t", partition });

/** Partitions whose coordinator takes everything that `refuses` does not hold; and what it was asked for. */
function world(
  parts: Partial<TransactionPartitionsParts>,
  refuses: (partition: number) => boolean = () => false,
) {
  const asked: number[][] = [];
  const coordinator = {
    request(_api: unknown, { v3AndBelowTopics }: AddPartitionsToTxnRequest) {
      const [{ name, partitions }] = v3AndBelowTopics;
      asked.push([...partitions]);
      return Promise.resolve({
        resultsByTopicV3AndBelow: [{
          name,
          resultsByPartition: partitions.map((partitionIndex) => ({
            partitionIndex,
            partitionErrorCode: refuses(partitionIndex) ? 48 : 0,
          })),
        }],
      });
    },
    check(code: number) {
      if (code !== 0) throw new KafkaError(errorName(code));
    },
  } as unknown as Coordinator;
  const cluster = { retry: (_doing: string, attempt: () => Promise<void>) => attempt() };
  const partitions = new TransactionPartitions({
    transactionalId: "tx",
    cluster: cluster as unknown as Cluster,
    coordinator,
    identity: () => ({ producerId: 1n, producerEpoch: 0 }),
    isDoomed: () => false,
    onAsking: () => {},
    onAdded: () => {},
    onError: (error) => {
      throw error;
    },
    ...parts,
  });
  return { partitions, asked };
}

/** Includes partition 1 so many microtasks after partition 0 was added or refused. */
function includeLater(partitions: () => TransactionPartitions, microtasks: number): void {
  let promise = Promise.resolve();
  for (let n = 0; n < microtasks; n++) promise = promise.then(() => {});
  promise.then(() => partitions().include(place(1)));
}

for (const microtasks of [0, 1, 2, 3]) {
  const when = `${microtasks} microtasks after the one before`;

  Deno.test(`Partition that is included ${when} was added is added, too`, async () => {
    let once = true;
    const { partitions, asked } = world({
      onAdded() {
        if (once) includeLater(() => partitions, microtasks);
        once = false;
      },
    });
    partitions.include(place(0));
    await settle();
    await partitions.idle();
    assertEquals(asked, [[0], [1]]);
    assertEquals([0, 1].map((partition) => partitions.has(place(partition))), [true, true]);
  });

  Deno.test(`Partition that is included ${when} was refused is asked for`, async () => {
    const { partitions, asked } = world(
      { onError: () => includeLater(() => partitions, microtasks) },
      (partition) => partition === 0,
    );
    partitions.include(place(0));
    await settle();
    await partitions.idle();
    assertEquals(asked, [[0], [1]]);
    assertEquals([0, 1].map((partition) => partitions.has(place(partition))), [false, true]);
  });
}

Deno.test("Partition that is included while the one before is told to be refused is asked for", async () => {
  const { partitions, asked } = world(
    { onError: () => partitions.include(place(1)) },
    (partition) => partition === 0,
  );
  partitions.include(place(0));
  await settle();
  assertEquals(asked, [[0], [1]]);
  assertEquals(partitions.has(place(1)), true);
});
