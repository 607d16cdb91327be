/**
 * One partition of a Fetch: what is wanted, and what came of it.
 *
 * @module
 */
import type { fetchResponse } from "../../protocol/messages/01_fetch.ts";
import type { Draft } from "../../protocol/schema/mod.ts";

/** A partition that a Fetch wants. */
export interface WantedPartition {
  /** Empty from version 13 on. */
  readonly topic: string;
  /** The zero uuid before version 13. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  /** -1 = no check. */
  readonly currentLeaderEpoch: number;
  /** -1 = no check. */
  readonly lastFetchedEpoch: number;
  readonly maxBytes: number;
}

/** A partition in the answer to a Fetch. */
export type PartitionAnswer =
  & Draft<typeof fetchResponse>["responses"][number]["partitions"][number]
  & { readonly lastStableOffset: bigint; readonly logStartOffset: bigint };

/** What came of a partition. */
export interface FetchedPartition {
  readonly wanted: WantedPartition;
  readonly answer: PartitionAnswer;
  /** Bytes of records. */
  readonly bytes: number;
}
