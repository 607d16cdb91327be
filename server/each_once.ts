import type { Outcome } from "../actors/controller/messages.ts";
import { KafkaError } from "../protocol/errors.ts";
import { repeated } from "./topics.ts";

/** How the items of an admin request are worked on. */
export interface ItemSteps<Item, Value, Answer> {
  /** What an item is about: two items about the same thing are both refused. */
  name(item: Item): string;
  /** Refuses an item by throwing a KafkaError. */
  check(item: Item): void;
  /** Does the work for the items that are left; outcomes in the same order. */
  perform(items: readonly Item[]): Promise<readonly Outcome<Value>[]>;
  answer(item: Item, value: Value): Answer;
  fail(item: Item, error: KafkaError): Answer;
}

/** Works on the items of an admin request, each with its own outcome. Answers are in the order of the items. */
export async function eachOnce<Item, Value, Answer>(
  items: readonly Item[],
  steps: ItemSteps<Item, Value, Answer>,
): Promise<Answer[]> {
  const twice = repeated(items.map((item) => steps.name(item)));
  const refused = new Map<Item, KafkaError>();
  for (const item of items) {
    try {
      if (twice.has(steps.name(item))) {
        throw new KafkaError("INVALID_REQUEST", `${steps.name(item)} is there more than once.`);
      }
      steps.check(item);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      refused.set(item, error);
    }
  }
  const accepted = items.filter((item) => !refused.has(item));
  const outcomes = accepted.length === 0 ? [] : await steps.perform(accepted);
  const byItem = new Map(accepted.map((item, at) => [item, outcomes[at]]));
  return items.map((item) => {
    const error = refused.get(item);
    if (error) return steps.fail(item, error);
    const outcome = byItem.get(item)!;
    return outcome.ok ? steps.answer(item, outcome.value) : steps.fail(item, outcome.error);
  });
}
