/**
 * Settings of this broker that Kafka does not have. Their names start with `odradek.`.
 *
 * @module
 */
import type { ConfigDefinitions } from "./definition.ts";

/** Settings of this broker that Kafka does not have, by name. */
export const ODRADEK_DEFINITIONS = {
  "odradek.accept.any.replication.factor": {
    type: "boolean",
    default: "false",
    importance: "medium",
    documentation: "Accepts topics with a replication factor or a min.insync.replicas above 1, " +
      "stores and shows the number, and keeps one copy all the same.",
  },
  "odradek.cache.bytes": {
    type: "long",
    default: "67108864",
    rule: { min: 0 },
    importance: "medium",
    documentation: "How many bytes of stored chunks are kept in memory for all readers together.",
  },
  "odradek.disk.reserve.bytes": {
    type: "long",
    default: "268435456",
    rule: { min: 0 },
    importance: "medium",
    documentation: "When the disk of the data folder has fewer free bytes than this, records are " +
      "refused; deleting and retention still work.",
  },
  "odradek.queued.max.request.bytes": {
    type: "long",
    default: "268435456",
    rule: { min: 1 },
    importance: "medium",
    documentation: "How much memory requests over 64 KiB may hold, those of all connections " +
      "together, where queued.max.request.bytes sets no limit. One of them may go beyond.",
  },
  "odradek.queued.max.response.bytes": {
    type: "long",
    default: "268435456",
    rule: { min: 1 },
    importance: "medium",
    documentation: "How many bytes answers may have that are read for Fetch or that clients have " +
      "not read yet, those of all connections together; in memory they take up to twice as much. " +
      "When it runs low, answers to Fetch become smaller, down to 64 KiB.",
  },
  "odradek.response.max.bytes": {
    type: "int",
    default: "8388608",
    rule: { min: 1024 },
    importance: "medium",
    documentation: "The most bytes of records in one answer to Fetch, whatever the client asks " +
      "for; one whole batch is always sent.",
  },
  "odradek.transaction.version": {
    type: "int",
    default: "2",
    rule: { min: 0, max: 2 },
    importance: "medium",
    documentation:
      "The level of transaction.version that a new cluster begins with: 2 as KIP-890 " +
      "has it, 0 or 1 as before. Afterwards UpdateFeatures (kafka-features) changes it.",
  },
} as const satisfies ConfigDefinitions;
