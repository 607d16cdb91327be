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
  type TopicPartition,
} from "../../client/mod.ts";
import { sleep } from "../../environment/sleep.ts";
import {
  QUIET_NETWORK,
  ROUGH_NETWORK,
  simulate,
  SimulatedBroker,
  type SimulatedProcess,
  type Simulation,
} from "../../testing/mod.ts";

const TOPIC = "orders";
const PARTITIONS = 12;
const MEMBERS_MAX = 8;
const RECORDS = 300;
const SESSION_TIMEOUT_MS = 6000;
const MAX_POLL_INTERVAL_MS = 8000;
const STRATEGIES: readonly (readonly Assignor[])[] = [
  [rangeAssignor],
  [roundRobinAssignor],
  [stickyAssignor],
  [cooperativeStickyAssignor],
];

/** What came of a seed. */
export interface Outcome {
  /** Of everything that happened. */
  readonly hash: string;
  /** What cannot be true of a group. */
  readonly violations: readonly string[];
  readonly generations: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Runs the scenario for one seed; the assignor follows from it. */
export async function groupConsumers(seed: number): Promise<Outcome> {
  await using simulation = simulate({
    seed,
    network: ROUGH_NETWORK,
    replay: `deno test tests/simulation/group_consumers_test.ts -- ${seed}`,
  });
  const broker = new SimulatedBroker(simulation, {
    config: {
      "num.partitions": String(PARTITIONS),
      "offsets.topic.num.partitions": "1",
      "group.initial.rebalance.delay.ms": "200",
    },
  });
  const scene = new Scene(simulation, broker, STRATEGIES[seed % STRATEGIES.length]);
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
    faults: simulation.faults.all(),
  };
}

/** A consumer that lives. */
interface Member {
  readonly process: SimulatedProcess;
  readonly consumer: Consumer;
  /** Until when it is busy with what it polled, in virtual time. */
  stallMs: number;
  leaves: boolean;
}

class Scene {
  readonly violations: string[] = [];
  readonly #members = new Set<Member>();
  /** By generation and partition: who was given it. */
  readonly #owners = new Map<string, string>();
  /** By member and partition: who got a partition before the member gave it up. */
  readonly #late = new Map<string, string>();
  readonly #sent = new Set<string>();
  readonly #read = new Set<string>();
  #born = 0;
  isProduced = false;

  constructor(
    private readonly simulation: Simulation,
    private readonly broker: SimulatedBroker,
    private readonly strategy: readonly Assignor[],
  ) {}

  get generations(): number {
    return Math.max(0, ...[...this.#owners.keys()].map((key) => Number(key.split("/")[0])));
  }

  /** Whether everything that was sent has been read, and all live members share all partitions in one generation. */
  get isSettled(): boolean {
    const members = [...this.#members];
    const generations = new Set(
      members.map(({ consumer }) => consumer.groupMetadata().generationId),
    );
    const owned = members.flatMap(({ consumer }) => consumer.assignment());
    return generations.size === 1 && !generations.has(-1) && owned.length === PARTITIONS &&
      this.#read.size >= this.#sent.size;
  }

  /** Lets members come and go, and everything go wrong that can. Returns how to end it. */
  unleash(): () => void {
    const { simulation, broker } = this;
    const { faults, network } = simulation;
    const random = simulation.random("members");
    for (let number = 0; number < 3; number++) this.#spawn();
    const anyOf = () => this.#members.size > 0 ? random.pick([...this.#members]) : null;
    const ends = [
      simulation.occasionally("come", "3s", () => {
        if (this.#members.size < MEMBERS_MAX) this.#spawn();
      }),
      simulation.occasionally("leave", "8s", () => {
        const member = anyOf();
        if (member !== null) member.leaves = true;
      }),
      simulation.occasionally("stall", "8s", () => {
        const member = anyOf();
        if (member === null) return;
        faults.add("member stalled");
        member.stallMs = random.between([1000, 2 * MAX_POLL_INTERVAL_MS]);
      }),
      simulation.occasionally("vanish", "10s", () => {
        const member = anyOf();
        if (member === null) return;
        faults.add("member vanished");
        this.#members.delete(member);
        member.process.kill(random.pick(["closed", "reset", "silent"]));
      }),
      simulation.occasionally("kill", "10s", (random) => {
        faults.add("broker killed");
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
      if (!this.#read.has(value)) this.violations.push(`${value} was never read`);
    }
    const owned = [...this.#members].flatMap(({ consumer }) => consumer.assignment());
    const partitions = new Set(owned.map(({ partition }) => partition));
    if (partitions.size !== PARTITIONS) this.violations.push("the end is not shared out");
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
      const partition = random.below(PARTITIONS);
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
    this.simulation.after(0, () => void this.#live(process));
  }

  async #live(process: SimulatedProcess): Promise<void> {
    const { environment, name } = process;
    const consumer = new Consumer({
      environment,
      bootstrapServers: this.broker.bootstrapServers,
      groupId: "packers",
      clientId: name,
      partitionAssignmentStrategy: this.strategy,
      autoOffsetReset: "earliest",
      autoCommitIntervalMs: 1000,
      heartbeatIntervalMs: 500,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      maxPollIntervalMs: MAX_POLL_INTERVAL_MS,
      requestTimeoutMs: 3000,
      defaultApiTimeoutMs: 5000,
    });
    const member: Member = { process, consumer, stallMs: 0, leaves: false };
    this.#members.add(member);
    consumer.subscribe([TOPIC], {
      onPartitionsAssigned: () => this.#own(name, consumer),
      onPartitionsRevoked: (partitions) => this.#giveUp(name, partitions, "revoked"),
      onPartitionsLost: (partitions) => this.#giveUp(name, partitions, "lost"),
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

  async #poll({ consumer }: Member): Promise<void> {
    try {
      for (const { value } of await consumer.poll({ timeoutMs: 500 })) {
        this.#read.add(new TextDecoder().decode(value!));
      }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
    }
  }

  /** Notes what a member owns in its generation, and who has not given that up yet. */
  #own(name: string, consumer: Consumer): void {
    const { generationId } = consumer.groupMetadata();
    const others = [...this.#members].filter((other) => other.consumer !== consumer);
    for (const { partition } of consumer.assignment()) {
      const key = `${generationId}/${partition}`;
      const owner = this.#owners.get(key) ?? name;
      if (owner !== name) this.violations.push(`${key} is owned by ${owner} and ${name}`);
      this.#owners.set(key, name);
      for (const { consumer, process } of others) {
        const { generationId: theirs } = consumer.groupMetadata();
        const isLate = theirs === generationId &&
          consumer.assignment().some((target) => target.partition === partition);
        if (isLate) this.#late.set(`${process.name}/${partition}`, `${key} went to ${name}`);
      }
    }
  }

  /**
   * A member gives partitions up. To do that after another one got them is right only for a member that the group went on
   * without: such a one loses them. (A generation's number says too little: one that a coordinator died in before it was
   * complete comes again.)
   */
  #giveUp(name: string, partitions: readonly TopicPartition[], how: "revoked" | "lost"): void {
    for (const { partition } of partitions) {
      const late = this.#late.get(`${name}/${partition}`);
      this.#late.delete(`${name}/${partition}`);
      if (late !== undefined && how === "revoked") {
        this.violations.push(`${late} before ${name} gave it up`);
      }
    }
  }
}
