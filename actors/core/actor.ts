/**
 * The actor runtime: a mailbox that is worked off one message at a time.
 *
 * @module
 */
import type { Environment, Timer } from "../../environment/environment.ts";
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import { type Asker, Call, OpenCalls } from "./call.ts";
import {
  type ActorRef,
  type AnyMessage,
  type AskOptions,
  type Behavior,
  type HandlerContext,
  PARKED,
  type PayloadOf,
  type ReplyOf,
  type Self,
} from "./message.ts";
import { Reply } from "./reply.ts";

/** How an actor is made and kept alive. */
export interface ActorOptions<M extends AnyMessage> {
  /** For logs: `partition orders-3`. */
  readonly name: string;
  readonly environment: Environment;
  /** Makes the behaviour, at first and after each crash: from the log, never from memory of before. */
  readonly start: (self: Self) => Behavior<M> | Promise<Behavior<M>>;
  /** Messages that may wait; one more is refused with REQUEST_TIMED_OUT. Default 10 000. */
  readonly mailboxMax?: number;
  /** What callers are told when the actor has crashed or was stopped: a retriable code. */
  readonly unavailable: ErrorName;
  /** Whether messages are refused with this code while the actor starts; they wait if absent. */
  readonly refuseWhileStarting?: ErrorName;
  /** Milliseconds between a crash and the next start. Default 100; doubled per failed start in a row, up to 10 s. */
  readonly restartDelayMs?: number;
}

/** Starts an actor and returns its address. */
export function spawn<M extends AnyMessage>(options: ActorOptions<M>): ActorRef<M> {
  return new Actor(options);
}

const RESTART_DELAY_MAX_MS = 10_000;

class Actor<M extends AnyMessage> implements ActorRef<M> {
  readonly name: string;
  #behavior: Behavior<M> | null = null;
  #mailbox: Call[] = [];
  #mailboxHead = 0;
  #completions: (() => void)[] = [];
  readonly #open = new OpenCalls();
  #running = false;
  /** A handler returned a promise: the mailbox waits for it. */
  #held = false;
  #stopped = false;
  /** Counts lives: what belongs to an earlier one (timers, completions) is void. */
  #life = 0;
  #failedStarts = 0;
  /** What is to happen in this life. */
  readonly #timers = new Set<Timer>();
  readonly #mailboxMax: number;

  constructor(private readonly options: ActorOptions<M>) {
    this.name = options.name;
    this.#mailboxMax = options.mailboxMax ?? 10_000;
    this.#start();
  }

  ask<K extends M["kind"]>(
    kind: K,
    payload: PayloadOf<M, K>,
    ask?: AskOptions,
  ): Promise<ReplyOf<M, K>> {
    const asker = Promise.withResolvers<ReplyOf<M, K>>();
    const call = new Call(kind, payload, this.#open, asker as Asker);
    if (ask?.deadlineMs !== undefined) {
      const late = `${this.name} did not answer "${kind}" in ${ask.deadlineMs} ms`;
      call.deadline = this.options.environment.timers.schedule(
        ask.deadlineMs,
        () => call.fail(new KafkaError("REQUEST_TIMED_OUT", late)),
      );
    }
    this.#receive(call);
    return asker.promise;
  }

  askNow<K extends M["kind"]>(
    kind: K,
    payload: PayloadOf<M, K>,
  ): ReplyOf<M, K> | Promise<ReplyOf<M, K>> {
    const reply = new Reply<ReplyOf<M, K>>();
    this.#receive(new Call(kind, payload, this.#open, reply));
    return reply.now();
  }

  tell<K extends M["kind"]>(kind: K, payload: PayloadOf<M, K>): void {
    this.#receive(new Call(kind, payload, this.#open));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endLife(`${this.name} was stopped`);
    this.#refuseMailbox(`${this.name} was stopped`);
  }

  #receive(call: Call): void {
    const { unavailable, refuseWhileStarting } = this.options;
    if (this.#stopped) {
      call.fail(new KafkaError(unavailable, `${this.name} is not running`));
    } else if (this.#behavior === null && refuseWhileStarting) {
      call.fail(new KafkaError(refuseWhileStarting, `${this.name} is loading`));
    } else if (this.#mailbox.length - this.#mailboxHead >= this.#mailboxMax) {
      const full = `${this.name} has ${this.#mailboxMax} messages waiting`;
      call.fail(new KafkaError("REQUEST_TIMED_OUT", full));
    } else if (this.#isIdle) {
      this.#run(null, call);
    } else {
      this.#mailbox.push(call);
      this.#run();
    }
  }

