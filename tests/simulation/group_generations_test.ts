/** Whom a group went on without: what the scenarios of groups go by when they look for partitions with two owners. */
import { assertEquals } from "@std/assert";
import { GroupGenerations, type GroupStep } from "./group_generations.ts";

const UUID = "00000000-0000-0000-0000-00000000000";
const ANNE = `anne-${UUID}1`;
const BERT = `bert-${UUID}1`;
const CLEO = `cleo-${UUID}1`;
const CLEO_AGAIN = `cleo-${UUID}2`;

type State = GroupStep["from"];

/** A group to which things happen, beginning with generation 1 of Anne, Bert and Cleo. */
class Told {
  readonly generations = new GroupGenerations();
  #state: State = "Empty";
  #generation = 0;

  constructor() {
    this.rebalance([ANNE, BERT, CLEO]);
  }

  step(event: GroupStep["event"], to: State, member: string | null = null): this {
    this.generations.follow({
      event,
      from: this.#state,
      to,
      generation: this.#generation,
      member,
    });
    this.#state = to;
    return this;
  }

  /** These join, and the group is in its next generation, without an assignment. */
  join(members: readonly string[]): this {
    for (const member of members) this.step("rejoin", "PreparingRebalance", member);
    this.#generation++;
    return this.step("joinTimeout", "CompletingRebalance");
  }

  rebalance(members: readonly string[]): this {
    return this.join(members).step("sync", "Stable", members[0]);
  }

  /** Its coordinator dies, and its successor knows the last generation that had an assignment. */
  dieInGeneration(generation: number): this {
    this.#generation = generation;
    this.#state = "Stable";
    return this;
  }

  wentOnWithout(memberId: string, generation: number, upTo = this.#generation): boolean {
    return this.generations.wentOnWithout({ memberId, generation }, upTo);
  }
}

Deno.test("Group went on without a member that has not joined its next generation", () => {
  const told = new Told().rebalance([ANNE, BERT]);
  assertEquals([ANNE, BERT, CLEO].map((id) => told.wentOnWithout(id, 1)), [false, false, true]);
});

Deno.test("Group went on without a member that missed a generation, though it has joined again since", () => {
  const told = new Told().rebalance([ANNE, BERT]).rebalance([ANNE, BERT, CLEO]);
  assertEquals([told.wentOnWithout(CLEO, 1), told.wentOnWithout(CLEO, 3)], [true, false]);
});

Deno.test("Group did not go on without a member before the generation that is asked for", () => {
  const told = new Told().rebalance([ANNE, BERT]);
  assertEquals(told.wentOnWithout(CLEO, 1, 1), false);
});

Deno.test("Generation that comes again after a coordinator's death counts as it was the second time", () => {
  const told = new Told().join([ANNE, BERT, CLEO]).dieInGeneration(1).rebalance([ANNE, BERT]);
  assertEquals([told.wentOnWithout(BERT, 1), told.wentOnWithout(CLEO, 1)], [false, true]);
});

Deno.test("Group went on without everybody when it was empty in between", () => {
  const told = new Told().step("remove", "PreparingRebalance", ANNE).step("remove", "Empty", BERT);
  told.generations.follow({
    event: "remove",
    from: "Stable",
    to: "Empty",
    generation: 2,
    member: null,
  });
  assertEquals(told.wentOnWithout(ANNE, 1, 2), true);
});

Deno.test("Static member that is back without a rebalance has the place, not the process before it", () => {
  const told = new Told().step("replace", "Stable", CLEO_AGAIN);
  assertEquals([told.wentOnWithout(CLEO, 1), told.wentOnWithout(CLEO_AGAIN, 1)], [true, false]);
});

Deno.test("Static member that is back in the join phase drives out the one that has joined before it", () => {
  const told = new Told().step("rejoin", "PreparingRebalance", CLEO).join([CLEO_AGAIN, ANNE]);
  assertEquals(told.wentOnWithout(CLEO_AGAIN, 2), false);
  const again = new Told().step("rejoin", "PreparingRebalance", CLEO)
    .step("replace", "PreparingRebalance", CLEO_AGAIN).join([ANNE]);
  assertEquals([CLEO, CLEO_AGAIN].map((id) => again.wentOnWithout(id, 1)), [true, true]);
});

Deno.test("Group went on without a member that was removed while the others joined", () => {
  const told = new Told().step("rejoin", "PreparingRebalance", BERT)
    .step("remove", "PreparingRebalance", BERT).join([ANNE, CLEO]);
  assertEquals(told.wentOnWithout(BERT, 1), true);
});
