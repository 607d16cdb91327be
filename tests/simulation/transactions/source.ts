import { sleep } from "../../../environment/sleep.ts";
import { KafkaError } from "../../../client/mod.ts";
import type { SimulatedProcess } from "../../../testing/mod.ts";
import { INPUT, isFatal, Role, TRANSACTION_TIMEOUT_MS, Transactor } from "./stage.ts";

const RECORDS_MAX = 5;

/** Writes the input, in transactions: commits most, aborts some, and falls asleep over a few. */
export class Source extends Role {
  #number = 0;

  protected override async live(process: SimulatedProcess): Promise<void> {
    await using transactor = new Transactor(this.stage, process, this.name);
    await transactor.initialize();
    while (!this.closing) {
      await this.#transact(transactor);
      await sleep(process.environment, transactor.random.exponential(this.stage.pace.pauseMeanMs));
    }
  }

  async #transact(transactor: Transactor): Promise<void> {
    const { random, process } = transactor;
    const transaction = transactor.begin();
    try {
      for (let left = 1 + random.below(RECORDS_MAX); left > 0; left--) {
        transactor.send(transaction, INPUT, `${this.name}.${this.#number++}`);
        if (random.chance(0.3)) await sleep(process.environment, random.exponential(20));
      }
      if (random.chance(0.03)) {
        this.stage.simulation.faults.add("transaction overslept");
        await sleep(process.environment, TRANSACTION_TIMEOUT_MS * 1.5);
      }
      if (random.chance(0.2)) await transactor.abort(transaction);
      else await transactor.commit(transaction);
    } catch (error) {
      if (!(error instanceof KafkaError) || isFatal(error)) throw error;
      await transactor.abort(transaction);
    }
  }
}