  /** Whether a message would be taken from the mailbox as soon as it is in it: then it need not go there. */
  get #isIdle(): boolean {
    return !this.#running && !this.#held && this.#behavior !== null &&
      this.#mailboxHead === this.#mailbox.length;
  }

  #start(): void {
    const life = ++this.#life;
    try {
      const behavior = this.options.start(this.#selfOf(life));
      if (behavior instanceof Promise) {
        behavior.then(
          (ready) => this.#ready(life, ready),
          (error) => this.#startFailed(life, error),
        );
      } else {
        this.#ready(life, behavior);
      }
    } catch (error) {
      this.#startFailed(life, error);
    }
  }

  #ready(life: number, behavior: Behavior<M>): void {
    if (life !== this.#life || this.#stopped) return;
    this.#failedStarts = 0;
    this.#behavior = behavior;
    this.#run();
  }

  #startFailed(life: number, error: unknown): void {
    if (life !== this.#life || this.#stopped) return;
    this.#failedStarts++;
    this.options.environment.log.write("error", `${this.name} cannot start`, { error });
    this.#refuseMailbox(
      `${this.name} cannot start: ${error instanceof Error ? error.message : error}`,
    );
    this.#restartLater();
  }

  #restartLater(): void {
    const first = this.options.restartDelayMs ?? 100;
    const delayMs = Math.min(
      first * 2 ** Math.max(0, this.#failedStarts - 1),
      RESTART_DELAY_MAX_MS,
    );
    this.#schedule(delayMs, () => this.#start());
  }

  /** A timer that ends with this life: nothing of a stopped actor is left behind. */
  #schedule(delayMs: number, callback: () => void): Timer {
    const due = this.options.environment.timers.schedule(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.#timers.delete(timer);
        due.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  #selfOf(life: number): Self {
    const enqueue = (completion: () => void) => {
      if (life === this.#life && !this.#stopped) this.#run(completion);
    };
    return {
      name: this.name,
      life,
      enqueue,
      schedule: (delayMs, callback) => {
        if (life !== this.#life || this.#stopped) return { cancel() {} };
        let live = true;
        const timer = this.#schedule(delayMs, () => enqueue(() => live && callback()));
        return {
          cancel: () => {
            live = false;
            timer.cancel();
          },
        };
      },
    };
  }

  /**
   * Works off completions, `completion` last, then messages, until nothing is left or a handler holds the mailbox. `first` is
   * the message that an idle actor begins with.
   */
  #run(completion: (() => void) | null = null, first: Call | null = null): void {
    if (this.#running || this.#behavior === null) {
      if (completion) this.#completions.push(completion);
      return;
    }
    this.#running = true;
    try {
      // Nothing else waits in front of it: a run ends only when all completions are done.
      if (completion) this.#guard(completion);
      if (first) this.#handle(first);
      while (this.#behavior !== null) {
        if (this.#completions.length > 0) {
          const completions = this.#completions;
          this.#completions = [];
          const life = this.#life;
          for (const completion of completions) {
            if (life === this.#life) this.#guard(completion);
          }
        } else if (!this.#held && this.#mailboxHead < this.#mailbox.length) {
          this.#handle(this.#take());
        } else {
          break;
        }
      }
    } finally {
      this.#running = false;
    }
  }

  #take(): Call {
    const call = this.#mailbox[this.#mailboxHead++];
    if (this.#mailboxHead === this.#mailbox.length) {
      this.#mailbox = [];
      this.#mailboxHead = 0;
    } else if (this.#mailboxHead > 1024 && this.#mailboxHead * 2 > this.#mailbox.length) {
      this.#mailbox.splice(0, this.#mailboxHead);
      this.#mailboxHead = 0;
    }
    return call;
  }

  #handle(call: Call): void {
    if (call.settled) return; // its deadline has passed while it waited
    this.#open.add(call);
    try {
      const handler = this.#behavior![call.kind as M["kind"]];
      // deno-lint-ignore no-explicit-any
      const handled: unknown = handler(call.payload as any, call as HandlerContext<any>);
      if (handled === PARKED) return;
      if (handled instanceof Promise) this.#hold(call, handled);
      else call.reply(handled);
    } catch (error) {
      this.#failed(error, call);
    }
  }

  /** The mailbox waits for a handler's promise. */
  #hold(call: Call, handled: Promise<unknown>): void {
    const life = this.#life;
    this.#held = true;
    const release = (settle: () => void) => {
      if (life !== this.#life) return;
      this.#held = false;
      settle();
      this.#run();
    };
    handled.then(
      (value) => release(() => call.reply(value)),
      (error) => release(() => this.#failed(error, call)),
    );
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A KafkaError is the answer to a call; anything else is a crash. */
  #failed(error: unknown, call?: Call): void {
    if (error instanceof KafkaError && call) call.fail(error);
    else this.#crash(error);
  }

  #crash(error: unknown): void {
    if (this.#stopped) return;
    this.options.environment.log.write(
      "error",
      `${this.name} crashed and is restarted from its log`,
      { error },
    );
    this.#endLife(`${this.name} crashed and is being restarted`);
    this.#restartLater();
  }

  #endLife(reason: string): void {
    this.#life++;
    this.#behavior = null;
    this.#held = false;
    this.#completions = [];
    for (const timer of this.#timers) timer.cancel();
    this.#open.failAll(new KafkaError(this.options.unavailable, reason));
  }

  #refuseMailbox(reason: string): void {
    const waiting = this.#mailbox.slice(this.#mailboxHead);
    this.#mailbox = [];
    this.#mailboxHead = 0;
    for (const call of waiting) call.fail(new KafkaError(this.options.unavailable, reason));
  }
}
