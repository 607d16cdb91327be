/** Coordinators by themselves, over a partition in memory. */
import { spawn } from "../../../actors/core/actor.ts";
import { Feed } from "../../../actors/core/feed.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import {
  groupCoordinator,
  type GroupCoordinatorParts,
} from "../../../actors/group/group_coordinator.ts";
import type { GroupMessage } from "../../../actors/group/messages.ts";
import type { TransactionMessage } from "../../../actors/transaction/messages.ts";
import {
  transactionCoordinator,
  type TransactionCoordinatorParts,
} from "../../../actors/transaction/transaction_coordinator.ts";
import { BrokerConfig } from "../../../config/broker_config.ts";
import type { ManualEnvironment } from "../../support/manual_environment.ts";
import type { MemoryPartition } from "./memory_partition.ts";

/** What a coordinator lives in. Whoever comes after another on the same partition loads what that has left. */
export interface CoordinatorWorld {
  readonly environment: ManualEnvironment;
  readonly partition: MemoryPartition;
}

/** Broker settings by name. */
type Settings = Readonly<Record<string, string>>;

const BATCH_BYTES_MAX = 100_000;

/** A group coordinator; `parts` are what is to be other than usual. */
export function spawnGroupCoordinator(
  { environment, partition }: CoordinatorWorld,
  settings: Settings = {},
  parts: Partial<GroupCoordinatorParts> = {},
): ActorRef<GroupMessage> {
  const config = BrokerConfig.parse(Object.entries(settings));
  return spawn<GroupMessage>({
    name: "group coordinator 0",
    environment,
    unavailable: "NOT_COORDINATOR",
    start: (self) =>
      groupCoordinator(self, {
        environment,
        config: () => config,
        partition: partition.ref,
        batchBytesMax: BATCH_BYTES_MAX,
        feed: new Feed(),
        topicId: () => undefined,
        ...parts,
      }),
  });
}

/** A transaction coordinator; `parts` are what is to be other than usual. */
export function spawnTransactionCoordinator(
  { environment, partition }: CoordinatorWorld,
  settings: Settings,
  parts:
    & Pick<TransactionCoordinatorParts, "nextProducerId" | "tell">
    & Partial<TransactionCoordinatorParts>,
): ActorRef<TransactionMessage> {
  const config = BrokerConfig.parse(Object.entries(settings));
  return spawn<TransactionMessage>({
    name: "transaction coordinator 0",
    environment,
    unavailable: "NOT_COORDINATOR",
    start: (self) =>
      transactionCoordinator(self, {
        environment,
        config: () => config,
        partition: partition.ref,
        batchBytesMax: BATCH_BYTES_MAX,
        feed: new Feed(),
        ...parts,
      }),
  });
}
