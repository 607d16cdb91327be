import { KafkaError } from "../../protocol/errors.ts";
import type { AnyMessage, Behavior, HandlerContext } from "../core/message.ts";
import { PARKED } from "../core/message.ts";
import type { DecisionLog } from "./decision_log.ts";

/**
 * A coordinator that answers only what is durable: answers and refusals alike wait for everything that was decided before
 * them, so that nobody is told of a state that a crash would take back.
 *
 * @param exempt kinds of message that are answered at once
 */
export function durableAnswers<M extends AnyMessage>(
  log: Pick<DecisionLog, "quiet" | "whenDurable">,
  behavior: Behavior<M>,
  exempt: ReadonlySet<M["kind"]>,
): Behavior<M> {
  type Handler = Behavior<M>[M["kind"]];
  const wait = (handler: Handler): Handler => (payload, context) => {
    const later: HandlerContext<unknown> = {
      reply: (value) => log.whenDurable(() => context.reply(value)),
      fail: (error) => log.whenDurable(() => context.fail(error)),
    };
    try {
      const handled: unknown = handler(payload, later);
      if (handled !== PARKED) later.reply(handled);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      later.fail(error);
    }
    return PARKED;
  };
  return Object.fromEntries(
    (Object.entries(behavior) as [M["kind"], Handler][]).map(([kind, handler]) => [
      kind,
      exempt.has(kind) ? handler : wait(handler),
    ]),
  ) as Behavior<M>;
}
