/**
 * A Kafka client: producer, consumer and admin, over TCP or inside the process. It knows nothing of Odradek's broker and
 * works against any Kafka from 2.1 on.
 *
 * ```ts
 * import { Admin, Consumer, Producer } from "@odradek/odradek/client";
 *
 * const options = { environment, bootstrapServers: "127.0.0.1:9092" };
 * await using admin = new Admin(options);
 * await admin.createTopics([{ name: "orders", partitions: 1 }]);
 *
 * await using producer = new Producer(options);
 * await producer.send({ topic: "orders", key: "42", value: "3 spools" });
 *
 * await using consumer = new Consumer(options);
 * consumer.assign([{ topic: "orders", partition: 0 }]);
 * consumer.seekToBeginning();
 * const [record] = await consumer.poll();
 * ```
 *
 * Exactly once from topic to topic: what is read, what is made of it and how far that has got count together or not at all.
 *
 * ```ts
 * import { FatalTransactionError } from "@odradek/odradek/client";
 *
 * const group = { groupId: "packers", enableAutoCommit: false, isolationLevel: "read_committed" } as const;
 * await using consumer = new Consumer({ ...options, ...group });
 * consumer.subscribe(["orders"]);
 * await using producer = new Producer({ ...options, transactionalId: "packer-1" });
 * await producer.initTransactions();
 * for (;;) {
 *   const records = await consumer.poll();
 *   producer.beginTransaction();
 *   try {
 *     for (const { key, value } of records) producer.send({ topic: "parcels", key, value });
 *     await producer.sendOffsetsToTransaction(consumer.offsetsToCommit(), consumer.groupMetadata());
 *     await producer.commitTransaction();
 *   } catch (error) {
 *     if (error instanceof FatalTransactionError) throw error;
 *     await producer.abortTransaction();
 *     consumer.seekToCommitted();
 *   }
 * }
 * ```
 *
 * @module
 */
export { ERROR_CODES, type ErrorFact, type ErrorName, KafkaError } from "../protocol/errors.ts";
export type * from "../environment/environment.ts";
export type { Codec } from "../protocol/compression/codec.ts";
export type { RecordDraft } from "../protocol/records/builder.ts";
export {
  AbortableTransactionError,
  FatalTransactionError,
  type TransactionError,
} from "./errors.ts";
export type { ClientOptions } from "./options.ts";
export type { Dial } from "./transport.ts";
export type { TopicPartition } from "./topic_partition.ts";
export type { Broker, PartitionView, TopicView } from "./cluster/cluster_view.ts";
export type {
  FoundOffset,
  IsolationLevel,
  OffsetQuestion,
  OffsetSpec,
} from "./cluster/list_offsets.ts";
export { Producer } from "./producer/producer.ts";
export type { Acks, ProducerOptions } from "./producer/options.ts";
export type { Partitioner } from "./producer/partitioner.ts";
export type { Content, ProducerRecord, RecordMetadata } from "./producer/record.ts";
export { type CloseOptions, Consumer, type PollOptions } from "./consumer/consumer.ts";
export type { ConsumerOptions, OffsetReset } from "./consumer/options.ts";
export type { ConsumerRecord, RecordHeader } from "./consumer/record.ts";
export { Admin, type ChangeOptions, type ClusterDescription } from "./admin/admin.ts";
export type { CreatedTopic, NewTopic } from "./admin/topics.ts";
export type { DescribeConfigsOptions } from "./admin/configs.ts";
export type { DeletedRecords, RecordsToDelete } from "./admin/records.ts";
export type {
  ConfigChange,
  ConfigEntry,
  ConfigOperation,
  ConfigResource,
  ConfigSource,
  ConfigType,
  ResourceType,
} from "./admin/config.ts";
export {
  type Assignor,
  cooperativeStickyAssignor,
  type GroupAssignment,
  type GroupMember,
  type PreviousAssignment,
  rangeAssignor,
  type RebalanceProtocol,
  roundRobinAssignor,
  stickyAssignor,
  type TopicLayout,
  type TopicPartitions,
} from "../protocol/assignors/mod.ts";
export {
  GroupAdmin,
  type GroupDescription,
  type GroupListing,
  type MemberDescription,
} from "./admin/groups.ts";
export type { FeatureDescription, FeatureUpdate } from "./admin/features.ts";
export {
  type HangingTransaction,
  type ProducerState,
  TransactionAdmin,
  type TransactionDescription,
  type TransactionFilter,
  type TransactionListing,
  type TransactionToAbort,
} from "./admin/transactions.ts";
export type { GroupMetadata } from "./group/consumer_group.ts";
export type { CommittedOffset, Committer, OffsetToCommit } from "./group/offsets.ts";
export type { GroupOptions } from "./group/options.ts";
export type { RebalanceListener } from "./group/rebalance_listener.ts";
export { consumerStream, producerStream } from "./streams.ts";
