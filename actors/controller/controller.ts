/**
 * The controller actor: the single writer of cluster metadata.
 *
 * A request is checked against the current image, what holds is committed, and only then published: nobody ever sees
 * metadata that a crash could take back. The mailbox waits for each commit, so changes are in one order.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { DeletedTopic, MetadataChange } from "../../storage/metadata/metadata.ts";
import type { MetadataStore } from "../../storage/metadata/metadata_store.ts";
import type { Behavior } from "../core/message.ts";
import { alteredOverrides, replacedOverrides } from "./config_changes.ts";
import { checkFeatureUpdate } from "./features.ts";
import type { ControllerMessage, Outcome } from "./messages.ts";
import { type ImageGround, MetadataDraft, type MetadataImage } from "./metadata_image.ts";
import { newTopicId } from "./topic_id.ts";
import {
  checkNewPartitions,
  checkNewTopic,
  checkPartitionsAdded,
  checkPartitionsWanted,
} from "./topic_rules.ts";

/** What a controller is made of. */
export interface ControllerParts {
  readonly environment: Environment;
  readonly store: MetadataStore;
  readonly ground: ImageGround;
  /** The image of what the store was loaded with. */
  readonly image: MetadataImage;
  /** Called with each committed image, before the request that made it is answered. */
  readonly publish: (image: MetadataImage) => void;
  /** Called after topics' deletion is durable: their logs may go. Repeated from the store's tombstones at each start. */
  readonly sweep: (deleted: readonly DeletedTopic[]) => void;
}

/** Producer ids in a block that one allocator gets: as many as Kafka's. */
const PRODUCER_ID_BLOCK = 1000;

/** What a check leaves: the change to commit, and the answer once it is. */
interface Checked<T> {
  readonly change: MetadataChange;
  readonly value: (image: MetadataImage) => T;
}

/** The single writer of cluster metadata. */
export function controller(parts: ControllerParts): Behavior<ControllerMessage> {
  const { store, ground, environment } = parts;
  const { nodeId } = ground;
  let { image } = parts;

  /** Makes changes durable, then visible. Throws KafkaError, with nothing changed, when the store refuses. */
  async function commit(changes: readonly MetadataChange[], draft: MetadataDraft): Promise<void> {
    if (changes.length === 0) return;
    const version = await store.commit(changes);
    image = draft.publish(version);
    parts.publish(image);
  }

  /**
   * Checks item by item, each against what the earlier ones leave behind, commits those that hold, as many as fit at
   * once, and answers each item with its own outcome.
   */
  async function perform<Item, T>(
    items: readonly Item[],
    check: (item: Item, seen: MetadataImage) => Checked<T>,
    validateOnly = false,
  ): Promise<Outcome<T>[]> {
    const outcomes: Outcome<T>[] = [];
    let draft = new MetadataDraft(image, ground);
    let room = store.room();
    let changes: MetadataChange[] = [];
    let begun = 0;

    async function flush(): Promise<void> {
      try {
        await commit(changes, draft);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        for (let index = begun; index < outcomes.length; index++) {
          if (outcomes[index].ok) outcomes[index] = { ok: false, error };
        }
      }
      draft = new MetadataDraft(image, ground);
      room = store.room();
      changes = [];
      begun = outcomes.length;
    }

    for (const item of items) {
      try {
        const { change, value } = check(item, draft);
        if (!room.take(change) && !validateOnly) {
          await flush();
          room.take(change);
        }
        changes.push(change);
        draft.apply(change);
        outcomes.push({ ok: true, value: value(draft) });
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        outcomes.push({ ok: false, error });
      }
    }
    if (!validateOnly) await flush();
    return outcomes;
  }

  return {
    async createTopics({ topics, validateOnly }) {
      try {
        checkPartitionsWanted(topics, image.brokerConfig);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        return topics.map(() => ({ ok: false, error }));
      }
      return await perform(topics, (wanted, seen) => {
        const id = validateOnly ? ZERO_UUID : newTopicId(environment.random);
        const topic = { id, ...checkNewTopic(wanted, seen, nodeId) };
        return {
          change: { kind: "topic", topic },
          value: (after) => after.topics.get(topic.name)!,
        };
      }, validateOnly);
    },

    async deleteTopics({ topics }) {
      const outcomes = await perform<typeof topics[number], DeletedTopic>(
        topics,
        (wanted, seen) => {
          const deleted = topicToDelete(wanted, seen);
          return { change: { kind: "topicDeleted", ...deleted }, value: () => deleted };
        },
      );
      parts.sweep(outcomes.flatMap((outcome) => outcome.ok ? [outcome.value] : []));
      return outcomes;
    },

    createPartitions({ topics, validateOnly }) {
      let added = 0;
      return perform(topics, (wanted, seen) => {
        const topic = checkNewPartitions(wanted, seen, nodeId);
        const more = topic.partitionCount - seen.topics.get(topic.name)!.partitionCount;
        checkPartitionsAdded(added + more);
        added += more;
        return {
          change: { kind: "topic", topic },
          value: (after) => after.topics.get(topic.name)!,
        };
      }, validateOnly);
    },

    alterConfigs({ resources, validateOnly }) {
      return perform(resources, ({ resource, changes }, seen) => ({
        change: alteredOverrides(resource, changes, seen, nodeId),
        value: () => resource,
      }), validateOnly);
    },

    replaceConfigs({ resources, validateOnly }) {
      return perform(resources, ({ resource, configs }, seen) => ({
        change: replacedOverrides(resource, configs, seen, nodeId),
        value: () => resource,
      }), validateOnly);
    },

    async updateFeatures({ updates, validateOnly }) {
      for (const update of updates) checkFeatureUpdate(update, { image, nodeId });
      if (validateOnly) return;
      const changes = updates.map(({ feature, level }): MetadataChange => {
        return { kind: "featureLevel", feature, level };
      });
      const draft = new MetadataDraft(image, ground);
      for (const change of changes) draft.apply(change);
      await commit(changes, draft);
    },

    async allocateProducerIds() {
      const first = store.nextProducerId;
      const change: MetadataChange = {
        kind: "producerIds",
        next: first + BigInt(PRODUCER_ID_BLOCK),
      };
      await commit([change], new MetadataDraft(image, ground));
      return { first, count: PRODUCER_ID_BLOCK };
    },

    async forgetDeleted({ ids }) {
      await perform(ids, (id) => ({
        change: { kind: "topicSwept", id },
        value: () => undefined,
      }));
    },
  };
}

function topicToDelete(
  wanted: { readonly name: string } | { readonly id: string },
  seen: MetadataImage,
): DeletedTopic {
  const topic = "id" in wanted ? seen.topicsById.get(wanted.id) : seen.topics.get(wanted.name);
  if (!topic) {
    throw "id" in wanted
      ? new KafkaError("UNKNOWN_TOPIC_ID", `There is no topic of id ${wanted.id}.`)
      : new KafkaError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic '${wanted.name}'.`);
  }
  if (!seen.brokerConfig.boolean("delete.topic.enable")) {
    throw new KafkaError("TOPIC_DELETION_DISABLED", "Topic deletion is disabled.");
  }
  const { id, name, partitionCount } = topic;
  return { id, name, partitionCount };
}
