import type { Timer } from "../../environment/environment.ts";
import { KafkaError } from "../../protocol/errors.ts";
import { asError, isRetriable } from "../errors.ts";
import type { ClientSettings } from "../options.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import type { GroupSettings } from "./options.ts";
import type { Session } from "./session.ts";

/** What heartbeats work with. */
export interface HeartbeatsParts {
  readonly client: ClientSettings;
  readonly settings: GroupSettings;
  readonly session: Session;
  readonly coordinator: Coordinator;
  /** When the consumer was polled last, by the monotonic clock. */
  readonly polledAtMs: () => number;
  /** Called when the member is to join again, and when it cannot. */
  readonly onTrouble: (error: Error) => void;
}

/**
 * Tells the coordinator at intervals that the member is alive, whatever the consumer is busy with; but not for ever: a
 * consumer that is not polled for `maxPollIntervalMs` leaves its partitions to others (KIP-62).
 */
export class Heartbeats {
  readonly #parts: HeartbeatsParts;
  #timer: Timer | null = null;
  /** Raised with each start and stop: what was asked before is no news. */
  #round = 0;
  #answeredAtMs = 0;

  constructor(parts: HeartbeatsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.stop();
    this.#answeredAtMs = this.#nowMs();
    this.#next(this.#round, this.#parts.settings.heartbeatIntervalMs);
  }

  stop(): void {
    this.#round++;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #nowMs(): number {
    return this.#parts.client.environment.clock.monotonicMs();
  }

  #next(round: number, delayMs: number): void {
    this.#timer = this.#parts.client.environment.timers.schedule(delayMs, () => this.#beat(round));
  }

  async #beat(round: number): Promise<void> {
    const { client, settings, session, coordinator, polledAtMs, onTrouble } = this.#parts;
    if (this.#nowMs() - polledAtMs() > settings.maxPollIntervalMs) {
      this.stop();
      const reason = `no poll for ${settings.maxPollIntervalMs} ms`;
      client.environment.log.write("warn", `Left group ${settings.groupId}: ${reason}`);
      session.leave(reason).catch(() => {}); // the session times out then
      onTrouble(new KafkaError("UNKNOWN_MEMBER_ID", `Left the group: ${reason}`));
      return;
    }
    let delayMs = settings.heartbeatIntervalMs;
    try {
      await session.heartbeat();
      this.#answeredAtMs = this.#nowMs();
    } catch (error) {
      if (round !== this.#round) return;
      if (isRetriable(error)) delayMs = Math.min(delayMs, client.retryBackoffMs);
      else onTrouble(asError(error));
    }
    if (round !== this.#round) return;
    if (this.#nowMs() - this.#answeredAtMs > settings.sessionTimeoutMs) coordinator.forget();
    this.#next(round, delayMs);
  }
}
