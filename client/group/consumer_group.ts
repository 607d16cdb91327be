import { KafkaError } from "../../protocol/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Assignment } from "../consumer/assignment.ts";
import type { Failures } from "../consumer/failures.ts";
import type { TopicPartition } from "../topic_partition.ts";
import { AutoCommit, offsetsOf } from "./auto_commit.ts";
import { CommittedPositions } from "./committed_positions.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import { GroupMember } from "./group_member.ts";
import {
  type CommittedOffset,
  type Committer,
  GroupOffsets,
  type OffsetToCommit,
} from "./offsets.ts";
import type { GroupSettings } from "./options.ts";
import type { RebalanceListener } from "./rebalance_listener.ts";
import { Session } from "./session.ts";
import { namedTopics, TopicPattern } from "./subscription.ts";

/** What a consumer's part in a group works with. */
export interface ConsumerGroupParts {
  readonly settings: GroupSettings;
  readonly cluster: Cluster;
  readonly assignment: Assignment;
  /** Whether to wait for transactions that commit offsets. */
  readonly stable: boolean;
  /** Called when there is something to do for {@linkcode ConsumerGroup.advance}. */
  readonly onNews: () => void;
  /** Takes what went wrong with partitions in the background. */
  readonly failures: Failures;
}

/** A member's place in its group: what a transaction has to know to commit its offsets (KIP-447). */
export interface GroupMetadata extends Committer {
  /** The group. */
  readonly groupId: string;
}

/** A consumer's part in a group: its offsets, with a subscription its membership too. */
export class ConsumerGroup {
  readonly #parts: ConsumerGroupParts;
  readonly #session: Session;
  readonly #offsets: GroupOffsets;
  readonly #positions: CommittedPositions;
  readonly #autoCommit: AutoCommit;
  readonly #member: GroupMember;
  /** The commit before the next one: a later one must not be overtaken by an earlier one that is tried again. */
  #committing: Promise<void> = Promise.resolve();

  constructor(parts: ConsumerGroupParts) {
    const { settings, cluster, assignment } = parts;
    const coordinator = new Coordinator(cluster, "group", settings.groupId);
    const session = new Session(settings, coordinator, cluster.settings.requestTimeoutMs);
    this.#parts = parts;
    this.#session = session;
    this.#offsets = new GroupOffsets(cluster, settings.groupId, coordinator);
    this.#positions = new CommittedPositions({ ...parts, offsets: this.#offsets });
    this.#autoCommit = new AutoCommit({
      settings,
      environment: cluster.settings.environment,
      assignment,
      commit: (offsets) => this.commit(offsets),
    });
    const autoCommit = this.#autoCommit;
    this.#member = new GroupMember({ ...parts, coordinator, session, autoCommit });
  }

  /** Whether partitions are assigned by the group. */
  get isSubscribed(): boolean {
    return this.#member.isSubscribed;
  }

  /** Who the consumer is in the group, as the owner of what it was assigned last. */
  get metadata(): GroupMetadata {
    const identity = this.#member.adopted ?? this.#session.identity;
    const { memberId, generationId, groupInstanceId } = identity;
    return { groupId: this.#parts.settings.groupId, memberId, generationId, groupInstanceId };
  }

  /** Milliseconds after which {@linkcode advance} is to be called again even if there is no news. */
  get idleMs(): number {
    const { enableAutoCommit, autoCommitIntervalMs } = this.#parts.settings;
    return Math.min(this.#member.idleMs, enableAutoCommit ? autoCommitIntervalMs : Infinity);
  }

  /** Has the group assign partitions of these topics, or of all whose names match. */
  subscribe(topics: Iterable<string> | RegExp, listener: RebalanceListener): void {
    const { cluster, onNews } = this.#parts;
    const subscription = topics instanceof RegExp
      ? new TopicPattern(cluster, topics, onNews)
      : namedTopics(topics);
    this.#member.subscribe(subscription, listener);
  }

  /** Leaves the group, after a last commit if it commits by itself. Throws what the listener throws. */
  async leave(reason: string): Promise<void> {
    if (this.isSubscribed) await this.#member.leave(reason);
    else await this.#autoCommit.commitNow();
  }

  /** Joins again although nothing has changed. */
  rejoin(reason: string): void {
    this.#member.rejoin(reason);
  }

  /** Does what is to be done now; throws as `GroupMember.advance`. */
  async advance(): Promise<void> {
    await this.#member.advance();
    this.#autoCommit.tick();
    this.#positions.lookUp();
  }

  /** Looks for the positions of those partitions that are to go on where the group has got to. */
  findPositions: CommittedPositions["find"] = (...wanted) => this.#positions.find(...wanted);

  /** How far it has got in all partitions in which that is known. */
  get offsets(): OffsetToCommit[] {
    return offsetsOf(this.#parts.assignment);
  }

  /**
   * Commits offsets, all that was polled by default, after the commits that were begun before.
   *
   * @throws {KafkaError} as `GroupOffsets.commit`
   */
  commit(offsets: readonly OffsetToCommit[] = this.offsets): Promise<void> {
    const done = this.#committing.then(() => this.#commit(offsets));
    this.#committing = done.catch(() => {});
    return done;
  }

  /** What the group has committed of partitions, by partition key. Throws as `GroupOffsets.committed`. */
  committed(partitions: readonly TopicPartition[]): Promise<Map<string, CommittedOffset>> {
    return this.#offsets.committed(partitions, { stable: this.#parts.stable });
  }

  async #commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    let committer = this.#committer();
    try {
      await this.#offsets.commit(offsets, () => committer = this.#committer());
    } catch (error) {
      throw error instanceof KafkaError ? this.#refused(error, committer) : error;
    }
  }

  /** Takes in that a commit was refused; tells why. Source: `OffsetCommitResponseHandler`. */
  #refused(error: KafkaError, committer: Committer): KafkaError {
    const isOvertaken = this.#member.isJoining || this.#session.identity !== committer;
    if (isOvertaken && error.kind === "ILLEGAL_GENERATION") {
      // The group went on to its next generation while the commit was on its way, and the member goes with it.
      return new KafkaError("REBALANCE_IN_PROGRESS", error.message, { cause: error });
    }
    this.#session.disown(error, committer);
    if (error.kind === "FENCED_INSTANCE_ID") {
      // Its place is another's: joining again would drive that one out.
      this.#member.onTrouble(error);
    } else if (!this.#session.isMember || error.kind === "REBALANCE_IN_PROGRESS") {
      this.#member.rejoin(error.message);
      this.#parts.onNews();
    }
    return error;
  }

  /** Who commits. A member that lost its place must not commit as nobody: an empty group would take that. */
  #committer(): Committer {
    const { isMember, identity } = this.#session;
    if (this.isSubscribed && !isMember) {
      const { groupId } = this.#parts.settings;
      throw new KafkaError("UNKNOWN_MEMBER_ID", `Not a member of group ${groupId} at the moment`);
    }
    return identity;
  }
}
