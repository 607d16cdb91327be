import { assertEquals } from "@std/assert";
import { GROUP_TOPIC } from "../../../actors/group/group_coordinators.ts";
import { type GroupRecord, readGroupRecord } from "../../../actors/group/records.ts";
import { decodeAssignment } from "../../../protocol/assignors/mod.ts";
import { coordinatorPartition } from "../../../protocol/java_hash.ts";
import type { BrokerUnderTest } from "./broker.ts";
import { storedRecords } from "./topics.ts";

/** Everything that the log of a coordinator tells of a group, in order. `coordinators`: partitions of that log. */
export async function groupLog(
  broker: BrokerUnderTest,
  groupId: string,
  coordinators = 50,
): Promise<readonly GroupRecord[]> {
  const partition = coordinatorPartition(groupId, coordinators);
  const records = await storedRecords(broker, GROUP_TOPIC, partition);
  return records.flatMap(({ key, value }) => readGroupRecord({ key: key!, value }) ?? [])
    .filter(({ group }) => group === groupId);
}

/** A commit that took a partition back. */
export interface StepBack {
  readonly partition: number;
  readonly generation: number;
  /** Client id of the member that owned the partition in this generation; null = nobody did. */
  readonly clientId: string | null;
  /** The offset committed before, and this one. */
  readonly from: bigint;
  readonly to: bigint;
  /** Whether it lies before what was committed when this generation began. */
  readonly crosses: boolean;
}

/**
 * Commits below the one before. The record of a generation is written when it has its assignment, and from then on
 * commits of the generation before are refused: between two such records all commits are of one generation.
 */
export function stepsBack(log: readonly GroupRecord[]): StepBack[] {
  const steps: StepBack[] = [];
  const last = new Map<number, bigint>();
  let atBegin: ReadonlyMap<number, bigint> = new Map();
  let generation = -1;
  let owners = new Map<number, string>();
  for (const record of log) {
    if (record.kind === "group") {
      if (record.value === null) continue;
      // A static member that comes back has the record written again: that is not another generation.
      if (record.value.generation !== generation) atBegin = new Map(last);
      generation = record.value.generation;
      owners = ownersIn(record.value.members);
      continue;
    }
    if (record.committed === null) continue;
    const { partition } = record.place;
    const { offset: to } = record.committed;
    const from = last.get(partition) ?? -1n;
    if (to < from) {
      const clientId = owners.get(partition) ?? null;
      const crosses = to < (atBegin.get(partition) ?? -1n);
      steps.push({ partition, generation, clientId, from, to, crosses });
    }
    last.set(partition, to);
  }
  return steps;
}

/** Fails when a commit took a partition back for which that is not excused. */
export function assertForwards(
  log: readonly GroupRecord[],
  isExcused: (step: StepBack) => boolean,
): void {
  const steps = stepsBack(log).filter((step) => !isExcused(step));
  assertEquals(steps, [], "commits that took a partition back");
}

type GroupValue = NonNullable<Extract<GroupRecord, { kind: "group" }>["value"]>;

function ownersIn(members: GroupValue["members"]): Map<number, string> {
  return new Map(
    members.flatMap(({ clientId, assignment }) =>
      decodeAssignment(assignment).partitions
        .flatMap(({ partitions }) => partitions.map((partition) => [partition, clientId] as const))
    ),
  );
}
