/**
 * What Kafka's settings do in this broker. A setting that is not listed is checked, stored and shown, and does nothing.
 *
 * A test compares the list with the settings that the code reads; COMPATIBILITY.md is made from it.
 *
 * @module
 */
import type { ConfigDefinition } from "./definition.ts";
import { BROKER_DEFINITIONS, type BrokerConfigName, type TopicConfigName } from "./definitions.ts";
import { TOPIC_SYNONYMS } from "./topic_synonyms.ts";

const WITHOUT_EFFECT = "Accepted and shown; it has no effect in this broker.";

/** What topic settings do, by name. */
export const TOPIC_EFFECTS: Readonly<Partial<Record<TopicConfigName, string>>> = {
  "cleanup.policy": "`delete` cuts logs off by age and size, `compact` keeps the last record of " +
    "each key and refuses records without one.",
  "compression.gzip.level": "The level for gzip, where the broker compresses.",
  "compression.type": "A codec other than `producer` compresses every batch anew with it.",
  "compression.zstd.level": "The level for zstd, where the broker compresses.",
  "delete.retention.ms": "How long compaction keeps tombstones and the ends of transactions.",
  "max.compaction.lag.ms": "A record is compacted at the latest after so long.",
  "max.message.bytes": "The largest batch that is accepted.",
  "message.timestamp.after.max.ms": "How far in the future a record's timestamp may be.",
  "message.timestamp.before.max.ms": "How far in the past a record's timestamp may be.",
  "message.timestamp.type":
    "`LogAppendTime` replaces the records' timestamps by the broker's time.",
  "min.cleanable.dirty.ratio": "A log is compacted when a larger share of it was not yet.",
  "min.compaction.lag.ms": "Younger records are not compacted.",
  "retention.bytes": "The oldest records of a partition go, as long as so many bytes remain.",
  "retention.ms": "Records that are older go, in the segment that is being filled, too.",
  "segment.bytes": "A batch that is larger is refused. Partitions share segments: one is closed, " +
    "so that it can be compacted, when one of them has filled so much.",
  "segment.ms": "A segment, which partitions share, is closed when it is that old.",
};

/** What broker settings do, by name. Those that only give a topic setting its default are not listed. */
export const BROKER_EFFECTS: Readonly<Partial<Record<BrokerConfigName, string>>> = {
  "advertised.listeners": "What clients are told to connect to, for each listener.",
  "add.partitions.to.txn.retry.backoff.max.ms": "How long records of a transaction wait for the " +
    "one before it, while that is still ending.",
  "auto.create.topics.enable": "Whether Metadata creates topics that clients ask for.",
  "broker.id": "The older name of node.id.",
  "broker.rack": "The rack that clients are told.",
  "connections.max.idle.ms": "A connection on which no byte moves for so long is closed.",
  "controller.listener.names":
    "Listeners of these names are left out: there is no other controller.",
  "default.replication.factor": "One copy is kept; another number is shown only where any is " +
    "accepted (odradek.accept.any.replication.factor).",
  "delete.topic.enable": "Whether clients may delete topics.",
  "fetch.max.bytes": "The most bytes of records in one answer to Fetch, beside " +
    "odradek.response.max.bytes.",
  "group.initial.rebalance.delay.ms": "How long the first rebalance of an empty group waits for " +
    "more members.",
  "group.max.session.timeout.ms": "The longest session timeout that a member may ask for.",
  "group.max.size": "The most members of a group.",
  "group.min.session.timeout.ms": "The shortest session timeout that a member may ask for.",
  "listener.security.protocol.map": "The protocol of each listener's name; PLAINTEXT is supported.",
  "listeners": "Where the broker listens.",
  "log.cleaner.backoff.ms": "How often the cleaner looks for something to do.",
  "log.cleaner.dedupe.buffer.size": "Memory for the keys of the partition that is compacted.",
  "log.dir": "The data folder, when log.dirs is not set.",
  "log.dirs": "The data folder: one.",
  "log.retention.check.interval.ms": "How often logs are cut off by age and size.",
  "max.connections": "Further clients wait in the backlog of the listener.",
  "max.connections.per.ip": "Further connections of the same address are closed.",
  "max.connections.per.ip.overrides": "Other limits for single addresses; not for host names.",
  "max.incremental.fetch.session.cache.slots": "Fetch sessions that are remembered.",
  "max.request.partition.size.limit": "The most partitions in one answer to " +
    "DescribeTopicPartitions.",
  "min.insync.replicas": "One copy is kept; a number above 1 is refused unless any is accepted " +
    "(odradek.accept.any.replication.factor).",
  "node.id": "The number of this broker.",
  "num.partitions": "Partitions of a topic that is created without a number.",
  "offset.metadata.max.bytes": "The most bytes of metadata with a committed offset.",
  "offsets.retention.check.interval.ms": "How often expired offsets are looked for.",
  "offsets.retention.minutes": "How long offsets stay after their group has become empty.",
  "offsets.topic.num.partitions": "Partitions of __consumer_offsets, when it is made.",
  "offsets.topic.segment.bytes": "segment.bytes of __consumer_offsets, when it is made.",
  "producer.id.expiration.check.interval.ms": "How often idle producers are looked for.",
  "producer.id.expiration.ms": "How long an idle producer's sequence numbers are remembered.",
  "queued.max.request.bytes": "How much memory requests over 64 KiB may hold; -1: see " +
    "odradek.queued.max.request.bytes.",
  "queued.max.requests": "Requests that are worked on at a time; a Fetch that waits for records " +
    "does not count.",
  "socket.request.max.bytes": "A connection that announces a larger request is closed.",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms":
    "How often transactions are looked " +
    "for that have been open for too long.",
  "transaction.max.timeout.ms":
    "The longest time that a producer may ask for, for its transactions.",
  "transaction.remove.expired.transaction.cleanup.interval.ms":
    "How often unused transactional ids " +
    "are looked for.",
  "transaction.state.log.num.partitions": "Partitions of __transaction_state, when it is made.",
  "transaction.state.log.segment.bytes": "segment.bytes of __transaction_state, when it is made.",
  "transactional.id.expiration.ms": "How long a transactional id that is not used is remembered.",
};

const topicSettingOf: ReadonlyMap<string, string> = new Map(
  Object.entries(TOPIC_SYNONYMS).flatMap(([topic, synonyms]) =>
    synonyms.map(({ name }) => [name, topic])
  ),
);

/** One sentence of what a topic setting does here. */
export function topicDocumentation(name: TopicConfigName): string {
  return TOPIC_EFFECTS[name] ?? WITHOUT_EFFECT;
}

/** One sentence of what a broker setting does here. */
export function brokerDocumentation(name: BrokerConfigName): string {
  const definition: ConfigDefinition = BROKER_DEFINITIONS[name];
  const topicSetting = topicSettingOf.get(name);
  return definition.documentation ?? BROKER_EFFECTS[name] ??
    (topicSetting ? `The default of the topic setting ${topicSetting}.` : WITHOUT_EFFECT);
}
