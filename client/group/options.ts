import {
  type Assignor,
  cooperativeStickyAssignor,
  rangeAssignor,
  type RebalanceProtocol,
} from "../../protocol/assignors/mod.ts";
import { withDefaults } from "../options.ts";

/** How a consumer takes part in a group. Names and defaults are those of Kafka's consumer configuration, in camelCase. */
export interface GroupOptions {
  /** Without one the consumer can neither subscribe nor commit. */
  readonly groupId?: string;
  /** Makes it a static member: it may go away for less than the session timeout and come back without a rebalance (KIP-345). */
  readonly groupInstanceId?: string;
  /** Where it runs, for assignors that look at racks (KIP-881). */
  readonly clientRack?: string;
  /** Milliseconds without a heartbeat after which the group goes on without it. Default 45 000. */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between heartbeats. Default 3000. */
  readonly heartbeatIntervalMs?: number;
  /** Milliseconds between polls after which it leaves the group by itself. Default 300 000. */
  readonly maxPollIntervalMs?: number;
  /** Best first; the group takes the one that all know and most prefer. Default range, cooperative-sticky. */
  readonly partitionAssignmentStrategy?: readonly Assignor[];
  /** Whether what was polled is committed by itself: at intervals, before partitions go away, at the end. Default true. */
  readonly enableAutoCommit?: boolean;
  /** Milliseconds between commits by itself. Default 5000. */
  readonly autoCommitIntervalMs?: number;
}

const DEFAULTS = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3000,
  maxPollIntervalMs: 300_000,
  enableAutoCommit: true,
  autoCommitIntervalMs: 5000,
};

/** {@linkcode GroupOptions} with everything filled in. */
export interface GroupSettings extends Readonly<typeof DEFAULTS> {
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  readonly clientRack: string | null;
  readonly assignors: readonly Assignor[];
  /** What all assignors can work with, the best of it. */
  readonly rebalanceProtocol: RebalanceProtocol;
}

/**
 * Fills in the defaults; null when there is no group.
 *
 * @throws {RangeError} when a number is out of range
 * @throws {TypeError} when settings exclude each other
 */
export function groupSettings(options: GroupOptions): GroupSettings | null {
  const { groupId, groupInstanceId, clientRack } = options;
  if (groupId === undefined) {
    const needing = ["groupInstanceId", "enableAutoCommit"] as const;
    const orphan = needing.find((name) => options[name]);
    if (orphan) throw new TypeError(`Cannot use ${orphan} without a groupId`);
    return null;
  }
  if (groupId === "") throw new TypeError("Cannot use an empty groupId");
  if (groupInstanceId === "") throw new TypeError("Cannot use an empty groupInstanceId");
  const settings = withDefaults(DEFAULTS, options);
  for (const name of ["sessionTimeoutMs", "heartbeatIntervalMs", "maxPollIntervalMs"] as const) {
    if (settings[name] < 1) throw new RangeError(`Cannot use ${name} 0`);
  }
  if (settings.heartbeatIntervalMs >= settings.sessionTimeoutMs) {
    throw new RangeError("Cannot use a heartbeatIntervalMs that is not below sessionTimeoutMs");
  }
  const assignors = options.partitionAssignmentStrategy ??
    [rangeAssignor, cooperativeStickyAssignor];
  return {
    ...settings,
    groupId,
    groupInstanceId: groupInstanceId ?? null,
    clientRack: clientRack || null,
    assignors,
    rebalanceProtocol: commonProtocol(assignors),
  };
}

/** Source: `ConsumerCoordinator`, which takes the protocol with the highest id that all assignors support. */
function commonProtocol(assignors: readonly Assignor[]): RebalanceProtocol {
  const names = new Set(assignors.map(({ name }) => name));
  if (names.size === 0 || names.size < assignors.length) {
    throw new TypeError("Cannot use a partitionAssignmentStrategy that is empty or repeats itself");
  }
  const common = (["cooperative", "eager"] as const).find((protocol) =>
    assignors.every(({ rebalanceProtocols }) => rebalanceProtocols.includes(protocol))
  );
  if (common !== undefined) return common;
  throw new TypeError(`Cannot use ${[...names].join(" and ")} together: no protocol is common`);
}
