import type { PreviousAssignment, TopicPartitions } from "../../protocol/assignors/mod.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Assignment } from "../consumer/assignment.ts";
import { asError } from "../errors.ts";
import {
  byTopic,
  intersection,
  partitionKey,
  type TopicPartition,
  without,
} from "../topic_partition.ts";
import type { AutoCommit } from "./auto_commit.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import { Heartbeats } from "./heartbeats.ts";
import { type Joined, Joiner } from "./joiner.ts";
import { layoutText, type Leadership } from "./leader.ts";
import type { GroupSettings } from "./options.ts";
import type { RebalanceListener } from "./rebalance_listener.ts";
import type { Identity, Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

/** What a member works with. */
export interface GroupMemberParts {
  readonly settings: GroupSettings;
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly session: Session;
  readonly assignment: Assignment;
  readonly autoCommit: AutoCommit;
  /** Called when there is something to do for {@linkcode GroupMember.advance}. */
  readonly onNews: () => void;
}

/**
 * A consumer as a member of its group: joins, has its partitions assigned, gives them up again.
 *
 * Requests run in the background. What the user notices, partitions that come and go and the listener's calls, happens in
 * {@linkcode advance} alone, which `poll` calls: nothing is taken away while records of it are being worked on.
 * Source: `ConsumerCoordinator`.
 */
export class GroupMember {
  readonly #parts: GroupMemberParts;
  readonly #joiner: Joiner;
  readonly #heartbeats: Heartbeats;
  #subscription: Subscription | null = null;
  #listener: RebalanceListener = {};
  /** Why it is to join; null = it need not. */
  #reason: string | null = null;
  /** Whether everything was given up that is to be before it joins. */
  #isPrepared = false;
  #isJoining = false;
  #joined: Joined | null = null;
  #fatal: Error | null = null;
  /** Who it was when it took over what it owns. */
  #adopted: Identity | null = null;
  /** What it was given last. */
  #previous: PreviousAssignment | null = null;
  /** What it subscribed to when it joined. */
  #joinedTopics: readonly string[] = [];
  #leadership: Leadership | null = null;
  /** The view of the cluster that was compared with {@linkcode #leadership} last. */
  #comparedView: object | null = null;
  #polledAtMs = 0;
  /** What {@linkcode advance} is at; null = nothing. */
  #advancing: Promise<void> | null = null;
  #isInListener = false;

  constructor(parts: GroupMemberParts) {
    const { cluster, settings, session, coordinator } = parts;
    this.#parts = parts;
    this.#joiner = new Joiner(cluster, settings, session);
    this.#heartbeats = new Heartbeats({
      client: cluster.settings,
      settings,
      session,
      coordinator,
      polledAtMs: () => this.#polledAtMs,
      onTrouble: (error) => this.onTrouble(error),
    });
  }

  /** Whether partitions are assigned by the group. */
  get isSubscribed(): boolean {
    return this.#subscription !== null;
  }

  /**
   * Who it is as the owner of its partitions, null before it has any: what is told to others about its work must not look
   * like that of a later generation, or of nobody, when the group has gone on without it.
   */
  get adopted(): Identity | null {
    return this.#adopted;
  }

  /** Whether it waits for the others to join. */
  get isJoining(): boolean {
    return this.#isJoining;
  }

  /** Milliseconds after which {@linkcode advance} is to be called again even if there is no news. */
  get idleMs(): number {
    return this.#parts.settings.heartbeatIntervalMs;
  }

  /** Wants to read other topics from now on. */
  subscribe(subscription: Subscription, listener: RebalanceListener): void {
    this.#subscription = subscription;
    this.#listener = listener;
    this.#reason ??= "the subscription changed";
  }

  /** Joins again although nothing has changed. */
  rejoin(reason: string): void {
    if (this.#subscription !== null) this.#reason ??= reason;
  }

  /** Takes in what the coordinator said to a member: that it is to join again, or is none. */
  onTrouble(error: Error): void {
    if (error instanceof KafkaError && REJOIN.has(error.kind)) this.rejoin(error.message);
    else this.#fatal ??= error;
    this.#parts.onNews();
  }

  /**
   * Does what is to be done now, without waiting for the coordinator but for a commit before partitions go away.
   *
   * @throws {KafkaError} why it cannot be a member, FENCED_INSTANCE_ID for example; what the listener throws
   */
  async advance(): Promise<void> {
    const advancing = this.#advance();
    this.#advancing = advancing.catch(() => {});
    await advancing;
    this.#advancing = null;
  }

  async #advance(): Promise<void> {
    this.#polledAtMs = this.#parts.cluster.settings.environment.clock.monotonicMs();
    if (this.#subscription === null) return;
    if (this.#fatal !== null) this.#throwFatal(this.#fatal);
    if (this.#joined !== null) await this.#adopt(this.#joined);
    this.#watchTopics(this.#subscription);
    if (this.#reason === null || this.#isJoining) return;
    const topics = this.#subscription.topics();
    if (topics === null) return;
    if (!this.#isPrepared || this.#isLost) await this.#prepare(topics);
    this.#join(topics, this.#reason);
  }

  /** Gives everything up and leaves the group. */
  async leave(reason: string): Promise<void> {
    if (this.#subscription === null) return;
    this.#subscription = null;
    if (!this.#isInListener) await this.#advancing;
    this.#heartbeats.stop();
    this.#joined =
      this.#adopted =
      this.#reason =
      this.#leadership =
      this.#previous =
        null;
    this.#isPrepared = false;
    const owned = this.#owned();
    try {
      await this.#giveUp(owned, []);
    } finally {
      await this.#parts.session.leave(reason).catch((error) =>
        this.#log("debug", "Cannot leave the group, which will notice by itself", error)
      );
    }
  }

  /** Throws why it cannot be a member. The next time it tries again, unless it would drive out who took its place. */
  #throwFatal(error: Error): never {
    const isFenced = error instanceof KafkaError && error.kind === "FENCED_INSTANCE_ID";
    if (!isFenced) this.#fatal = null;
    throw error;
  }

  /** Whether it owns partitions that the group has given to others. */
  get #isLost(): boolean {
    return !this.#parts.session.isMember && this.#owned().length > 0;
  }

  #owned(): TopicPartition[] {
    return [...this.#parts.assignment.partitions].map(({ topic, partition }) => ({
      topic,
      partition,
    }));
  }

  /** Sees to it that topics and partitions that come and go are noticed. */
  #watchTopics(subscription: Subscription): void {
    const { metadata } = this.#parts.cluster;
    const topics = subscription.topics();
    for (const topic of this.#leadership?.topics ?? topics ?? []) {
      if (metadata.topic(topic) === null) metadata.invalidate();
    }
    if (topics !== null && this.#previous !== null) {
      if (topics.join() !== this.#joinedTopics.join()) this.#reason ??= "the subscription changed";
    }
    if (this.#leadership === null || this.#comparedView === metadata.view) return;
    this.#comparedView = metadata.view;
    const layout = layoutText(this.#parts.cluster, this.#leadership.topics);
    if (layout !== this.#leadership.layout) this.#reason ??= "the partitions changed";
  }

  /** Gives up what has to be given up before joining. */
  async #prepare(topics: readonly string[]): Promise<void> {
    this.#isPrepared = true;
    const owned = this.#owned();
    const staying = this.#isLost || this.#parts.settings.rebalanceProtocol === "eager"
      ? []
      : owned.filter(({ topic }) => topics.includes(topic));
    await this.#giveUp(owned, staying);
  }

  #join(topics: readonly string[], reason: string): void {
    this.#isJoining = true;
    this.#heartbeats.stop();
    const owned = [...byTopic(this.#owned())].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition }) => partition),
    }));
    this.#joiner.join({ topics, owned, previous: this.#previous, reason }).then((joined) => {
      if (joined === null) return;
      if (this.#subscription === null) return this.#parts.session.leave("unsubscribed");
      this.#joined = joined;
      this.#heartbeats.start();
    }).catch((error) => {
      if (this.#subscription !== null) this.#fatal ??= asError(error);
    }).finally(() => {
      this.#isJoining = false;
      this.#parts.onNews();
    });
  }

  /** Takes over what was assigned. */
  async #adopt({ identity, partitions, topics, leadership }: Joined): Promise<void> {
    this.#joined = null;
    if (this.#parts.session.identity !== identity) return; // the group went on without it meanwhile
    this.#adopted = identity;
    this.#reason = null;
    this.#isPrepared = false;
    this.#joinedTopics = topics;
    this.#parts.autoCommit.forget();
    this.#leadership = leadership;
    this.#comparedView = null;
    const mine = this.#ofTopics(topics, partitions);
    this.#previous = { partitions: mine, generationId: identity.generationId };
    const assigned = mine.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition }))
    );
    const owned = this.#owned();
    // What the listener throws is told when all is done that the group counts on: nobody else has these partitions.
    const failures: unknown[] = [];
    const note = (error: unknown) => void failures.push(error);
    if (without(owned, assigned).length > 0) {
      await this.#giveUp(owned, intersection(owned, assigned)).catch(note);
      this.#reason = "partitions were given up for others";
    }
    this.#parts.assignment.assign(assigned);
    this.#log("info", `Member of generation ${identity.generationId}`, assigned.map(partitionKey));
    await this.#tell(() => this.#listener.onPartitionsAssigned?.(without(assigned, owned)))
      .catch(note);
    if (failures.length > 0) throw failures[0]; // the first, as Java's `onJoinComplete`
  }

  /**
   * What of an assignment it has subscribed to. The rest is a fault of the leader: to read it would hand the application
   * records that it never asked for. (Java's `ConsumerCoordinator` joins again, for the same assignment as long as the same
   * member leads; what is right of it is taken here.)
   */
  #ofTopics(
    topics: readonly string[],
    partitions: readonly TopicPartitions[],
  ): readonly TopicPartitions[] {
    const mine = partitions.filter(({ topic }) => topics.includes(topic));
    if (mine.length < partitions.length) {
      const foreign = partitions.filter(({ topic }) => !topics.includes(topic));
      this.#log("warn", "The leader assigned topics that are not subscribed to", foreign);
    }
    return mine;
  }

  /** Keeps only what is `staying`; what is left is committed and told to the listener before. */
  async #giveUp(
    owned: readonly TopicPartition[],
    staying: readonly TopicPartition[],
  ): Promise<void> {
    const going = without(owned, staying);
    if (going.length === 0) return;
    const { assignment, autoCommit, session } = this.#parts;
    try {
      const isLost = !session.isMember;
      if (!isLost) await autoCommit.commitNow();
      await this.#tell(() =>
        isLost && this.#listener.onPartitionsLost
          ? this.#listener.onPartitionsLost(going)
          : this.#listener.onPartitionsRevoked?.(going)
      );
    } finally {
      assignment.assign(staying);
    }
  }

  async #tell(call: () => void | Promise<void>): Promise<void> {
    this.#isInListener = true;
    try {
      await call();
    } finally {
      this.#isInListener = false;
    }
  }

  #log(level: "debug" | "info" | "warn", message: string, details: unknown): void {
    const { cluster, settings: { groupId } } = this.#parts;
    cluster.settings.environment.log.write(level, message, { groupId, details });
  }
}

/** After these errors a member joins again. */
const REJOIN: ReadonlySet<string> = new Set([
  "REBALANCE_IN_PROGRESS",
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
]);
