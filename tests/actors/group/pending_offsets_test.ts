import { assertEquals, assertRejects } from "@std/assert";
import type { ActorRef } from "../../../actors/core/message.ts";
import type { GroupMessage } from "../../../actors/group/messages.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnGroupCoordinator } from "../coordinator/spawn_coordinator.ts";

const TOPIC_IDS = new Map([["t", "AAAAAAAAAAAAAAAAAAAAZQ"], ["u", "AAAAAAAAAAAAAAAAAAAAZg"]]);
const PRODUCER_ID = 7n;

/** A coordinator with what it stands on, which can be taken up again from its log. */
class World {
  readonly environment = new ManualEnvironment();
  readonly topicIds = new Map(TOPIC_IDS);
  readonly #partition = new MemoryPartition(this.environment);
  ref: ActorRef<GroupMessage>;

  constructor(private readonly settings: Readonly<Record<string, string>> = {}) {
    this.ref = this.#spawn();
  }

  restart(): void {
    this.ref.stop();
    this.ref = this.#spawn();
  }

  #spawn(): ActorRef<GroupMessage> {
    return spawnGroupCoordinator(
      { environment: this.environment, partition: this.#partition },
      this.settings,
      { topicId: (name) => this.topicIds.get(name) },
    );
  }

  #commit(topic: string, partition: number, offset: bigint) {
    return {
      groupId: "g",
      memberId: "",
      instanceId: null,
      generation: -1,
      offsets: [{
        topic,
        topicId: TOPIC_IDS.get(topic)!,
        partition,
        offset,
        leaderEpoch: 0,
        metadata: "",
      }],
    };
  }

  async commit(topic: string, partition: number, offset: bigint): Promise<void> {
    const commit = this.#commit(topic, partition, offset);
    const unknownGroup = "ILLEGAL_GENERATION" as const;
    assertEquals(
      await this.ref.ask("commitOffsets", { ...commit, retentionMs: null, unknownGroup }),
      [null],
    );
  }

  async commitInTransaction(
    topic: string,
    partition: number,
    offset: bigint,
    { producerId = PRODUCER_ID, memberId = "" } = {},
  ): Promise<void> {
    const producer = { producerId, producerEpoch: 0 };
    const guard = await this.ref.ask("guardOffsets", producer);
    const commit = { ...this.#commit(topic, partition, offset), memberId };
    const outcomes = await this.ref.ask("commitOffsetsInTransaction", {
      ...commit,
      ...producer,
      guard,
    });
    assertEquals(outcomes, [null]);
  }

  async end(commit: boolean, producerId = PRODUCER_ID): Promise<void> {
    await this.ref.ask("endTransaction", { producerId, epoch: 0, commit, coordinatorEpoch: 0 });
  }

  /** What is committed, as `topic-partition@offset`; an offset that may change has a question mark. */
  async committed(): Promise<string> {
    const topics = [...TOPIC_IDS.keys()].map((topic) => ({ topic, partitions: [0, 1] }));
    const fetched = await this.ref.ask("fetchOffsets", {
      groupId: "g",
      topics,
      requireStable: true,
    });
    return fetched.flatMap(({ topic, partitions }) =>
      partitions.filter(({ offset, unstable }) => offset >= 0n || unstable).map((place) =>
        `${topic}-${place.partition}@${place.offset}${place.unstable ? "?" : ""}`
      )
    ).join(" ");
  }

  async groups(): Promise<string[]> {
    return (await this.ref.ask("list", {})).map(({ groupId, state }) => `${groupId} ${state}`);
  }

  /** The same is true of the coordinator that is here and of one that takes its place. */
  async holds(expected: { readonly committed: string; readonly groups: string[] }): Promise<void> {
    for (const when of ["live", "after a restart"]) {
      assertEquals(
        { committed: await this.committed(), groups: await this.groups() },
        expected,
        when,
      );
      this.restart();
    }
  }
}

Deno.test("Offsets of a deleted group do not come back with the end of a transaction", async () => {
  const world = new World();
  await world.commit("t", 0, 3n);
  await world.commitInTransaction("t", 0, 42n);
  await world.commitInTransaction("t", 1, 43n);
  await world.ref.ask("delete", { groupId: "g" });
  await world.holds({ committed: "", groups: [] });
  await world.end(true);
  await world.holds({ committed: "", groups: [] });
});

Deno.test("Group of which only transactions know anything is listed, and can be deleted", async () => {
  const world = new World();
  await world.commitInTransaction("t", 0, 42n);
  await world.holds({ committed: "t-0@-1?", groups: ["g Empty"] });
  await world.ref.ask("delete", { groupId: "g" });
  await world.end(true);
  await world.holds({ committed: "", groups: [] });
});

Deno.test("Group is forgotten when the only transaction that knows of it is aborted", async () => {
  const world = new World();
  await world.commitInTransaction("t", 0, 42n);
  await world.end(false);
  await world.holds({ committed: "", groups: [] });
  const unknown = await assertRejects(() => world.ref.ask("delete", { groupId: "g" }), KafkaError);
  assertEquals(unknown.kind, "GROUP_ID_NOT_FOUND");
});

Deno.test("Offsets of a deleted topic do not come back with the end of a transaction", async () => {
  const world = new World();
  await world.commitInTransaction("t", 0, 42n);
  await world.commitInTransaction("u", 0, 43n);
  world.topicIds.set("u", "AAAAAAAAAAAAAAAAAAAAZw"); // deleted, and made again
  await world.ref.ask("forgetDeletedTopics", {});
  await world.holds({ committed: "t-0@-1?", groups: ["g Empty"] });
  await world.end(true);
  await world.holds({ committed: "t-0@42", groups: ["g Empty"] });
});

Deno.test("Offset that OffsetDelete took back does not come back with the end of a transaction", async () => {
  const world = new World();
  await world.commit("t", 0, 3n);
  await world.commitInTransaction("t", 0, 42n);
  await world.commitInTransaction("t", 1, 43n);
  await world.commitInTransaction("t", 1, 44n, { producerId: 8n });
  const offsets = [{ topic: "t", partition: 0 }, { topic: "t", partition: 1 }];
  assertEquals(await world.ref.ask("deleteOffsets", { groupId: "g", offsets }), [null, null]);
  await world.holds({ committed: "", groups: [] });
  await world.commitInTransaction("t", 1, 45n);
  await world.end(true);
  await world.end(true, 8n);
  await world.holds({ committed: "t-1@45", groups: ["g Empty"] });
});

Deno.test("Member without a generation commits in a transaction for a group that is empty", async () => {
  const world = new World();
  await world.commit("t", 0, 3n);
  await world.commitInTransaction("t", 0, 42n, { memberId: "somebody" });
  await world.end(true);
  await world.holds({ committed: "t-0@42", groups: ["g Empty"] });
});

Deno.test("Offset expires although another partition of its group waits for a transaction", async () => {
  const world = new World({
    "offsets.retention.minutes": "1",
    "offsets.retention.check.interval.ms": "1000",
  });
  await world.commit("t", 0, 3n);
  await world.commit("t", 1, 4n);
  await world.commitInTransaction("t", 1, 42n);
  await world.environment.advance(62_000);
  assertEquals(await world.committed(), "t-1@4?");
  await world.end(false);
  await world.environment.advance(2000);
  assertEquals([await world.committed(), await world.groups()], ["", []]);
});
