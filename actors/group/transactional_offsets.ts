/**
 * Offsets that are committed within a transaction: they are written at once, and count when it is committed.
 *
 * @module
 */
import { type ErrorName, KafkaError } from "../../protocol/errors.ts";
import { NONE } from "../../protocol/records/batch_header.ts";
import { buildBatch } from "../../protocol/records/builder.ts";
import { controlBatch } from "../../protocol/records/control.ts";
import type { HandlerContext, PayloadOf } from "../core/message.ts";
import { PARKED } from "../core/message.ts";
import { type Guard, Guards } from "../transaction/guards.ts";
import type { Ground } from "./ground.ts";
import type { GroupMessage } from "./messages.ts";
import { checkTransactionalCommitter, recordsOf } from "./offsets.ts";

type Commit = PayloadOf<GroupMessage, "commitOffsetsInTransaction">;
type End = PayloadOf<GroupMessage, "endTransaction">;

/** The transactions that take part in one coordinator. */
export class TransactionalOffsets {
  readonly #guards = new Guards();

  constructor(private readonly ground: Ground) {}

  /** What a commit needs beside its coordinator's word; null when the transaction is known here. */
  guard(producerId: bigint, producerEpoch: number): Guard | null {
    return this.ground.groups.pending.isOpen(producerId, producerEpoch)
      ? null
      : this.#guards.take(producerId, producerEpoch);
  }

  /** TxnOffsetCommit. Returns each offset's outcome, in their order. */
  commit(commit: Commit): readonly (ErrorName | null)[] {
    const { groupId, generation, producerId, producerEpoch, guard } = commit;
    const { groups, decisions, environment } = this.ground;
    const known = groups.pending.isOpen(producerId, producerEpoch) ||
      this.#guards.hold(guard, producerId, producerEpoch);
    if (!known) {
      throw new KafkaError(
        "INVALID_TXN_STATE",
        `Producer ${producerId}, epoch ${producerEpoch} has no open transaction`,
      );
    }
    const group = groups.get(groupId);
    if (group) checkTransactionalCommitter(group, commit);
    else if (generation >= 0) {
      throw new KafkaError("ILLEGAL_GENERATION", `There is no group "${groupId}"`);
    }
    const { records, outcomes } = recordsOf({ ...commit, retentionMs: null }, this.ground);
    if (records.length === 0) return outcomes;
    const timestampMs = environment.clock.now();
    const batch = buildBatch(records.map((record) => ({ ...record, timestampMs })), {
      transactional: true,
      producer: { producerId, producerEpoch, baseSequence: NONE },
    });
    decisions.appendBatch(
      batch,
      () => records.forEach((record) => groups.replayPending(producerId, producerEpoch, record)),
    );
    return outcomes;
  }

  /** The marker of a transaction's end. */
  end(
    { producerId, epoch, commit, coordinatorEpoch }: End,
    call: HandlerContext<void>,
  ): typeof PARKED {
    const { groups, decisions, environment } = this.ground;
    groups.pending.checkEnd(producerId, epoch);
    this.#guards.void(producerId);
    const marker = controlBatch({
      result: commit ? "commit" : "abort",
      producerId,
      producerEpoch: epoch,
      coordinatorEpoch,
      timestampMs: environment.clock.now(),
    });
    decisions.appendBatch(
      marker,
      () => groups.endTransaction(producerId, commit),
      () => call.reply(),
    );
    return PARKED;
  }
}
