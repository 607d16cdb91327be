/**
 * @platformatic/kafka under Deno: producer and admin, and fetches within a session.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  type MessageToProduce,
  MultipleErrors,
  Producer,
  ResponseError,
  stringSerializers,
} from "@platformatic/kafka";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import {
  CODECS,
  createTopic,
  eventually,
  storedCodecs,
  storedRecords,
  storedTexts,
} from "./support/topics.ts";

const broker = brokerOfSuite();

type Text = MessageToProduce<string, string, string, string>;

const base = () => ({ clientId: "compat", bootstrapBrokers: [broker.bootstrap], retries: 2 });

function newProducer(options: { idempotent?: boolean; autocreateTopics?: boolean } = {}) {
  return new Producer({ ...base(), serializers: stringSerializers, ...options });
}
