/**
 * The transaction machine as the model of the coordinator: every state that the machine comes to, and every event in it,
 * is tried on the real coordinator, which must answer and stand as the machine says, also when it is started again.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { getShortestPaths } from "xstate/graph";
import type { ActorRef } from "../../../actors/core/message.ts";
import type { TransactionMessage } from "../../../actors/transaction/messages.ts";
import {
  nextState,
  resumedState,
  type TransactionAction,
  type TransactionEvent,
  transactionMachine,
  type TransactionState,
} from "../../../actors/transaction/transaction_machine.ts";
import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnTransactionCoordinator } from "../coordinator/spawn_coordinator.ts";

const TIMEOUT_MS = 900_000;
const EXPIRATION_MS = 100_000;
const CHECK_MS = 50_000;
const EPOCH_MAX = 2;
const PRODUCER_ID = 100n;

const REFUSALS: Readonly<Partial<Record<TransactionAction, ErrorName>>> = {
  refuseConcurrent: "CONCURRENT_TRANSACTIONS",
  refuseFenced: "PRODUCER_FENCED",
  refuseState: "INVALID_TXN_STATE",
};

const INITS: readonly TransactionEvent[] = [
  { type: "init", known: false, retry: false },
  { type: "init", known: true, retry: false },
  { type: "init", known: true, retry: true },
];
const ENDS: readonly TransactionEvent[] = [true, false].flatMap((commit) => [
  { type: "end", commit, bumps: false, retry: false },
  { type: "end", commit, bumps: true, retry: false },
  { type: "end", commit, bumps: true, retry: true },
]);
const EVENTS: readonly TransactionEvent[] = [
  ...INITS,
  { type: "add", news: true },
  { type: "add", news: false },
  ...ENDS,
  { type: "timeout" },
  { type: "markersWritten" },
  { type: "expire" },
];

/** What can happen, in every state in which a coordinator can be found. */
const POSSIBLE: readonly string[] = [
  ...["Empty", "CompleteCommit", "CompleteAbort"].flatMap((state) =>
    ["init", "add", "end", "expire"].map((type) => `${state} ${type}`)
  ),
  ...["init", "add", "end", "timeout", "expire"].map((type) => `Ongoing ${type}`),
  ...["PrepareCommit", "PrepareAbort"].flatMap((state) =>
    ["init", "add", "end", "timeout", "markersWritten", "expire"].map((type) => `${state} ${type}`)
  ),
];

/** Whether an event can happen to a real coordinator in a state. */
function canHappen(event: TransactionEvent, { value, context }: TransactionState): boolean {
  if (value === "Dead") return false;
  // Before its first producer there is no such id.
  if (context.epoch < 0) return event.type === "init" && !event.known;
  if ("retry" in event && event.retry && context.lastEpoch < 0) return false;
  switch (event.type) {
    case "add":
      return event.news || value === "Ongoing";
    case "timeout":
      return value === "Ongoing" || isEnding(value);
    case "markersWritten":
      return isEnding(value);
    default:
      return true;
  }
}

function isEnding(value: TransactionState["value"]): boolean {
  return value === "PrepareCommit" || value === "PrepareAbort";
}

/** The real coordinator, with partitions that hear of the ends of transactions when they are told to. */
class RealCoordinator {
  readonly environment = new ManualEnvironment();
  readonly #partition = new MemoryPartition(this.environment);
  #ref: ActorRef<TransactionMessage> = this.#start();
  #unheard: (() => void)[] = [];
  #partitions = 0;

  /** Lets an event happen. Returns what was refused. */
  async send(event: TransactionEvent, state: TransactionState): Promise<ErrorName | null> {
    const asked = this.#carryOut(event, state);
    const refusal = asked.then(() => null, (error) => {
      if (error instanceof KafkaError) return error.kind;
      throw error;
    });
    await this.environment.advance(1);
    return await refusal;
  }

  /** What is told of the id. */
  async describe(): Promise<readonly [state: string, epoch: number] | null> {
    const told = await this.#ref.ask("describe", { transactionalId: "tx" });
    return told && [told.state, told.epoch];
  }

  /** As after a crash. */
  async restart(): Promise<void> {
    this.#ref.stop();
    this.#unheard = [];
    this.#ref = this.#start();
    await this.environment.advance(1);
  }

  stop(): void {
    this.#ref.stop();
  }

