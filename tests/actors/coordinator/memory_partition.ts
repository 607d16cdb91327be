import type { ActorRef } from "../../../actors/core/message.ts";
import type { PartitionMessage } from "../../../actors/partition/messages.ts";
import { spawn } from "../../../actors/core/actor.ts";
import { PARKED } from "../../../actors/core/message.ts";
import type { Environment } from "../../../environment/environment.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { readBatchHeader, writeBaseOffset } from "../../../protocol/records/batch_header.ts";

/** A partition in memory, whose appends can be held back or made to fail: what a coordinator's log needs of one. */
export class MemoryPartition {
  /** Batches that are durable. */
  readonly batches: Uint8Array[] = [];
  /** Keeps appends from becoming durable until {@linkcode release}. */
  hold = false;
  /** Makes appends fail. */
  fail = false;
  readonly ref: ActorRef<PartitionMessage>;
  #held: (() => void)[] = [];
  #end = 0;

  constructor(environment: Environment) {
    const watermarks = () => ({
      logStartOffset: 0,
      highWatermark: this.#end,
      lastStableOffset: this.#end,
    });
    const unused = (): never => {
      throw new TypeError("A coordinator's log does not ask for this");
    };
    this.ref = spawn<PartitionMessage>({
      name: "memory partition",
      environment,
      unavailable: "NOT_LEADER_OR_FOLLOWER",
      start: () => ({
        append: ({ records }, context) => {
          const batch = records![0].slice();
          const store = () => {
            if (this.fail) return context.fail(new KafkaError("KAFKA_STORAGE_ERROR"));
            const baseOffset = this.#end;
            writeBaseOffset(batch, baseOffset);
            this.#end += readBatchHeader(batch).lastOffsetDelta + 1;
            this.batches.push(batch);
            context.reply({ baseOffset, logAppendTimeMs: -1, logStartOffset: 0 });
          };
          if (this.hold) this.#held.push(store);
          else store();
          return PARKED;
        },
        fetch: ({ offset }) => {
          const slices = this.batches.filter((batch) => readBatchHeader(batch).baseOffset >= offset)
            .slice(0, 2);
          const bytes = slices.reduce((sum, slice) => sum + slice.length, 0);
          return {
            ...watermarks(),
            slices,
            bytes,
            abortedTransactions: null,
            divergingEpoch: null,
          };
        },
        describe: () => ({ ...watermarks(), leaderEpoch: 0, sizeBytes: 0, epochs: [] }),
        watch: unused,
        listOffset: unused,
        epochEnd: unused,
        describeProducers: unused,
        deleteRecords: unused,
        guard: unused,
        writeMarker: unused,
        checkMarker: unused,
        configure: unused,
        retire: unused,
      }),
    });
  }

  /** Appends that wait. */
  get waiting(): number {
    return this.#held.length;
  }

  /** Lets the appends that were held back go on, and later ones. */
  release(): void {
    this.hold = false;
    for (const store of this.#held.splice(0)) store();
  }
}
