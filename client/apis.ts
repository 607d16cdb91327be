import { apiVersionsRequest, apiVersionsResponse } from "../protocol/messages/18_api_versions.ts";
import {
  createPartitionsRequest,
  createPartitionsResponse,
} from "../protocol/messages/37_create_partitions.ts";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../protocol/messages/19_create_topics.ts";
import {
  deleteTopicsRequest,
  deleteTopicsResponse,
} from "../protocol/messages/20_delete_topics.ts";
import {
  describeClusterRequest,
  describeClusterResponse,
} from "../protocol/messages/60_describe_cluster.ts";
import {
  describeConfigsRequest,
  describeConfigsResponse,
} from "../protocol/messages/32_describe_configs.ts";
import {
  addOffsetsToTxnRequest,
  addOffsetsToTxnResponse,
} from "../protocol/messages/25_add_offsets_to_txn.ts";
import {
  addPartitionsToTxnRequest,
  addPartitionsToTxnResponse,
} from "../protocol/messages/24_add_partitions_to_txn.ts";
import { endTxnRequest, endTxnResponse } from "../protocol/messages/26_end_txn.ts";
import { fetchRequest, fetchResponse } from "../protocol/messages/01_fetch.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../protocol/messages/10_find_coordinator.ts";
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from "../protocol/messages/44_incremental_alter_configs.ts";
import {
  deleteRecordsRequest,
  deleteRecordsResponse,
} from "../protocol/messages/21_delete_records.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../protocol/messages/22_init_producer_id.ts";
import { listOffsetsRequest, listOffsetsResponse } from "../protocol/messages/02_list_offsets.ts";
import { metadataRequest, metadataResponse } from "../protocol/messages/03_metadata.ts";
import { produceRequest, produceResponse } from "../protocol/messages/00_produce.ts";
import {
  txnOffsetCommitRequest,
  txnOffsetCommitResponse,
} from "../protocol/messages/28_txn_offset_commit.ts";
import {
  updateFeaturesRequest,
  updateFeaturesResponse,
} from "../protocol/messages/57_update_features.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../protocol/messages/61_describe_producers.ts";
import {
  describeTransactionsRequest,
  describeTransactionsResponse,
} from "../protocol/messages/65_describe_transactions.ts";
import {
  listTransactionsRequest,
  listTransactionsResponse,
} from "../protocol/messages/66_list_transactions.ts";
import {
  writeTxnMarkersRequest,
  writeTxnMarkersResponse,
} from "../protocol/messages/27_write_txn_markers.ts";
import type { Schema } from "../protocol/schema/mod.ts";

/** One API as a client uses it: what is asked and what is answered. */
export interface Api<Q extends Schema = Schema, S extends Schema = Schema> {
  /** Kafka's name, e.g. `"Produce"`. */
  readonly name: string;
  readonly key: number;
  readonly request: Q;
  readonly response: S;
}

/** One API, of its two messages. */
export function api<Q extends Schema, S extends Schema>(request: Q, response: S): Api<Q, S> {
  return { name: request.name.replace(/Request$/, ""), key: request.apiKey!, request, response };
}

export const PRODUCE = api(produceRequest, produceResponse);
export const FETCH = api(fetchRequest, fetchResponse);
export const LIST_OFFSETS = api(listOffsetsRequest, listOffsetsResponse);
export const METADATA = api(metadataRequest, metadataResponse);
export const API_VERSIONS = api(apiVersionsRequest, apiVersionsResponse);
export const DELETE_RECORDS = api(deleteRecordsRequest, deleteRecordsResponse);
export const CREATE_TOPICS = api(createTopicsRequest, createTopicsResponse);
export const DELETE_TOPICS = api(deleteTopicsRequest, deleteTopicsResponse);
export const INIT_PRODUCER_ID = api(initProducerIdRequest, initProducerIdResponse);
export const FIND_COORDINATOR = api(findCoordinatorRequest, findCoordinatorResponse);
export const ADD_PARTITIONS_TO_TXN = api(addPartitionsToTxnRequest, addPartitionsToTxnResponse);
export const ADD_OFFSETS_TO_TXN = api(addOffsetsToTxnRequest, addOffsetsToTxnResponse);
export const TXN_OFFSET_COMMIT = api(txnOffsetCommitRequest, txnOffsetCommitResponse);
export const END_TXN = api(endTxnRequest, endTxnResponse);
export const DESCRIBE_CONFIGS = api(describeConfigsRequest, describeConfigsResponse);
export const CREATE_PARTITIONS = api(createPartitionsRequest, createPartitionsResponse);
export const INCREMENTAL_ALTER_CONFIGS = api(
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
);
export const UPDATE_FEATURES = api(updateFeaturesRequest, updateFeaturesResponse);
export const WRITE_TXN_MARKERS = api(writeTxnMarkersRequest, writeTxnMarkersResponse);
export const DESCRIBE_PRODUCERS = api(describeProducersRequest, describeProducersResponse);
export const DESCRIBE_TRANSACTIONS = api(describeTransactionsRequest, describeTransactionsResponse);
export const LIST_TRANSACTIONS = api(listTransactionsRequest, listTransactionsResponse);
export const DESCRIBE_CLUSTER = api(describeClusterRequest, describeClusterResponse);
