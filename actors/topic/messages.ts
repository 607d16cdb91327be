/**
 * What a topic can be told.
 *
 * @module
 */
import type { TopicConfig } from "../../config/topic_config.ts";
import type { ActorRef, Message } from "../core/message.ts";
import type { PartitionMessage } from "../partition/messages.ts";

export type TopicMessage =
  | Message<
    /** The controller has committed other settings. */
    "configure",
    { readonly config: TopicConfig },
    void
  >
  | Message<
    /** The topic is deleted: its partitions stop, whoever waits on them is sent away. */
    "retire",
    Record<never, never>,
    void
  >;

/** The address of a topic: an actor's, and the way to its partitions. */
export interface TopicRef extends ActorRef<TopicMessage> {
  /** The actor of a partition, started on first use. Synchronous: the order of callers is the order of mailboxes. */
  partition(index: number): ActorRef<PartitionMessage>;
}
