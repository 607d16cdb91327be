/**
 * The real coordinator against the model of a group, in virtual time: with two clients in every way in which states can
 * follow one another, with three at random. After each step, all that was answered since, what waits still, the state that
 * DescribeGroups tells and what heartbeats are answered are to be what the model says.
 */
import { assert, assertEquals } from "@std/assert";
import { fromTransition } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import {
  type GroupMessage,
  type Joined,
  MemberIdRequired,
  type Synced,
} from "../../../actors/group/messages.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { macrotask } from "../../../testing/simulation/macrotask.ts";
import { Random } from "../../../testing/mod.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnGroupCoordinator } from "../coordinator/spawn_coordinator.ts";
import {
  exists,
  follow,
  heartbeatError,
  INVITED,
  type Model,
  type ModelEvent,
  type Name,
  NAMES,
  outline,
  possibleEvents,
  STATIC,
  UNHEARD_OF,
} from "./group_model.ts";

const GATHERING_MS = 3000;
const REBALANCE_TIMEOUT_MS = 2 * GATHERING_MS;
/** Sessions are not what is tried here. */
const SESSION_TIMEOUT_MS = 1_800_000;

/** A group on the real coordinator, with clients that do what the events say. */
class RealGroup {
  readonly #environment = new ManualEnvironment();
  readonly #partition = new MemoryPartition(this.#environment);
  readonly #ids = new Map<Name, string>();
  readonly #generations = new Map<Name, number>();
  /** Whom the leader is told of, by their names. */
  readonly #led = new Map<Name, readonly string[]>();
  #coordinator: ActorRef<GroupMessage> = this.#spawn();
  #answers: string[] = [];
  waiting = 0;

  /** What was answered since this was asked last. */
  takeAnswers(): string[] {
    return this.#answers.splice(0).sort();
  }

  /** Does what an event says, in the state that the model is in. */
  async take(event: ModelEvent, model: Model): Promise<void> {
    switch (event.type) {
      case "join":
        this.#join(event.who, event.changed, isKnown(model, event.who));
        break;
      case "return":
        this.#join(event.who, false, false);
        break;
      case "sync":
        this.#sync(event.who);
        break;
      case "leave":
        this.#leave(event.who);
        break;
      case "wait":
        await this.#environment.advance(model.gathering ? GATHERING_MS : REBALANCE_TIMEOUT_MS);
        break;
      case "restart":
        this.#coordinator.stop();
        await macrotask();
        this.#coordinator = this.#spawn();
        break;
      case "delete":
        this.#answer(this.#coordinator.ask("delete", { groupId: "g" }), "delete", () => "well");
    }
    await this.#environment.advance(0);
  }

  async heartbeatError(who: Name): Promise<string | null> {
    try {
      await this.#coordinator.ask("heartbeat", {
        groupId: "g",
        generation: this.#generations.get(who) ?? -1,
        memberId: this.#ids.get(who)!,
        instanceId: who === STATIC ? who : null,
      });
      return null;
    } catch (error) {
      return kindOf(error);
    }
  }

  describe() {
    return this.#coordinator.ask("describe", { groupId: "g" });
  }

  #spawn(): ActorRef<GroupMessage> {
    return spawnGroupCoordinator(
      { environment: this.#environment, partition: this.#partition },
      { "group.initial.rebalance.delay.ms": `${GATHERING_MS}` },
    );
  }

  #join(who: Name, changed: boolean, asKnown: boolean): void {
    const joined = this.#coordinator.ask("join", {
      groupId: "g",
      memberId: asKnown ? this.#ids.get(who)! : "",
      instanceId: who === STATIC ? who : null,
      clientId: who,
      clientHost: "/h",
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: Uint8Array.of(0, Number(changed)) }],
      reason: null,
      needsKnownMember: who === INVITED,
      canSkipAssignment: true,
    });
    this.#answer(
      joined.catch((error) => {
        if (error instanceof MemberIdRequired) {
          this.#ids.set(who, error.memberId);
          this.#generations.delete(who);
        }
        throw error;
      }),
      `${who} join`,
      (answer) => this.#joined(who, answer),
    );
  }

  #joined(who: Name, { memberId, generation, leader, members, skipAssignment }: Joined): string {
    this.#ids.set(who, memberId);
    this.#generations.set(who, generation);
    this.#led.set(who, members.map(({ memberId }) => memberId));
    const led = memberId === leader ? ` of ${members.map(({ memberId }) => nameOf(memberId))}` : "";
    const more = skipAssignment ? ", as it is" : "";
    return `generation ${generation}${led}, ${nameOf(leader)} leads${more}`;
  }

  #sync(who: Name): void {
    const generation = this.#generations.get(who)!;
    const synced = this.#coordinator.ask("sync", {
      groupId: "g",
      memberId: this.#ids.get(who)!,
      instanceId: who === STATIC ? who : null,
      generation,
      protocolType: "consumer",
      protocolName: "range",
      assignments: (this.#led.get(who) ?? []).map((memberId) => ({
        memberId,
        assignment: encoder.encode(`what generation ${generation} has for ${nameOf(memberId)}`),
      })),
    });
    this.#answer(synced, `${who} sync`, ({ assignment }: Synced) => decoder.decode(assignment));
  }

  #leave(names: readonly Name[]): void {
    const left = this.#coordinator.ask("leave", {
      groupId: "g",
      members: names.map((who) => ({
        memberId: this.#ids.get(who)!,
        instanceId: who === STATIC ? who : null,
        reason: null,
      })),
    });
    names.forEach((who, index) =>
      this.#answer(left, `${who} leave`, (outcomes) => outcomes[index] ?? "well")
    );
  }

  #answer<T>(asked: Promise<T>, what: string, text: (answer: T) => string): void {
    this.waiting++;
    asked.then(text, kindOf).then((told) => {
      this.waiting--;
      this.#answers.push(`${what}: ${told}`);
    });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Ids begin with the name of the client, or of the instance: Kafka's `ClassicGroup.generateMemberId`. */
