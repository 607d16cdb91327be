import { assertEquals } from "@std/assert";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../protocol/messages/19_create_topics.ts";
import { encodeRequest } from "../../protocol/mod.ts";
import { joined } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../../server/api.ts";
import { answerTo, readCall } from "../../server/dispatch.ts";

Deno.test("Server keeps no unknown tags of a request: 1000 topics with 1024 each took 154 MB", () => {
  const requests: unknown[] = [];
  const api = defineApi({
    name: "CreateTopics",
    key: 19,
    versions: [7, 7],
    request: createTopicsRequest,
    response: createTopicsResponse,
    handle: (request) => {
      requests.push(request);
      return { topics: [] };
    },
    refuse: () => ({ topics: [] }),
  });
  const topic = {
    name: "orders",
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [{ name: "cleanup.policy", value: "compact" }],
  };
  const request = { topics: [topic], timeoutMs: 4096, validateOnly: false };
  const unknownTags = [{ tag: 100, bytes: Uint8Array.of(1) }];
  const frame = joined(encodeRequest(
    { schema: createTopicsRequest, version: 7, correlationId: 1, clientId: "test" },
    {
      ...request,
      topics: [{ ...topic, configs: [{ ...topic.configs[0], unknownTags }], unknownTags }],
      unknownTags,
    },
  )).subarray(4);
  answerTo(readCall(frame, new Map([[19, api]])), {} as RequestContext);
  assertEquals(requests, [request]);
});
