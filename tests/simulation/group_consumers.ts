/**
 * The scenario of groups: consumers of our own client share a topic on the real broker; they come, leave, stall, vanish and
 * come back, and the broker, which coordinates them, is killed while they do.
 *
 * @module
 */
import {
  type Assignor,
  Consumer,
  cooperativeStickyAssignor,
  KafkaError,
  Producer,
  rangeAssignor,
  roundRobinAssignor,
  stickyAssignor,
} from "../../client/mod.ts";
import { sleep } from "../../environment/sleep.ts";
import {
  type Duration,
  QUIET_NETWORK,
  type Random,
  ROUGH_NETWORK,
  simulate,
  SimulatedBroker,
  type SimulatedProcess,
  type Simulation,
  type Violation,
} from "../../testing/mod.ts";
import { GroupGenerations, type Place } from "./group_generations.ts";
import { type Outcome, replayCommand, type Scenario } from "./scenario.ts";

const decoder = new TextDecoder();
const TOPIC = "orders";
const RECORDS = 300;
const SESSION_TIMEOUT_MS = 6000;
const MAX_POLL_INTERVAL_MS = 8000;
/** What has to happen to be worth the name. */
export const GROUP_FAULTS: readonly string[] = [
  "broker killed",
  "coordinator killed mid-rebalance",
  "member fenced",
  "member stalled",
  "member vanished",
];
const STRATEGIES: readonly (readonly Assignor[])[] = [
  [rangeAssignor],
  [roundRobinAssignor],
  [stickyAssignor],
  [cooperativeStickyAssignor],
];

/** How large a group is, and how much happens to it. */
interface GroupPlan {
  /** What `deno task simulate --scenario` calls it. */
  readonly name: string;
  readonly partitions: number;
  readonly membersAtStart: number;
  readonly membersMax: number;
  /** Names of static members: two processes that take the same one fence each other. */
  readonly instances: number;
  /** Mean times between events: a member comes, leaves, stalls, vanishes, and the broker is killed. */
  readonly every: Readonly<Record<"come" | "leave" | "stall" | "vanish" | "kill", Duration>>;
}

const FEW: GroupPlan = {
  name: "group",
  partitions: 12,
  membersAtStart: 3,
  membersMax: 8,
  instances: 3,
  every: { come: "3s", leave: "8s", stall: "8s", vanish: "10s", kill: "10s" },
};

const STORM: GroupPlan = {
  name: "group-storm",
  partitions: 100,
  membersAtStart: 50,
  membersMax: 60,
  instances: 15,
  every: { come: "1s", leave: "3s", stall: "3s", vanish: "4s", kill: "10s" },
};

/** What came of a seed. */
export interface GroupOutcome extends Outcome {
  /** Generations of the group, from the first to the last. */
  readonly generations: number;
}

/** A scenario of groups. */
export interface GroupScenario extends Scenario {
  run(seed: number): Promise<GroupOutcome>;
}

/** Few consumers in one group. */
export const group: GroupScenario = {
  description: "A group of up to 8 consumers that come, go, stall, vanish and are fenced",
  faultKinds: GROUP_FAULTS,
  run: (seed) => groupConsumers(seed, FEW),
};

/** Many consumers in one group. */
export const groupStorm: GroupScenario = {
  description: "A group of 50 consumers that come, go, stall, vanish and are fenced",
  faultKinds: GROUP_FAULTS,
  run: (seed) => groupConsumers(seed, STORM),
};

/** Runs the scenario for one seed; the assignor follows from it. */
async function groupConsumers(seed: number, plan: GroupPlan): Promise<GroupOutcome> {
  await using simulation = simulate({
    seed,
    network: ROUGH_NETWORK,
    replay: replayCommand(plan.name, seed),
  });
  const broker = new SimulatedBroker(simulation, {
    config: {
      "num.partitions": String(plan.partitions),
      "offsets.topic.num.partitions": "1",
      "group.initial.rebalance.delay.ms": "200",
    },
  });
  const scene = new Scene(simulation, broker, plan, STRATEGIES[seed % STRATEGIES.length]);
  const endOfChaos = scene.unleash();
  const produced = scene.produce();
  await simulation.until(() => scene.isProduced, { within: "30m" });
  endOfChaos();
  await simulation.until(() => scene.isSettled, { within: "30m" });
  await simulation.run(() => produced);
  scene.checkEnd();
  return {
    hash: simulation.hash,
    violations: scene.violations,
    generations: scene.generations,
    acknowledged: scene.acknowledged,
    faults: simulation.faults.all(),
    virtualMs: simulation.nowMs,
  };
}

