import { assertEquals } from "@std/assert";
import type { ActorRef } from "../../../actors/core/message.ts";
import {
  type GroupMessage,
  type Joined,
  MemberIdRequired,
} from "../../../actors/group/messages.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { Random } from "../../../testing/mod.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "./memory_partition.ts";
import { spawnGroupCoordinator, spawnTransactionCoordinator } from "./spawn_coordinator.ts";

/** Texts as requests bring them: the last is what is read of 20 000 bytes that are no UTF-8. */
const TEXTS = [
  "",
  "g",
  "ä".repeat(249),
  "i".repeat(32_740),
  "i".repeat(32_767),
  "\ufffd".repeat(20_000),
];
const INT32 = [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1];
const INT16 = [-(2 ** 15), -1, 0, 1, 2 ** 15 - 1];
const INT64 = [-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n];
const LENGTHS = [0, 1, 100, 50_000, 99_900, 512 * 1024, 512 * 1024 + 1];
const SEEDS = 20;
const REQUESTS = 150;

/** Values at their limits, and now and then one that somebody else has named before. */
class Extremes {
  readonly random: Random;
  readonly #memberIds: string[] = [];

  constructor(seed: string) {
    this.random = new Random(seed);
  }

  text = (): string => this.random.chance(0.6) ? "g" : this.random.pick(TEXTS);
  int32 = (): number => this.random.pick(INT32);
  int16 = (): number => this.random.pick(INT16);
  int64 = (): bigint => this.random.pick(INT64);
  bytes = (): Uint8Array => new Uint8Array(this.random.chance(0.6) ? 8 : this.random.pick(LENGTHS));
  orNull = <T>(value: T): T | null => this.random.chance(0.5) ? null : value;
  some = <T>(make: () => T): T[] => Array.from({ length: this.random.below(3) }, make);
  memberId = (): string =>
    this.random.chance(0.3) ? this.text() : this.random.pick(["", ...this.#memberIds]);

  learn(memberId: string): void {
    this.#memberIds.push(memberId);
    if (this.#memberIds.length > 6) this.#memberIds.shift();
  }
}

/** Nothing has crashed, and the coordinator that comes next reads all that was stored. */
async function requireUnhurt(
  environment: ManualEnvironment,
  next: { ask(type: "list", payload: object): Promise<unknown>; stop(): void },
  failures: readonly unknown[],
): Promise<void> {
  await environment.advance(1);
  await next.ask("list", {});
  const crashes = environment.lines.filter(({ level }) => level === "error");
  assertEquals([crashes, failures], [[], []]);
  next.stop();
}

/** Refusals are answers; anything else is told to the test. */
function answered(asked: Promise<unknown>, failures: unknown[]): void {
  asked.catch((error) => {
    if (!(error instanceof KafkaError)) failures.push(error);
  });
}

/** One request to a group coordinator, of whatever kind. */
function askGroup(ref: ActorRef<GroupMessage>, x: Extremes, generation: number): Promise<unknown> {
  const place = () => ({ topic: x.text(), partition: x.int32() });
  const offset = () => ({
    ...place(),
    topicId: "AAAAAAAAAAAAAAAAAAAAZQ",
    offset: x.int64(),
    leaderEpoch: x.int32(),
    metadata: x.text(),
  });
  const member = () => ({
    groupId: x.text(),
    memberId: x.memberId(),
    instanceId: x.orNull(x.text()),
    generation: x.random.chance(0.5) ? generation : x.int32(),
  });
  switch (x.random.below(11)) {
    case 0:
    case 1:
    case 2: {
      const { generation: _, ...identity } = member();
      return ref.ask("join", {
        ...identity,
        clientId: x.text(),
        clientHost: "/h",
        sessionTimeoutMs: x.random.pick([6000, 1_800_000, x.int32()]),
        rebalanceTimeoutMs: x.random.pick([100, 2 ** 31 - 1]),
        protocolType: x.text(),
        protocols: [{ name: x.text(), metadata: x.bytes() }],
        reason: x.orNull(x.text()),
        needsKnownMember: x.random.chance(0.5),
        canSkipAssignment: x.random.chance(0.5),
      });
    }
    case 3:
      return ref.ask("sync", {
        ...member(),
        protocolType: x.orNull(x.text()),
        protocolName: x.orNull(x.text()),
        assignments: x.some(() => ({ memberId: x.memberId(), assignment: x.bytes() })),
      });
    case 4:
      return ref.ask("heartbeat", member());
    case 5: {
      const { groupId } = member();
      const leaver = () => ({
        memberId: x.memberId(),
        instanceId: x.orNull(x.text()),
        reason: null,
      });
      return ref.ask("leave", { groupId, members: x.some(leaver) });
    }
    case 6:
      return ref.ask("commitOffsets", {
        ...member(),
        retentionMs: x.orNull(x.random.pick([0, 1, Number(2n ** 63n - 1n)])),
        unknownGroup: "ILLEGAL_GENERATION",
        offsets: x.some(offset),
      });
    case 7: {
      const producer = { producerId: x.int64(), producerEpoch: x.int16() };
      const commit = { ...member(), ...producer, offsets: x.some(offset) };
      return ref.ask("guardOffsets", producer).then((guard) =>
        ref.ask("commitOffsetsInTransaction", { ...commit, guard })
      );
    }
    case 8:
      return ref.ask("deleteOffsets", { groupId: x.text(), offsets: x.some(place) });
    case 9:
      return ref.ask("delete", { groupId: x.text() });
    default:
      return ref.ask("endTransaction", {
        producerId: x.int64(),
        epoch: x.int16(),
        commit: x.random.chance(0.5),
        coordinatorEpoch: x.int32(),
      });
  }
}

for (let seed = 0; seed < SEEDS; seed++) {
  Deno.test(`Group coordinator is not crashed by values at their limits (${seed})`, async () => {
    const environment = new ManualEnvironment();
    const partition = new MemoryPartition(environment);
    const settings = {
      "group.initial.rebalance.delay.ms": "0",
      "offset.metadata.max.bytes": "32767",
      "offsets.retention.minutes": "1",
    };
    const spawned = () =>
      spawnGroupCoordinator({ environment, partition }, settings, {
        topicId: () => "AAAAAAAAAAAAAAAAAAAAZQ",
      });
    const ref = spawned();
    const x = new Extremes(`extreme group values/${seed}`);
    const failures: unknown[] = [];
    let generation = 1;
    for (let n = 0; n < REQUESTS; n++) {
      const asked = askGroup(ref, x, generation).then((answer) => {
        const joined = answer as Partial<Joined> | null | undefined;
        if (joined?.memberId) x.learn(joined.memberId);
        if (joined?.generation) generation = joined.generation;
      }, (error) => {
        if (error instanceof MemberIdRequired) x.learn(error.memberId);
        throw error;
      });
      answered(asked, failures);
      await environment.advance(x.random.pick([0, 0, 1, 100, 6000]));
    }
    await environment.advance(400_000);
    ref.stop();
    await requireUnhurt(environment, spawned(), failures);
  });
}

for (let seed = 0; seed < SEEDS; seed++) {
  Deno.test(`Transaction coordinator is not crashed by values at their limits (${seed})`, async () => {
    const environment = new ManualEnvironment();
    const partition = new MemoryPartition(environment);
    let producerId = 0n;
    const spawned = () =>
      spawnTransactionCoordinator({ environment, partition }, {}, {
        nextProducerId: () => Promise.resolve(producerId++),
        tell: () => Promise.resolve(),
      });
    const ref = spawned();
    const x = new Extremes(`extreme transaction values/${seed}`);
    const failures: unknown[] = [];
    let known = { producerId: 0n, epoch: 0 };
    const identity = () =>
      x.random.chance(0.6) ? known : { producerId: x.int64(), epoch: x.int16() };
    const place = () => ({ topic: x.text(), partition: x.int32() });
    const ask = (): Promise<unknown> => {
      const transactionalId = x.text();
      const learn = (told: { readonly producerId: bigint; readonly epoch: number }) => {
        known = told;
      };
      switch (x.random.below(4)) {
        case 0: {
          const timeoutMs = x.random.pick([900_000, 1, x.int32()]);
          return ref.ask("init", { transactionalId, timeoutMs, expected: x.orNull(identity()) })
            .then(learn);
        }
        case 1:
          return ref.ask("add", {
            transactionalId,
            ...identity(),
            partitions: x.some(place),
            waits: x.random.chance(0.5),
          });
        case 2:
          return ref.ask("verify", { transactionalId, ...identity(), partitions: x.some(place) });
        default: {
          const commit = x.random.chance(0.5);
          const bumps = x.random.chance(0.5);
          return ref.ask("end", { transactionalId, ...identity(), commit, bumps }).then(learn);
        }
      }
    };
    for (let n = 0; n < REQUESTS; n++) {
      answered(ask(), failures);
      await environment.advance(x.random.pick([0, 0, 1, 100, 60_000]));
    }
    await environment.advance(1_000_000);
    ref.stop();
    await requireUnhurt(environment, spawned(), failures);
  });
}
