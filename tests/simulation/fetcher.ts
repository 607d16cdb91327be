import { FETCH } from "../../client/apis.ts";
import { Cluster } from "../../client/cluster/cluster.ts";
import { type ClientOptions, clientSettings } from "../../client/options.ts";
import { errorName, KafkaError } from "../../protocol/errors.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { recordsIn } from "../../protocol/records/records.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { sleep } from "../../environment/sleep.ts";

const decoder = new TextDecoder();

export async function fetchForever(
  options: ClientOptions,
  topic: string,
  partitions: number,
  positions: Map<number, number>,
  onRecord: (partition: number, offset: number, value: string) => void,
  stop: () => boolean,
): Promise<void> {
  const settings = clientSettings(options);
  const cluster = new Cluster(settings, { allowAutoTopicCreation: true, inFlightMax: 1 });
  while (!stop()) {
    try {
      const view = await cluster.metadata.awaitTopic(topic, 10_000);
      const leader = view.partitions[0].leaderId;
      const answer = await cluster.request(leader, FETCH, {
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1_000_000,
        topics: [{
          topic,
          topicId: view.id ?? ZERO_UUID,
          partitions: Array.from({ length: partitions }, (_, partition) => ({
            partition,
            fetchOffset: BigInt(positions.get(partition) ?? 0),
            partitionMaxBytes: 100_000,
          })),
        }],
        forgottenTopicsData: [],
      });
      if (answer.errorCode !== 0) throw new KafkaError(errorName(answer.errorCode));
      for (const { partitions } of answer.responses) {
        for (const { partitionIndex, errorCode, records } of partitions) {
          if (errorCode !== 0) throw new KafkaError(errorName(errorCode));
          for (const batch of batchesIn(records ?? [])) {
            for (const { offset, value } of recordsIn(batch.bytes)) {
              if (offset < (positions.get(partitionIndex) ?? 0)) continue;
              onRecord(partitionIndex, offset, decoder.decode(value!));
              positions.set(partitionIndex, offset + 1);
            }
          }
        }
      }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      cluster.metadata.invalidate();
      await sleep(settings.environment, 100);
    }
  }
  cluster.close();
}
