import { assertEquals } from "@std/assert";
import {
  createTopicsRequest,
  createTopicsResponse,
} from "../../protocol/messages/19_create_topics.ts";
import { decodeResponse, encodeRequest, KafkaError } from "../../protocol/mod.ts";
import { joinGroupRequest, joinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import { joined } from "../../protocol/schema/mod.ts";
import { defineApi, type RequestContext } from "../../server/api.ts";
import { joinGroup } from "../../server/apis/11_join_group.ts";
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

Deno.test("Server keeps only the outline of a JoinGroup that parks: ten of 8 MB held 80 MB beyond every limit", async () => {
  const refused: unknown[] = [];
  let fail = (_error: Error) => {};
  const api = {
    ...joinGroup,
    handle: () => new Promise<never>((_resolve, reject) => fail = reject),
    refuse: (...told: Parameters<typeof joinGroup.refuse>) => {
      refused.push(told[0]);
      return joinGroup.refuse(...told);
    },
  };
  const request = {
    groupId: "orders",
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 60_000,
    memberId: "member-1",
    groupInstanceId: null,
    protocolType: "consumer",
    reason: null,
  };
  const protocols = [{ name: "range", metadata: new Uint8Array(100_000) }];
  const facts = { schema: joinGroupRequest, version: 9, correlationId: 1, clientId: "test" };
  const frame = joined(encodeRequest(facts, { ...request, protocols })).subarray(4);
  const context = { apiVersion: 9 } as RequestContext;
  const answer = answerTo(readCall(frame, new Map([[11, api]])), context);
  fail(new KafkaError("REBALANCE_IN_PROGRESS"));
  const [head, ...rest] = await answer ?? [];
  const { body } = decodeResponse(joinGroupResponse, 9, joined([head, ...rest]).subarray(4));
  assertEquals([body.errorCode, body.memberId], [27, "member-1"]);
  assertEquals(refused, [{ ...request, protocols: [] }]);
});
