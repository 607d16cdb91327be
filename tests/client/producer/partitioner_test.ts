import { assert, assertEquals } from "@std/assert";
import type { TopicView } from "../../../client/cluster/cluster_view.ts";
import { DefaultPartitioner, type StickyOptions } from "../../../client/producer/partitioner.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";

function topicOf(leaders: readonly number[]): TopicView {
  return {
    name: "t",
    id: null,
    isInternal: false,
    partitions: leaders.map((leaderId, partition) => ({
      partition,
      leaderId,
      leaderEpoch: 0,
      replicas: [],
      inSyncReplicas: [],
    })),
  };
}

function partitioner(options: Partial<StickyOptions> = {}, ignoreKeys = false): DefaultPartitioner {
  return new DefaultPartitioner({
    random: new ManualEnvironment().random,
    batchSize: 1000,
    adaptive: true,
    queueLength: () => 0,
    hasRoom: () => false,
    ...options,
  }, ignoreKeys);
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("DefaultPartitioner puts a key where Java's producer puts it", () => {
  // (murmur2(key) & 0x7fffffff) % 7, with the hashes known of Kafka's own tests
  const expected = { "21": 1173551340 % 7, "foobar": 1357151166 % 7, "abc": 479470107 % 7 };
  for (const [key, partition] of Object.entries(expected)) {
    const topic = topicOf([1, 1, 1, 1, 1, 1, 1]);
    assertEquals(partitioner().choose({ key: bytes(key) }, topic, 10), partition);
  }
});

Deno.test("DefaultPartitioner hashes an empty key like any other", () => {
  const topic = topicOf([1, 1, 1, 1, 1, 1, 1]);
  const chosen = Array.from(
    { length: 20 },
    () => partitioner().choose({ key: bytes("") }, topic, 2000),
  );
  assertEquals(new Set(chosen).size, 1);
});

Deno.test("DefaultPartitioner stays with a partition for about a batch of records without a key", () => {
  const topic = topicOf([1, 1, 1, 1]);
  const sticky = partitioner();
  const runs: number[] = [];
  let last = -1;
  for (let i = 0; i < 1000; i++) {
    const chosen = sticky.choose({}, topic, 100);
    if (chosen === last) runs[runs.length - 1]++;
    else runs.push(1);
    last = chosen;
  }
  assert(runs.every((length) => length % 10 === 0), `${runs}`);
  assert(runs.length > 50, `${runs}`);
});

Deno.test("DefaultPartitioner fills a batch that is begun, up to twice its share", () => {
  const topic = topicOf([1, 1]);
  const sticky = partitioner({ hasRoom: () => true });
  const chosen = Array.from({ length: 40 }, () => sticky.choose({}, topic, 100));
  assertEquals(new Set(chosen.slice(0, 20)).size, 1);
});

Deno.test("DefaultPartitioner gives partitions without a leader nothing, unless none has one", () => {
  const sticky = partitioner();
  const topic = topicOf([-1, 5, -1]);
  for (let i = 0; i < 50; i++) assertEquals(sticky.choose({}, topic, 1000), 1);
  const leaderless = topicOf([-1, -1, -1]);
  const chosen = Array.from({ length: 100 }, () => partitioner().choose({}, leaderless, 1000));
  assert(chosen.every((partition) => partition >= 0 && partition < 3));
});

Deno.test("DefaultPartitioner gives partitions with a long queue less, unless it is told not to", () => {
  const topic = topicOf([1, 1]);
  const queueLength = (_topic: string, partition: number) => partition === 0 ? 9 : 0;
  const share = (adaptive: boolean) => {
    const sticky = partitioner({ queueLength, adaptive });
    const chosen = Array.from({ length: 2000 }, () => sticky.choose({}, topic, 1000));
    return chosen.filter((partition) => partition === 0).length / chosen.length;
  };
  const [adaptive, plain] = [share(true), share(false)];
  assert(adaptive > 0.05 && adaptive < 0.14, `${adaptive}`); // 1 of 11 tickets
  assert(plain > 0.45 && plain < 0.55, `${plain}`);
});

Deno.test("DefaultPartitioner spreads keys too if it is told to ignore them", () => {
  const topic = topicOf([1, 1, 1, 1]);
  const sticky = partitioner({}, true);
  const chosen = Array.from({ length: 200 }, () => sticky.choose({ key: bytes("k") }, topic, 1000));
  assertEquals(new Set(chosen).size, 4);
});