function nameOf(memberId: string): string {
  return memberId.split("-")[0];
}

function isKnown({ members, invited, clients }: Model, who: Name): boolean {
  if (who === INVITED && invited) return true;
  return clients[who].id > 0 && members.some(({ name }) => name === who);
}

function kindOf(error: unknown): string {
  if (error instanceof KafkaError) return error.kind;
  throw error;
}

/** The model and the real group side by side. */
class Walk {
  model = UNHEARD_OF;
  readonly #real = new RealGroup();
  readonly #steps: ModelEvent[] = [];

  async step(event: ModelEvent): Promise<void> {
    this.#steps.push(event);
    const { model, answers } = follow(this.model, event);
    await this.#real.take(event, this.model);
    this.model = model;
    const expected = {
      answers: answers.toSorted(),
      waiting: model.members.reduce(
        (sum, { joining, syncing }) => sum + Number(joining) + Number(syncing),
        0,
      ),
      group: exists(model) ? [model.state, model.members.map(({ name }) => name)] : null,
    };
    const group = await this.#real.describe();
    const actual = {
      answers: this.#real.takeAnswers(),
      waiting: this.#real.waiting,
      group: group && [group.state, group.members.map(({ memberId }) => nameOf(memberId))],
    };
    assertEquals(actual, expected, this.#way());
    for (const who of NAMES.filter((who) => model.clients[who].id > 0)) {
      const error = await this.#real.heartbeatError(who);
      assertEquals(error, heartbeatError(model, who), `heartbeat of ${who} ${this.#way()}`);
    }
  }

  #way(): string {
    const last = this.#steps.slice(-25).map((event) => JSON.stringify(event)).join("\n  ");
    return `after ${this.#steps.length} steps, the last of them\n  ${last}\nin ${
      JSON.stringify(this.model, null, 1)
    }`;
  }
}

/** By the outline of each state that can be reached: all that these clients can do there, and where that leads. */
type Graph = ReadonlyMap<string, readonly { readonly event: ModelEvent; readonly there: string }[]>;

function graphOf(names: readonly Name[]): Graph {
  const logic = fromTransition(
    (model: Model, event: ModelEvent) => follow(model, event).model,
    UNHEARD_OF,
  );
  const map = getAdjacencyMap(logic, {
    events: ({ context }) => possibleEvents(context, names),
    serializeState: ({ context }) => outline(context),
    limit: 1_000_000,
  });
  return new Map(
    Object.values(map).map(({ state: { context } }) => [
      outline(context),
      possibleEvents(context, names).map((event) => ({
        event,
        there: outline(follow(context, event).model),
      })),
    ]),
  );
}

/** The way to the nearest state in which something has not been tried yet; null if there is none. */
function wayToNews(
  graph: Graph,
  from: string,
  open: ReadonlyMap<string, unknown>,
): ModelEvent[] | null {
  const ways = new Map<string, ModelEvent[]>([[from, []]]);
  for (const [here, way] of ways) {
    if (open.has(here)) return way;
    for (const { event, there } of graph.get(here) ?? []) {
      if (!ways.has(there)) ways.set(there, [...way, event]);
    }
  }
  return null;
}

/** How often a way may lead elsewhere than the outlines of states say, which leave out how far generations have got. */
const DETOURS_MAX = 200;

for (const names of [["ann", "cy"], ["ann", "bob"]] as const) {
  Deno.test(`Group of ${names.join(" and ")} does what the model says, whatever happens in whichever state`, async () => {
    const graph = graphOf(names);
    const open = new Map(
      [...graph].map(([here, steps]) => [here, steps.map(({ event }) => event)]),
    );
    let walk = new Walk();
    for (let detours = 0; open.size > 0 && detours < DETOURS_MAX;) {
      const here = outline(walk.model);
      const event = open.get(here)?.pop();
      if (event !== undefined) {
        if (open.get(here)!.length === 0) open.delete(here);
        await walk.step(event);
        continue;
      }
      let way = wayToNews(graph, here, open);
      if (way === null) {
        // Some states come only before others: that a client was never given an id, for one.
        walk = new Walk();
        way = wayToNews(graph, outline(UNHEARD_OF), open)!;
      }
      for (const event of way) {
        // Where generations matter the event may not be possible.
        const isPossible = possibleEvents(walk.model, names)
          .some((other) => JSON.stringify(other) === JSON.stringify(event));
        if (isPossible) await walk.step(event);
      }
      if (!open.has(outline(walk.model))) {
        detours++;
        walk = new Walk();
      }
    }
    const done = 1 - open.size / graph.size;
    assert(
      graph.size > 500 && done > 0.97,
      `${open.size} of ${graph.size} states were not reached`,
    );
  });
}

const WALKS = 10;
const STEPS = 250;

for (let seed = 0; seed < WALKS; seed++) {
  Deno.test(`Group of three clients does what the model says on a walk at random (${seed})`, async () => {
    const random = new Random(`group model/${seed}`);
    const walk = new Walk();
    for (let n = 0; n < STEPS; n++) {
      await walk.step(random.pick(possibleEvents(walk.model, NAMES)));
    }
  });
}