  async #carryOut(event: TransactionEvent, { context }: TransactionState): Promise<unknown> {
    const retry = "retry" in event && event.retry;
    const producerId = PRODUCER_ID;
    const identity = { producerId, epoch: retry ? context.lastEpoch : context.epoch };
    switch (event.type) {
      case "init":
        return await this.#ref.ask("init", {
          transactionalId: "tx",
          timeoutMs: TIMEOUT_MS,
          expected: event.known ? identity : null,
        });
      case "add": {
        if (event.news) this.#partitions++;
        const partitions = [{ topic: "t", partition: this.#partitions }];
        return await this.#ref.ask("add", { transactionalId: "tx", ...identity, partitions });
      }
      case "end": {
        const { commit, bumps } = event;
        return await this.#ref.ask("end", { transactionalId: "tx", ...identity, commit, bumps });
      }
      case "timeout":
        return await this.environment.advance(TIMEOUT_MS + CHECK_MS);
      case "expire":
        return await this.environment.advance(EXPIRATION_MS + CHECK_MS);
      case "markersWritten":
        for (const hear of this.#unheard.splice(0)) hear();
    }
  }

  #start(): ActorRef<TransactionMessage> {
    const world = { environment: this.environment, partition: this.#partition };
    const settings = {
      "transaction.max.timeout.ms": `${TIMEOUT_MS}`,
      "transactional.id.expiration.ms": `${EXPIRATION_MS}`,
      "transaction.abort.timed.out.transaction.cleanup.interval.ms": `${CHECK_MS}`,
      "transaction.remove.expired.transaction.cleanup.interval.ms": `${CHECK_MS}`,
    };
    return spawnTransactionCoordinator(world, settings, {
      nextProducerId: () => Promise.resolve(PRODUCER_ID),
      tell: () => new Promise((heard) => this.#unheard.push(heard)),
    });
  }
}

/** The machine, and what it does not know itself: whether anybody has to hear of an end. */
class Model {
  state: TransactionState = resumedState("Empty", { epoch: -1, lastEpoch: -1, rotating: false });
  #takesPart = false;

  /** Returns what is refused. */
  send(event: TransactionEvent): ErrorName | null {
    const [next, actions] = nextState(this.state, event);
    this.state = next;
    if (actions.includes("addPartitions")) this.#takesPart = true;
    if (actions.includes("clearPartitions") || actions.includes("setTimeout")) {
      this.#takesPart = false;
    }
    const [refusal = null] = actions.flatMap((action) => REFUSALS[action] ?? []);
    // Where no partition takes part, all of them have heard at once.
    if (isEnding(next.value) && !this.#takesPart) this.send({ type: "markersWritten" });
    return refusal;
  }

  describe(): readonly [state: string, epoch: number] | null {
    const { value, context } = this.state;
    return value === "Dead" || context.epoch < 0 ? null : [value, context.epoch];
  }
}

/** Plays events on both, compares after each, and then starts the coordinator again. False = it cannot happen. */
async function play(events: readonly TransactionEvent[]): Promise<boolean> {
  const model = new Model();
  const real = new RealCoordinator();
  try {
    for (const [at, event] of events.entries()) {
      if (!canHappen(event, model.state)) return false;
      const told = JSON.stringify(events.slice(0, at + 1));
      const refused = await real.send(event, model.state);
      assertEquals(refused, model.send(event), told);
      assertEquals(await real.describe(), model.describe(), told);
    }
    await real.restart();
    assertEquals(await real.describe(), model.describe(), `${JSON.stringify(events)}, restarted`);
    return true;
  } finally {
    real.stop();
  }
}

Deno.test("Transaction coordinator answers and stands as its machine says, in every state and after every event", async () => {
  const paths = getShortestPaths(transactionMachine, {
    events: (state) => EVENTS.filter((event) => canHappen(event, state)),
    stopWhen: ({ context }) => context.epoch >= EPOCH_MAX,
    serializeState: ({ value, context }) => JSON.stringify([value, context]),
    limit: 50_000,
  });
  let played = 0;
  const tried = new Set<string>();
  for (const { steps, state } of paths) {
    const before = steps.map(({ event }) => event as TransactionEvent)
      .filter(({ type }) => EVENTS.some((event) => event.type === type));
    for (const event of EVENTS) {
      if (!canHappen(event, state as TransactionState)) continue;
      if (!await play([...before, event])) continue;
      played++;
      tried.add(`${state.value} ${event.type}`);
    }
  }
  assertGreater(played, 200);
  assertEquals([...tried].sort(), POSSIBLE.toSorted());
});
