import {
  type Assignor,
  decodeSubscription,
  encodeAssignment,
  type GroupMember,
  type TopicLayout,
} from "../../protocol/assignors/mod.ts";
import { KafkaError } from "../../protocol/errors.ts";
import type { JoinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { isRetriable } from "../errors.ts";
import type { EncodedAssignment } from "./session.ts";

/** A topic that is missing may be one that was just made: so often it is asked for. */
const LOOKS_MAX = 2;

/** What a leader has done. */
export interface Leadership {
  readonly assignments: readonly EncodedAssignment[];
  /** The topics that any member wants. */
  readonly topics: readonly string[];
  /** {@linkcode layoutText} of them, as the assignment has it. */
  readonly layout: string;
}

/**
 * Does what the leader of a generation has to: shares out the partitions of all topics that any member wants.
 *
 * @throws {KafkaError} INCONSISTENT_GROUP_PROTOCOL when the group has chosen an assignor that is not here
 */
export async function lead(
  cluster: Cluster,
  assignors: readonly Assignor[],
  { protocolName, members, skipAssignment }: JoinGroupResponse,
): Promise<Leadership> {
  const assignor = assignors.find(({ name }) => name === protocolName);
  if (assignor === undefined) {
    throw new KafkaError("INCONSISTENT_GROUP_PROTOCOL", `There is no assignor ${protocolName}`);
  }
  const decoded = members.map((member) => decodeMember(cluster, member));
  const topics = [...new Set(decoded.flatMap(({ topics }) => topics))].sort();
  await lookFor(cluster, topics);
  const layouts = layoutsOf(cluster, topics);
  // A static leader that came back changes nothing (KIP-814).
  const shares = skipAssignment ? new Map() : assignor.assign(decoded, layouts);
  return {
    topics,
    layout: layoutText(cluster, topics),
    assignments: [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ partitions, userData: null }),
    })),
  };
}

/** The partitions and racks of topics, as a text that is another one when an assignment may have to be. */
export function layoutText(cluster: Cluster, topics: readonly string[]): string {
  return JSON.stringify([...layoutsOf(cluster, topics)]);
}

type JoinedMember = JoinGroupResponse["members"][number];

/** A member whose subscription cannot be read gets nothing; the others are not to suffer for it. */
function decodeMember(
  { settings: { environment } }: Cluster,
  { memberId, groupInstanceId, metadata }: JoinedMember,
): GroupMember {
  try {
    return { memberId, groupInstanceId, ...decodeSubscription(metadata) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    environment.log.write("warn", `Cannot read the subscription of member ${memberId}`, { error });
    const nothing = { topics: [], ownedPartitions: [], generationId: -1 };
    return { memberId, groupInstanceId, ...nothing, rackId: null, userData: null };
  }
}

async function lookFor({ metadata }: Cluster, topics: readonly string[]): Promise<void> {
  const isMissing = (topic: string) => metadata.topic(topic) === null;
  for (let looks = 0; looks < LOOKS_MAX && topics.filter(isMissing).length > 0; looks++) {
    try {
      await metadata.refresh();
    } catch (error) {
      if (!isRetriable(error)) throw error;
    }
  }
}

function layoutsOf(
  { metadata: { view } }: Cluster,
  topics: readonly string[],
): Map<string, TopicLayout> {
  const layouts = new Map<string, TopicLayout>();
  for (const name of topics) {
    const topic = view.topics.get(name);
    if (topic === undefined) continue;
    const racks = topic.partitions.map(({ replicas }) =>
      replicas.flatMap((id) => view.brokers.get(id)?.rack ?? []).sort()
    );
    layouts.set(name, { partitions: racks.length, racks });
  }
  return layouts;
}
