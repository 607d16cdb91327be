import type { ActorRef } from "../core/message.ts";
import type { ControllerMessage } from "./messages.ts";

/**
 * Hands out producer ids that nobody ever had before: from blocks that the controller gives, each used by one process
 * only. What is left of a block when the process ends is never used.
 */
export class ProducerIds {
  #next = 0n;
  #end = 0n;
  #asking: Promise<void> | null = null;

  constructor(private readonly controller: Pick<ActorRef<ControllerMessage>, "ask">) {}

  /**
   * The next producer id; at once while the block lasts.
   *
   * @throws KafkaError what the controller refused a new block with
   */
  async next(): Promise<bigint> {
    while (this.#next === this.#end) {
      this.#asking ??= this.#renew().finally(() => this.#asking = null);
      await this.#asking;
    }
    return this.#next++;
  }

  async #renew(): Promise<void> {
    const { first, count } = await this.controller.ask("allocateProducerIds", {});
    this.#next = first;
    this.#end = first + BigInt(count);
  }
}
