/**
 * The topics of a broker: follows the controller's metadata, and finds the actor of a partition.
 *
 * @module
 */
import { InvariantError } from "../../protocol/errors.ts";
import type { MetadataImage } from "../controller/metadata_image.ts";
import type { ActorRef } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";
import type { TopicRef } from "./messages.ts";
import { startTopic, type TopicSurroundings } from "./topic.ts";

/** The topics of a broker, as running actors. */
export class Topics {
  readonly #running = new Map<string, TopicRef>();
  #metadata: MetadataImage;

  constructor(metadata: MetadataImage, private readonly surroundings: TopicSurroundings) {
    this.#metadata = metadata;
  }

  /** Brings the actors in line with new metadata. */
  follow(metadata: MetadataImage): void {
    const before = this.#metadata;
    this.#metadata = metadata;
    for (const [id, running] of this.#running) {
      const now = metadata.topicsById.get(id);
      if (!now) {
        running.stop();
        this.#running.delete(id);
      } else if (now.config !== before.topicsById.get(id)?.config) {
        running.tell("configure", { config: now.config });
      }
    }
  }

  /**
   * The actor of a partition.
   *
   * @throws InvariantError when the metadata knows no such partition: callers check before they ask.
   */
  partition(topicId: string, index: number): ActorRef<PartitionMessage> {
    let running = this.#running.get(topicId);
    const topic = this.#metadata.topicsById.get(topicId);
    if (!topic || index < 0 || index >= topic.partitionCount) {
      throw new InvariantError(`There is no partition ${index} of topic ${topicId}`);
    }
    if (!running) this.#running.set(topicId, running = startTopic(topic, this.surroundings));
    return running.partition(index);
  }

  /** Stops every actor. */
  stop(): void {
    for (const running of this.#running.values()) running.stop();
    this.#running.clear();
  }
}
