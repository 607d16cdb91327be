/**
 * Requests that name very many items. Each takes microseconds, but there may be a million of them, and everybody else
 * waits for what is done in one turn of the event loop.
 *
 * @module
 */
import type { Timers } from "../environment/environment.ts";

/** Items that are worked on in one turn: a millisecond or a few. Hardly any real request has more. */
export const TURN_ITEMS = 1000;

/** Counts the items of one request, and lets others have a turn between them. */
export class ItemTurns {
  #left = TURN_ITEMS;

  constructor(private readonly timers: Timers) {}

  /** Counts one item: undefined when it may be worked on now, or else what it has to wait for. */
  next(): Promise<void> | undefined {
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    this.#left = TURN_ITEMS - 1;
    return new Promise((resolve) => void this.timers.schedule(0, resolve));
  }
}

/** Answers all items of a request, as {@linkcode answerPartitions} does. `answer` may neither throw nor reject. */
export async function answerItems<Item, Answer>(
  items: readonly Item[],
  timers: Timers,
  answer: (item: Item) => Answer | Promise<Answer>,
): Promise<Answer[]> {
  const steps = { partitions: () => items, topic: () => answer };
  const [answers] = await answerPartitions([items], timers, steps);
  return answers;
}

/** How the partitions of a request are answered. */
export interface PartitionSteps<Topic, Partition, Answer> {
  partitions(topic: Topic): readonly Partition[];
  /** Looks at a topic, once; what it returns answers one of its partitions. Neither may throw or reject. */
  topic(topic: Topic): (partition: Partition) => Answer | Promise<Answer>;
}

/**
 * Answers all partitions of all topics, in order, and as soon as all are begun waits for what is under way. Up to
 * {@linkcode TURN_ITEMS} are begun before this returns.
 *
 * @returns the answers of each topic
 */
export async function answerPartitions<Topic, Partition, Answer>(
  topics: readonly Topic[],
  timers: Timers,
  steps: PartitionSteps<Topic, Partition, Answer>,
): Promise<Answer[][]> {
  const turns = new ItemTurns(timers);
  const begun: (Answer | Promise<Answer>)[][] = [];
  for (const topic of topics) {
    const turn = turns.next();
    if (turn) await turn;
    const answer = steps.topic(topic);
    const answers: (Answer | Promise<Answer>)[] = [];
    begun.push(answers);
    for (const partition of steps.partitions(topic)) {
      const turn = turns.next();
      if (turn) await turn;
      answers.push(answer(partition));
    }
  }
  return Promise.all(begun.map((answers) => Promise.all(answers)));
}
