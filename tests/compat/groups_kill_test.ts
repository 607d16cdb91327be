/**
 * Twenty real members in one group, of kafkajs and librdkafka, while their coordinator is killed three times.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { GroupRecord } from "../../actors/group/records.ts";
import { encodeAssignment } from "../../protocol/assignors/mod.ts";
import { Admin, Producer } from "../../client/mod.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { Serving } from "../cli/process.ts";
import { assertForwards, groupLog, type StepBack, stepsBack } from "./support/group_log.ts";
import { type GroupMember, LIBRDKAFKA, MEMBERS } from "./support/group_members.ts";
import { shared } from "./support/groups.ts";

const TOPIC = "orders";
const GROUP = "packers";
const PARTITIONS = 40;
const COORDINATORS = 1;
const MEMBERS_OF_EACH = 10;
const KILLS = 3;
const LIFE_MS = 6000;
const SETTLE_MS = 120_000;

const environment = denoEnvironment({ log: { write: () => {} } });

/** Sends numbered records to all partitions until it is told to stop; keeps what was acknowledged. */
class Load {
  /** `partition/offset/value`. */
  readonly acknowledged = new Set<string>();
  #over = false;
  readonly #done: Promise<void>;

  constructor(bootstrapServers: string) {
    this.#done = this.#run(bootstrapServers);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #run(bootstrapServers: string): Promise<void> {
    await using producer = new Producer({
      environment,
      bootstrapServers,
      deliveryTimeoutMs: 120_000,
    });
    for (let n = 0; !this.#over; n++) {
      const value = `${n}`;
      producer.send({ topic: TOPIC, partition: n % PARTITIONS, value }).then(
        ({ partition, offset }) => this.acknowledged.add(`${partition}/${offset}/${value}`),
      );
      await realTime(2);
    }
    await producer.flush();
  }
}

/** The broker under test is a process of its own: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const COMMITTED = {
  leaderEpoch: -1,
  metadata: "",
  commitTimestampMs: 0,
  expireTimestampMs: null,
  topicId: "",
};
const GENERATION = {
  protocolType: "consumer",
  protocol: "roundrobin",
  leader: null,
  currentStateTimestamp: 0n,
};
const MEMBER = {
  memberId: "m",
  groupInstanceId: null,
  clientHost: "/127.0.0.1",
  rebalanceTimeout: 0,
  sessionTimeout: 0,
  subscription: new Uint8Array(0),
};

/**
 * librdkafka sends a commit again that was on its way when the broker went away, and not always before what it has
 * committed since: whether the first one had arrived or not, the coordinator hears of it behind newer ones. As long as the
 * group has not gone on to its next generation it has to take it, Kafka's too: member and generation are right
 * (`ClassicGroup.validateOffsetCommit`). Nothing else may go back: nothing to before its generation, nor a commit of kafkajs.
 */
function isSentLate({ clientId, crosses }: StepBack): boolean {
  return clientId === LIBRDKAFKA && !crosses;
}

Deno.test("A commit that goes back behind its generation would be noticed, and one that comes late is told apart", () => {
  const owned = (generation: number, clientId: string): GroupRecord => ({
    kind: "group",
    group: GROUP,
    value: {
      ...GENERATION,
      generation,
      members: [{
        ...MEMBER,
        clientId,
        assignment: encodeAssignment({
          partitions: [{ topic: TOPIC, partitions: [0] }],
          userData: null,
        }),
      }],
    },
  });
  const committed = (offset: bigint): GroupRecord => ({
    kind: "offset",
    group: GROUP,
    place: { topic: TOPIC, partition: 0 },
    committed: { ...COMMITTED, offset },
  });
  const log = [
    ...[owned(1, LIBRDKAFKA), committed(5n), committed(9n), committed(5n), committed(7n)],
    ...[owned(2, LIBRDKAFKA), committed(9n), committed(8n), committed(6n)],
    ...[owned(3, "kafkajs"), committed(9n), committed(9n), committed(8n)],
  ];
  const steps = stepsBack(log);
  assertEquals(steps.map(({ generation, from, to }) => [generation, from, to]), [
    [1, 9n, 5n],
    [2, 9n, 8n],
    [2, 8n, 6n],
    [3, 9n, 8n],
  ]);
  assertEquals(steps.map(isSentLate), [true, true, false, false]);
});

Deno.test("Twenty members of kafkajs and librdkafka read everything, and commit forwards only, through three kills", async () => {
  const data = await Deno.makeTempDir({ prefix: "odradek-kill-" });
  const settings = ["--set", `offsets.topic.num.partitions=${COORDINATORS}`];
  const start = (port: number) =>
    Serving.start("--listen", `127.0.0.1:${port}`, "--data", data, ...settings);
  let serving = await start(0);
  const { port } = serving;
  const broker = { host: "127.0.0.1", port, bootstrap: `127.0.0.1:${port}` };
  const members: GroupMember[] = [];
  try {
    await using admin = new Admin({ environment, bootstrapServers: broker.bootstrap });
    await admin.createTopics([{ name: TOPIC, partitions: PARTITIONS }]);
    const load = new Load(broker.bootstrap);
    const membership = { groupId: GROUP, topic: TOPIC, strategy: "roundrobin" } as const;
    for (let n = 0; n < MEMBERS_OF_EACH; n++) {
      members.push(await MEMBERS.kafkajs(broker, membership));
      members.push(await MEMBERS.librdkafka(broker, membership));
    }
    for (let kill = 0; kill < KILLS; kill++) {
      await realTime(LIFE_MS);
      await serving.stop("SIGKILL");
      serving = await start(port);
    }
    await realTime(LIFE_MS);
    await load.stop();

    const unread = () => {
      const read = new Set(members.flatMap(({ read }) => read));
      return [...load.acknowledged].filter((record) => !read.has(record));
    };
    const deadlineMs = Date.now() + SETTLE_MS;
    while (unread().length > 0 && Date.now() < deadlineMs) await realTime(200);
    assertEquals(unread(), []);
    // A client that has given up begins anew, but lets half a minute pass before.
    const everybody = shared(broker, GROUP, 2 * MEMBERS_OF_EACH, PARTITIONS, SETTLE_MS);
    await everybody.catch((cause) => {
      const told = members.flatMap(({ gaveUp = [] }, n) => gaveUp.map((why) => `${n}: ${why}`));
      throw new Error(`Not everybody has come back: ${told.join("; ")}`, { cause });
    });
    assert(load.acknowledged.size > 1000, `only ${load.acknowledged.size} records`);

    const log = await groupLog(broker, GROUP, COORDINATORS);
    const committed = new Set(
      log.flatMap((told) => told.kind === "offset" ? told.place.partition : []),
    );
    assertEquals(committed.size, PARTITIONS);
    assertForwards(log, isSentLate);
  } finally {
    await Promise.allSettled(members.map((member) => member.stop()));
    await serving[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
});
