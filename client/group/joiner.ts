import { sleep } from "../../environment/sleep.ts";
import {
  decodeAssignment,
  encodeSubscription,
  type PreviousAssignment,
  type TopicPartitions,
} from "../../protocol/assignors/mod.ts";
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import { backoffMs } from "../backoff.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { cannot } from "../errors.ts";
import { lead, type Leadership } from "./leader.ts";
import type { GroupSettings } from "./options.ts";
import type { Identity, OfferedProtocol, Session } from "./session.ts";

/** What joining came to. */
export interface Joined {
  readonly identity: Identity;
  readonly partitions: readonly TopicPartitions[];
  /** What it subscribed to. */
  readonly topics: readonly string[];
  /** null = another member leads. */
  readonly leadership: Leadership | null;
}

/** What a member joins with. */
export interface JoinRequest {
  readonly topics: readonly string[];
  /** What it owns; nothing under the eager protocol. */
  readonly owned: readonly TopicPartitions[];
  /** What it was given last. */
  readonly previous: PreviousAssignment | null;
  /** For who reads the coordinator's log. */
  readonly reason: string;
}

/** After these it joins again at once, as somebody else. */
const AS_ANOTHER: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "MEMBER_ID_REQUIRED",
  "UNKNOWN_MEMBER_ID",
  "ILLEGAL_GENERATION",
]);

/** Joins a group: the two requests for that, with the leader's work between them, and what is to be done when they fail. */
export class Joiner {
  readonly #cluster: Cluster;
  readonly #settings: GroupSettings;
  readonly #session: Session;
  #failures = 0;

  constructor(cluster: Cluster, settings: GroupSettings, session: Session) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#session = session;
  }

  /**
   * Tries to join once; null when it is to be tried again, after the pause that there was then.
   *
   * @throws {KafkaError} when trying again would not help
   */
  async join(request: JoinRequest): Promise<Joined | null> {
    try {
      const joined = await this.#join(request);
      this.#failures = 0;
      return joined;
    } catch (error) {
      const { groupId } = this.#settings;
      if (!isTransient(error) || this.#cluster.isClosed) {
        throw cannot(`join group ${groupId}`, error);
      }
      if (!AS_ANOTHER.has(error.kind)) await this.#pause(error);
      return null;
    }
  }

  async #join({ topics, owned, previous, reason }: JoinRequest): Promise<Joined> {
    // The generation it has joined, even if it has missed the assignment: others must not take its claim for an old one.
    const { generationId } = this.#session.identity;
    const offered = this.#settings.assignors.map((assignor): OfferedProtocol => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics,
        userData: assignor.userData(previous),
        ownedPartitions: owned,
        generationId,
        rackId: this.#settings.clientRack,
      }),
    }));
    const answer = await this.#session.join(offered, reason);
    const leadership = answer.leader === answer.memberId
      ? await lead(this.#cluster, this.#settings.assignors, answer)
      : null;
    const bytes = await this.#session.sync(leadership?.assignments ?? []);
    const { partitions } = decodeAssignment(bytes);
    return { identity: this.#session.identity, partitions, topics, leadership };
  }

  async #pause(error: KafkaError): Promise<void> {
    const { environment, retryBackoffMs, retryBackoffMaxMs } = this.#cluster.settings;
    const { groupId } = this.#settings;
    environment.log.write("debug", `Cannot join group ${groupId}, trying again`, { error });
    const bounds = { firstMs: retryBackoffMs, maxMs: retryBackoffMaxMs };
    await sleep(environment, backoffMs(bounds, ++this.#failures, environment.random));
  }
}

/** Whether joining again may help. */
function isTransient(error: unknown): error is KafkaError {
  if (!(error instanceof KafkaError)) return false;
  return error.retriable || error.kind === "REBALANCE_IN_PROGRESS" || AS_ANOTHER.has(error.kind);
}