/** A consumer that lives. */
interface Member {
  readonly process: SimulatedProcess;
  /** Whom the group knows it as: a static member's name belongs to whoever came with it last. */
  readonly identity: string;
  readonly consumer: Consumer;
  /** In which it was given its partitions; null = it never was. */
  place: Place | null;
  /** Until when it is busy with what it polled, in virtual time. */
  stallMs: number;
  leaves: boolean;
}

class Scene {
  readonly violations: Violation[] = [];
  readonly #members = new Set<Member>();
  /** By generation and partition: who was given it. */
  readonly #owners = new Map<string, string>();
  readonly #generations = new GroupGenerations();
  /** How much of the group's history {@linkcode #generations} knows. */
  #followed = 0;
  readonly #sent = new Set<string>();
  readonly #read = new Set<string>();
  readonly #instances: Random;
  #born = 0;
  isProduced = false;

  constructor(
    private readonly simulation: Simulation,
    private readonly broker: SimulatedBroker,
    private readonly plan: GroupPlan,
    private readonly strategy: readonly Assignor[],
  ) {
    this.#instances = simulation.random("instances");
  }

  get acknowledged(): number {
    return this.#sent.size;
  }

  get generations(): number {
    return Math.max(0, ...[...this.#owners.keys()].map((key) => Number(key.split("/")[0])));
  }

  /**
   * Whether everything that was sent has been read, and all live members share all partitions in one generation, which the
   * coordinator takes for stable. It is asked after every event, so what is mostly wrong comes first.
   */
  get isSettled(): boolean {
    if (this.#read.size < this.#sent.size) return false;
    if (this.broker.groupHistory.at(-1)?.to !== "Stable") return false;
    const [first, ...others] = [...this.#members].map(({ consumer }) => consumer);
    if (first === undefined) return false;
    const { generationId } = first.groupMetadata();
    if (generationId === -1) return false;
    if (others.some((other) => other.groupMetadata().generationId !== generationId)) return false;
    const owned = [first, ...others].reduce((sum, one) => sum + one.assignment().length, 0);
    return owned === this.plan.partitions;
  }

  /** Lets members come and go, and everything go wrong that can. Returns how to end it. */
  unleash(): () => void {
    const { simulation, broker, plan } = this;
    const { every, membersAtStart, membersMax } = plan;
    const { faults, network } = simulation;
    const random = simulation.random("members");
    for (let number = 0; number < membersAtStart; number++) this.#spawn();
    const anyOf = () => this.#members.size > 0 ? random.pick([...this.#members]) : null;
    const ends = [
      simulation.occasionally("come", every.come, () => {
        if (this.#members.size < membersMax) this.#spawn();
      }),
      simulation.occasionally("leave", every.leave, () => {
        const member = anyOf();
        if (member !== null) member.leaves = true;
      }),
      simulation.occasionally("stall", every.stall, () => {
        const member = anyOf();
        if (member === null) return;
        faults.add("member stalled");
        member.stallMs = random.between([1000, 2 * MAX_POLL_INTERVAL_MS]);
      }),
      simulation.occasionally("vanish", every.vanish, () => {
        const member = anyOf();
        if (member === null) return;
        faults.add("member vanished");
        this.#members.delete(member);
        member.process.kill(random.pick(["closed", "reset", "silent"]));
      }),
      simulation.occasionally("kill", every.kill, (random) => {
        faults.add("broker killed");
        if (this.#isRebalancing) faults.add("coordinator killed mid-rebalance");
        broker.restart(random.pick(["closed", "reset", "silent"]));
      }),
    ];
    return () => {
      for (const end of ends) end();
      network.heal();
      network.faults = QUIET_NETWORK;
      if ([...this.#members].every(({ leaves }) => leaves)) this.#spawn();
    };
  }

  /** Sends all records; settles when they are acknowledged. */
  produce(): Promise<void> {
    const process = this.simulation.process("producer");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.simulation.after(0, () => {
      this.#produce(process).then(resolve);
    });
    return promise;
  }

  /** Checks that nothing was skipped, and that each partition is in exactly one hand. */
  checkEnd(): void {
    for (const value of this.#sent) {
      if (!this.#read.has(value)) this.#blame("lost", `${value} was never read`);
    }
    const owned = [...this.#members].flatMap(({ consumer }) => consumer.assignment());
    const partitions = new Set(owned.map(({ partition }) => partition));
    if (partitions.size !== this.plan.partitions) {
      this.#blame(
        "double owner",
        `${owned.length} partitions are owned, and ${partitions.size} differ`,
      );
    }
  }

  async #produce({ environment }: SimulatedProcess): Promise<void> {
    const random = this.simulation.random("producer");
    await using producer = new Producer({
      environment,
      bootstrapServers: this.broker.bootstrapServers,
      requestTimeoutMs: 3000,
    });
    for (let number = 0; number < RECORDS; number++) {
      const value = `${number}`;
      const partition = random.below(this.plan.partitions);
      try {
        await producer.send({ topic: TOPIC, partition, value });
        this.#sent.add(value);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
      }
      await sleep(environment, random.exponential(100));
    }
    this.isProduced = true;
  }

  #spawn(): void {
    const process = this.simulation.process(`member-${this.#born++}`);
    // Every third is a static member. Some of those take a name that is in use: the one before is fenced.
    const groupInstanceId = this.#instances.below(3) === 0
      ? `instance-${this.#instances.below(this.plan.instances)}`
      : undefined;
    this.simulation.after(0, () => void this.#live(process, groupInstanceId));
  }

  async #live(process: SimulatedProcess, groupInstanceId: string | undefined): Promise<void> {
    const { environment, name } = process;
    const consumer = new Consumer({
      environment,
      bootstrapServers: this.broker.bootstrapServers,
      groupId: "packers",
      groupInstanceId,
      clientId: name,
      partitionAssignmentStrategy: this.strategy,
      autoOffsetReset: "earliest",
      autoCommitIntervalMs: 1000,
      heartbeatIntervalMs: 500,
      // A record wakes a fetch; what waits in vain only costs time.
      fetchMaxWaitMs: 2000,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      maxPollIntervalMs: MAX_POLL_INTERVAL_MS,
      requestTimeoutMs: 3000,
      defaultApiTimeoutMs: 5000,
    });
    const identity = groupInstanceId ?? name;
    const member: Member = {
      process,
      identity,
      consumer,
      place: null,
      stallMs: 0,
      leaves: false,
    };
    this.#members.add(member);
    consumer.subscribe([TOPIC], {
      onPartitionsAssigned: () => this.#own(member),
    });
    while (!member.leaves) {
      await this.#poll(member);
      const { stallMs } = member;
      member.stallMs = 0;
      if (stallMs > 0) await sleep(environment, stallMs);
    }
    this.#members.delete(member);
    await consumer.close();
  }

  async #poll(member: Member): Promise<void> {
    try {
      for (const { value } of await member.consumer.poll({ timeoutMs: 500 })) {
        this.#read.add(decoder.decode(value!));
      }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (error.kind !== "FENCED_INSTANCE_ID") return;
      this.simulation.faults.add("member fenced");
      member.leaves = true;
    }
  }

  #blame(kind: Violation["kind"], text: string): void {
    this.violations.push({ kind, text });
  }

  /**
   * Notes what a member owns in its generation. Nobody else may own it then who has joined that generation: what changes
   * hands is given up first (KIP-429), under the eager protocol before joining.
   */
  #own(member: Member): void {
    const { identity, consumer } = member;
    const { memberId, generationId: generation } = consumer.groupMetadata();
    member.place = { memberId, generation };
    this.#catchUp();
    // While its assignment was on the way its session ran out, or a namesake took its place: it will hear of it.
    if (this.#generations.wentOnWithout(member.place, generation)) return;
    for (const { partition } of consumer.assignment()) {
      const key = `${generation}/${partition}`;
      const owner = this.#owners.get(key) ?? identity;
      if (owner !== identity) {
        this.#blame("double owner", `${key} is owned by ${owner} and ${identity}`);
      }
      this.#owners.set(key, identity);
      for (const other of this.#members) {
        if (other !== member && this.#holds(other, partition, generation)) {
          const text = `${key} went to ${identity} before ${other.identity} gave it up`;
          this.#blame("double owner", text);
        }
      }
    }
  }

  /** Whether the coordinator lives and waits for members. */
  get #isRebalancing(): boolean {
    const state = this.broker.groupHistory.at(-1)?.to ?? "Empty";
    return this.broker.running !== null && state !== "Empty" && state !== "Stable";
  }

  /** Whether a member owns a partition, rightly, as of a generation that another one is in. */
  #holds({ place, consumer }: Member, partition: number, generation: number): boolean {
    return place !== null && place.generation <= generation &&
      consumer.assignment().some((owned) => owned.partition === partition) &&
      !this.#generations.wentOnWithout(place, generation);
  }

  /** Takes in what the coordinator tells. */
  #catchUp(): void {
    const { groupHistory } = this.broker;
    while (this.#followed < groupHistory.length) {
      this.#generations.follow(groupHistory[this.#followed++]);
    }
  }
}
