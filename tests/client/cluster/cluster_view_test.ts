import { assertEquals, assertThrows } from "@std/assert";
import {
  type ClusterView,
  EMPTY_VIEW,
  viewAfter,
  viewAfterHint,
} from "../../../client/cluster/cluster_view.ts";
import { type MetadataResponse, metadataResponse } from "../../../protocol/messages/03_metadata.ts";
import { decodeMessage, type Draft, encodeMessage, joined } from "../../../protocol/schema/mod.ts";

type Topic = Partial<Draft<typeof metadataResponse>["topics"][number]>;

const ID = "AAAAAAAAAAAAAAAAAAAAAQ";
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAAAg";

/** An answer as it comes from the wire. */
function answer(...topics: Topic[]): MetadataResponse {
  const draft = {
    brokers: [{ nodeId: 1, host: "a", port: 1 }, { nodeId: 2, host: "b", port: 2 }],
    topics: topics.map((topic) => ({ errorCode: 0, partitions: [], ...topic })),
  } as Draft<typeof metadataResponse>;
  return decodeMessage(metadataResponse, 13, joined(encodeMessage(metadataResponse, 13, draft)));
}

function partition(partitionIndex: number, leaderId: number, leaderEpoch: number) {
  return { errorCode: 0, partitionIndex, leaderId, leaderEpoch, replicaNodes: [], isrNodes: [] };
}

function leadersOf(view: ClusterView): [number, number][] {
  return view.topics.get("t")!.partitions.map(({ leaderId, leaderEpoch }) => [
    leaderId,
    leaderEpoch,
  ]);
}

Deno.test("ClusterView lists partitions by number, in whatever order they are answered", () => {
  const view = viewAfter(
    EMPTY_VIEW,
    answer({ name: "t", topicId: ID, partitions: [partition(1, 2, 0), partition(0, 1, 0)] }),
  );
  assertEquals(leadersOf(view), [[1, 0], [2, 0]]);
  assertEquals(view.brokers.get(2), { nodeId: 2, host: "b", port: 2, rack: null });
});

Deno.test("ClusterView keeps the leader that it knows when an answer is older", () => {
  const known = viewAfter(
    EMPTY_VIEW,
    answer({ name: "t", topicId: ID, partitions: [partition(0, 2, 5)] }),
  );
  const older = answer({ name: "t", topicId: ID, partitions: [partition(0, 1, 4)] });
  assertEquals(leadersOf(viewAfter(known, older)), [[2, 5]]);
  const newer = answer({ name: "t", topicId: ID, partitions: [partition(0, 1, 6)] });
  assertEquals(leadersOf(viewAfter(known, newer)), [[1, 6]]);
  const unknown = answer({ name: "t", topicId: ID, partitions: [partition(0, 1, -1)] });
  assertEquals(leadersOf(viewAfter(known, unknown)), [[1, -1]]);
});

Deno.test("ClusterView forgets epochs when the topic was made anew", () => {
  const known = viewAfter(
    EMPTY_VIEW,
    answer({ name: "t", topicId: ID, partitions: [partition(0, 2, 5)] }),
  );
  const anew = answer({ name: "t", topicId: OTHER_ID, partitions: [partition(0, 1, 0)] });
  assertEquals(leadersOf(viewAfter(known, anew)), [[1, 0]]);
});

Deno.test("ClusterView drops a topic that is answered with an error, and says why", () => {
  const known = viewAfter(EMPTY_VIEW, answer({ name: "t", partitions: [partition(0, 1, 0)] }));
  const view = viewAfter(known, answer({ name: "t", errorCode: 3 }));
  assertEquals([...view.topics], []);
  assertEquals([...view.errors], [["t", "UNKNOWN_TOPIC_OR_PARTITION"]]);
});

Deno.test("ClusterView refuses partitions with gaps", () => {
  assertThrows(
    () => viewAfter(EMPTY_VIEW, answer({ name: "t", partitions: [partition(1, 1, 0)] })),
    RangeError,
    "Metadata of topic t does not list its partitions from 0 on",
  );
});

Deno.test("ClusterView takes in a hint that is news, with the brokers named along with it", () => {
  const known = viewAfter(EMPTY_VIEW, answer({ name: "t", partitions: [partition(0, 1, 3)] }));
  const hint = { topic: "t", partition: 0, leaderId: 7, leaderEpoch: 4 };
  const brokers = [{ nodeId: 7, host: "c", port: 3, rack: null }];
  const view = viewAfterHint(known, { ...hint, brokers })!;
  assertEquals(leadersOf(view), [[7, 4]]);
  assertEquals(view.brokers.get(7)?.host, "c");
  assertEquals(leadersOf(known), [[1, 3]]);
  // No news, and of no use:
  assertEquals(viewAfterHint(view, { ...hint, brokers }), view);
  assertEquals(viewAfterHint(known, { ...hint, brokers: [] }), null);
  assertEquals(viewAfterHint(known, { ...hint, topic: "u", brokers }), null);
});
