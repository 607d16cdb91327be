/**
 * The topic actor: its settings, and the partitions under it.
 *
 * @module
 */
import type { TopicConfig } from "../../config/topic_config.ts";
import type { Environment } from "../../environment/environment.ts";
import type { LogStore } from "../../storage/log/partition_log.ts";
import { spawn } from "../core/actor.ts";
import type { ActorRef } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";
import { partition, type PartitionParts } from "../partition/partition.ts";
import type { TopicMessage, TopicRef } from "./messages.ts";

/** What every topic of a broker shares. */
export interface TopicSurroundings {
  readonly environment: Environment;
  readonly logs: LogStore;
  readonly producers: Pick<
    PartitionParts,
    "producerIdExpirationMs" | "producerIdExpirationCheckIntervalMs"
  >;
}

/** Starts the actor of a topic. Its partitions start when they are first asked for. */
export function startTopic(
  topic: { readonly name: string; readonly id: string; readonly config: TopicConfig },
  { environment, logs, producers }: TopicSurroundings,
): TopicRef {
  let { config } = topic;
  const partitions = new Map<number, ActorRef<PartitionMessage>>();

  const ref = spawn<TopicMessage>({
    name: `topic ${topic.name}`,
    environment,
    unavailable: "UNKNOWN_TOPIC_OR_PARTITION",
    start: () => ({
      configure(change) {
        config = change.config;
        for (const running of partitions.values()) running.tell("configure", { config });
      },
      retire() {
        for (const running of partitions.values()) {
          running.tell("retire", {});
          running.stop();
        }
        partitions.clear();
      },
    }),
  });

  function startPartition(index: number): ActorRef<PartitionMessage> {
    const name = `${topic.name}-${index}`;
    return spawn<PartitionMessage>({
      name: `partition ${name}`,
      environment,
      // While a partition is down clients look for its leader again, and find it here once it is back.
      unavailable: "NOT_LEADER_OR_FOLLOWER",
      start: async (self) => {
        const log = await logs.open({ topicId: topic.id, partition: index });
        return partition(self, { name, environment, log, config, ...producers });
      },
    });
  }

  return {
    name: ref.name,
    ask: (kind, payload, options) => ref.ask(kind, payload, options),
    askNow: (kind, payload) => ref.askNow(kind, payload),
    tell: (kind, payload) => ref.tell(kind, payload),
    stop() {
      ref.tell("retire", {});
      ref.stop();
    },
    partition(index) {
      let running = partitions.get(index);
      if (!running) partitions.set(index, running = startPartition(index));
      return running;
    },
  };
}
