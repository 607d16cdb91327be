import { assertEquals, assertNotEquals } from "@std/assert";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../../protocol/messages/22_init_producer_id.ts";
import {
  describeAclsRequest,
  describeAclsResponse,
} from "../../../protocol/messages/29_describe_acls.ts";
import {
  createAclsRequest,
  createAclsResponse,
} from "../../../protocol/messages/30_create_acls.ts";
import {
  deleteAclsRequest,
  deleteAclsResponse,
} from "../../../protocol/messages/31_delete_acls.ts";
import {
  electLeadersRequest,
  electLeadersResponse,
} from "../../../protocol/messages/43_elect_leaders.ts";
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from "../../../protocol/messages/46_list_partition_reassignments.ts";
import {
  describeClusterRequest,
  describeClusterResponse,
} from "../../../protocol/messages/60_describe_cluster.ts";
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../../protocol/messages/61_describe_producers.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { startBroker } from "../support.ts";
import { createTopic, PRODUCE, produceTo } from "../topics.ts";

const CLUSTER = [describeClusterRequest, describeClusterResponse] as const;
const PRODUCER_ID = [initProducerIdRequest, initProducerIdResponse] as const;
const PRODUCERS = [describeProducersRequest, describeProducersResponse] as const;
const ELECT = [electLeadersRequest, electLeadersResponse] as const;
const REASSIGNMENTS = [
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
] as const;

Deno.test("DescribeCluster tells the broker where its clients reach it, in every version", async () => {
  await using broker = await startBroker({ "broker.rack": "r1" });
  using client = broker.connect();
  for (let version = 0; version <= 2; version++) {
    const answer = await client.ask(CLUSTER, version, {
      includeClusterAuthorizedOperations: false,
    });
    assertEquals([answer.errorCode, answer.clusterId, answer.controllerId], [
      0,
      "AAAAAAAAAAAAAAAAAAAAAA",
      1,
    ]);
    const { brokerId, host, port, rack } = answer.brokers[0];
    assertEquals([brokerId, host, port, rack], [1, "in-process", 0, "r1"]);
    assertEquals(answer.clusterAuthorizedOperations, -2147483648);
  }
});

Deno.test("DescribeCluster refuses endpoints that are not those of brokers", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (const [endpointType, expected] of [[2, 114], [7, 115]]) {
    const { errorCode, brokers } = await client.ask(CLUSTER, 1, {
      includeClusterAuthorizedOperations: false,
      endpointType,
    });
    assertEquals([errorCode, brokers], [expected, []]);
  }
});

Deno.test("InitProducerId gives every producer another id, across blocks, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const ids = new Set<bigint>();
  for (let count = 0; count < 2_010; count++) {
    const { errorCode, producerId, producerEpoch } = await client.ask(PRODUCER_ID, count % 6, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
    });
    assertEquals([errorCode, producerEpoch], [0, 0]);
    ids.add(producerId);
  }
  assertEquals(ids.size, 2_010);
});

Deno.test("InitProducerId asks for one block at a time, however many producers wait", async () => {
  await using broker = await startBroker();
  const clients = Array.from({ length: 50 }, () => broker.connect());
  const answers = await Promise.all(
    clients.map((client) =>
      client.ask(PRODUCER_ID, 4, { transactionalId: null, transactionTimeoutMs: 1 })
    ),
  );
  const ids = answers.map(({ producerId }) => producerId).sort((a, b) => a < b ? -1 : 1);
  assertEquals(ids[49] - ids[0], 49n);
});

Deno.test("InitProducerId refuses what makes no sense", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const code = async (
    transactionalId: string | null,
    producerId = -1n,
    producerEpoch = -1,
    transactionTimeoutMs = 1,
  ) => {
    const answer = await client.ask(PRODUCER_ID, 4, {
      transactionalId,
      transactionTimeoutMs,
      producerId,
      producerEpoch,
    });
    assertEquals(answer.producerId === -1n, answer.errorCode !== 0);
    return answer.errorCode;
  };
  assertEquals(await code(""), 42);
  assertEquals(await code(null, 5n), 42);
  assertEquals(await code(null, -1n, 3), 42);
  assertEquals(await code("tx", 5n), 42);
  for (const timeoutMs of [0, -1, 900_001]) {
    assertEquals(await code("tx", -1n, -1, timeoutMs), 50, `${timeoutMs} ms`);
  }
  assertEquals(await code("tx", -1n, -1, 900_000), 0);
  assertEquals(await code(null, 5n, 3), 0);
});

Deno.test("DescribeProducers tells what a partition knows of its producers", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  const records = buildBatch([{ value: new Uint8Array(1), timestampMs: 1_700_000_000_000 }], {
    producer: { producerId: 7n, producerEpoch: 2, baseSequence: 0 },
  });
  const { responses } = await client.ask(PRODUCE, 9, produceTo("a", 0, records));
  assertEquals(responses[0].partitionResponses[0].errorCode, 0);
  const { topics } = await client.ask(PRODUCERS, 0, {
    topics: [{ name: "a", partitionIndexes: [0, 4] }, { name: "b", partitionIndexes: [0] }],
  });
  const [known, unknown] = topics[0].partitions;
  assertEquals(
    known.activeProducers.map((each) => [each.producerId, each.producerEpoch, each.lastSequence]),
    [[7n, 2, 0]],
  );
  assertEquals(known.activeProducers[0].currentTxnStartOffset, -1n);
  assertEquals([unknown.errorCode, topics[1].partitions[0].errorCode], [3, 3]);
});

Deno.test("ElectLeaders has nothing to do for any partition, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a", 2);
  for (let version = 0; version <= 2; version++) {
    const named = await client.ask(ELECT, version, {
      topicPartitions: [
        { topic: "a", partitions: [0, 1, 2] },
        { topic: "b", partitions: [0] },
      ],
    });
    assertEquals(
      named.replicaElectionResults.map(({ partitionResult }) =>
        partitionResult.map(({ errorCode }) => errorCode)
      ),
      [[84, 84, 3], [3]],
    );
    const all = await client.ask(ELECT, version, { topicPartitions: null });
    assertEquals([all.errorCode, all.replicaElectionResults], [0, []]);
  }
  const refused = await client.ask(ELECT, 2, { topicPartitions: null, electionType: 5 });
  assertEquals(refused.errorCode, 42);
});

Deno.test("ListPartitionReassignments is always empty", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  await createTopic(client, "a");
  for (const topics of [null, [{ name: "a", partitionIndexes: [0] }]]) {
    const answer = await client.ask(REASSIGNMENTS, 0, { topics });
    assertEquals([answer.errorCode, answer.topics], [0, []]);
  }
});

Deno.test("ACL requests are answered SECURITY_DISABLED, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const filter = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  };
  const creation = {
    resourceType: 2,
    resourceName: "a",
    principal: "User:x",
    host: "*",
    operation: 2,
    permissionType: 3,
  };
  for (let version = 1; version <= 3; version++) {
    const described = await client.ask(
      [describeAclsRequest, describeAclsResponse],
      version,
      filter,
    );
    const created = await client.ask([createAclsRequest, createAclsResponse], version, {
      creations: [creation, creation],
    });
    const deleted = await client.ask([deleteAclsRequest, deleteAclsResponse], version, {
      filters: [filter],
    });
    assertEquals(described.errorCode, 54);
    assertNotEquals(described.errorMessage, null);
    assertEquals(created.results.map(({ errorCode }) => errorCode), [54, 54]);
    assertEquals(deleted.filterResults.map(({ errorCode }) => errorCode), [54]);
  }
});
