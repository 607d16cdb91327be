import { asError, throwIfError } from "../errors.ts";
import { METADATA } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";

/** The topics that a consumer wants to read. */
export interface Subscription {
  /** Their names now, in order; null while they are not known yet. Looks for new ones in the background when that is due. */
  topics(): readonly string[] | null;
}

/** These topics, whether they exist or not. */
export function namedTopics(names: Iterable<string>): Subscription {
  const sorted = [...new Set(names)].sort();
  return { topics: () => sorted };
}

/** All topics whose names match, but for internal ones; looked for again every `metadataMaxAgeMs`. */
export class TopicPattern implements Subscription {
  readonly #cluster: Cluster;
  readonly #pattern: RegExp;
  readonly #onChange: () => void;
  #topics: readonly string[] | null = null;
  #askAgainAtMs = -Infinity;

  constructor(cluster: Cluster, pattern: RegExp, onChange: () => void) {
    this.#cluster = cluster;
    // With these flags a RegExp remembers where it was.
    this.#pattern = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
    this.#onChange = onChange;
  }

  topics(): readonly string[] | null {
    const { environment, metadataMaxAgeMs } = this.#cluster.settings;
    const nowMs = environment.clock.monotonicMs();
    if (nowMs >= this.#askAgainAtMs) {
      this.#askAgainAtMs = nowMs + metadataMaxAgeMs;
      this.#ask();
    }
    return this.#topics;
  }

  async #ask(): Promise<void> {
    const { environment } = this.#cluster.settings;
    try {
      this.#topics = await this.#cluster.retry("list topics", () => this.#matching());
      this.#onChange();
    } catch (error) {
      environment.log.write("warn", "Cannot look for topics", { error: asError(error).message });
    }
  }

  async #matching(): Promise<string[]> {
    const question = { topics: null, allowAutoTopicCreation: false };
    const { errorCode, topics } = await this.#cluster.requestAny(METADATA, question);
    throwIfError(errorCode);
    return topics
      .filter(({ errorCode, isInternal }) => errorCode === 0 && !isInternal)
      .flatMap(({ name }) => name !== null && this.#pattern.test(name) ? [name] : [])
      .sort();
  }
}
