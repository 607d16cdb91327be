/** Everything that goes wrong in scenarios, at random moments. */
import {
  type Duration,
  QUIET_KV,
  QUIET_NETWORK,
  type Random,
  type Simulation,
} from "../../testing/mod.ts";

/** What chaos tells of. */
export interface ChaosEvents {
  /** The broker crashed, was paused or was taken over. */
  crashed(): void;
}

/** Mean times between two of a kind. */
export type ChaosPace = Readonly<
  Record<"kill" | "replace" | "pause" | "partition" | "diskFull" | "clock", Duration>
>;

const PACE: ChaosPace = {
  kill: "4s",
  replace: "6s",
  pause: "6s",
  partition: "4s",
  diskFull: "8s",
  clock: "5s",
};
const DEATHS = ["closed", "reset", "silent"] as const;

/** Lets everything go wrong that can. */
export class Chaos {
  readonly #ends: (() => void)[];

  constructor(
    private readonly simulation: Simulation,
    private readonly events: ChaosEvents,
    pace: ChaosPace = PACE,
  ) {
    this.#ends = [
      simulation.occasionally("kill", pace.kill, (random) => this.kill(random)),
      simulation.occasionally("replace", pace.replace, (random) => this.#replace(random)),
      simulation.occasionally("pause", pace.pause, (random) => this.#pause(random)),
      simulation.occasionally("partition", pace.partition, (random) => this.#partition(random)),
      simulation.occasionally("disk full", pace.diskFull, (random) => this.#fillDisk(random)),
      simulation.occasionally("clock jump", pace.clock, (random) => this.#moveClock(random)),
    ];
  }

  /** Kills the broker, and starts it again. */
  kill(random: Random): void {
    this.#count("broker killed");
    this.events.crashed();
    this.simulation.broker.restart(random.pick(DEATHS));
  }

  /** From now on nothing more goes wrong; what is wrong is mended. */
  end(): void {
    const { network, kv } = this.simulation;
    for (const end of this.#ends) end();
    network.heal();
    network.faults = QUIET_NETWORK;
    kv.faults = QUIET_KV;
    this.simulation.after("5s", () => kv.diskFull = false); // after whatever was under way
  }

  /** A successor takes over while the broker is paused; then that wakes as a zombie. */
  #replace(random: Random): void {
    this.#count("broker replaced by a successor");
    this.events.crashed();
    const zombie = this.simulation.broker.replace();
    this.simulation.after(random.between([0, 3000]), () => zombie.resume());
    this.simulation.after(random.between([3000, 6000]), () => zombie.kill("reset"));
  }

  #pause(random: Random): void {
    const { process } = this.simulation.broker;
    this.#count("broker paused");
    this.events.crashed();
    process.pause();
    this.simulation.after(random.between([10, 1500]), () => process.resume());
  }

  #partition(random: Random): void {
    const { network, broker } = this.simulation;
    const others = this.simulation.processes().filter((process) => process !== broker.process);
    const other = random.pick(others);
    if (random.chance(0.5)) network.partition(other, broker.process);
    else network.partitionOneWay(broker.process, other);
    this.simulation.after(random.between([10, 3000]), () => network.heal());
  }

  #fillDisk(random: Random): void {
    const { kv } = this.simulation;
    kv.diskFull = true;
    this.simulation.after(random.between([10, 2000]), () => kv.diskFull = false);
  }

  #moveClock(random: Random): void {
    const { clock } = this.simulation.broker.process;
    this.#count("clock jump");
    clock.jump(random.between([-60_000, 60_000]));
    this.#count("clock drift");
    clock.drift(random.between([-500, 500]));
  }

  #count(kind: string): void {
    this.simulation.faults.add(kind);
  }
}
