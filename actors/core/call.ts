import type { Timer } from "../../environment/environment.ts";
import type { HandlerContext } from "./message.ts";

/** Whoever waits for the answer to a call. */
export interface Asker {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** One message on its way, and how it is answered: it settles once, whoever settles it. */
export class Call implements HandlerContext<unknown> {
  #settled = false;
  /** Fires when the answer comes too late. */
  deadline: Timer | null = null;
  /** The neighbours among the open calls: kept by {@linkcode OpenCalls}. */
  before: Call | null = null;
  after: Call | null = null;

  constructor(
    readonly kind: string,
    readonly payload: unknown,
    private readonly open: OpenCalls,
    private readonly asker: Asker | null = null,
  ) {}

  reply(value: unknown): void {
    if (this.#settle()) this.asker?.resolve(value);
  }

  fail(error: Error): void {
    if (this.#settle()) this.asker?.reject(error);
  }

  get settled(): boolean {
    return this.#settled;
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.deadline?.cancel();
    this.open.remove(this);
    return true;
  }
}

/**
 * The calls that an actor took from its mailbox and has not answered, in that order.
 *
 * A list through the calls themselves: a broker opens and settles a hundred thousand a second, and a set that has to hash
 * each was seen in its profile.
 */
export class OpenCalls {
  #last: Call | null = null;

  add(call: Call): void {
    call.before = this.#last;
    if (this.#last) this.#last.after = call;
    this.#last = call;
  }

  /** Does nothing to a call that is not in the list: one that settled while it waited in the mailbox. */
  remove(call: Call): void {
    if (call.before) call.before.after = call.after;
    if (call.after) call.after.before = call.before;
    else if (this.#last === call) this.#last = call.before;
    call.before = call.after = null;
  }

  /** Fails all of them, oldest first. */
  failAll(error: Error): void {
    const calls: Call[] = [];
    for (let call = this.#last; call !== null; call = call.before) calls.push(call);
    for (const call of calls.reverse()) call.fail(error);
  }
}
