/**
 * The groups of one coordinator, and the one way in which what is durable of them changes.
 *
 * @module
 */
import {
  type BatchHeader,
  isControl,
  isTransactional,
} from "../../protocol/records/batch_header.ts";
import { readControlRecord } from "../../protocol/records/control.ts";
import type { RecordReader } from "../../protocol/records/record_reader.ts";
import type { LogRecord } from "../../protocol/records/records.ts";
import type { Decision } from "../coordinator/decision_log.ts";
import type { Deadline } from "../core/deadline.ts";
import { Group } from "./group.ts";
import type { TopicPartition } from "./messages.ts";
import { OffsetRecordReader } from "./offset_record_reader.ts";
import { PendingOffsets } from "./pending_offsets.ts";
import { type CommittedOffset, readGroupRecord } from "./records.ts";

/** The groups of one coordinator. */
export class GroupTable {
  /** What waits for the end of transactions. */
  readonly pending: PendingOffsets = new PendingOffsets();
  readonly #groups = new Map<string, Group>();
  readonly #offset = new OffsetRecordReader();

  /** @param sessionOf makes the deadline of a member's session. */
  constructor(private readonly sessionOf: (group: Group, memberId: string) => Deadline) {}

  [Symbol.iterator](): Iterator<Group> {
    return this.#groups.values();
  }

  get(id: string): Group | undefined {
    return this.#groups.get(id);
  }

  /** The group, made if there is none. */
  obtain(id: string): Group {
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, group = new Group(id));
    return group;
  }

  /** Forgets a group of which nothing is known any more, and for which no transaction has an offset. */
  dropIfVacant(group: Group): void {
    if (!group.isVacant || this.pending.hasGroup(group.id)) return;
    if (this.#groups.get(group.id) === group) this.#groups.delete(group.id);
  }

  /** Applies a record, live or on load. */
  replay(decision: Decision): void {
    const { key, value } = decision;
    const offset = this.#offset;
    if (offset.read(key, 0, key.length, value ?? key, 0, value?.length ?? -1)) {
      return this.#replayOffset(offset.group, offset, offset.committed);
    }
    const record = readGroupRecord(decision);
    if (record === null) return;
    if (record.kind === "offset") {
      return this.#replayOffset(record.group, record.place, record.committed);
    }
    const group = this.obtain(record.group);
    if (record.value) {
      group.replay(record.value, (memberId) => this.sessionOf(group, memberId));
    } else {
      group.forget();
    }
    this.dropIfVacant(group);
  }

  /** Applies the record that a reader stands on, if it is a committed offset as most are; false if not. */
  replayUsual({ bytes, keyAt, keyBytes, valueAt, valueBytes }: RecordReader): boolean {
    const offset = this.#offset;
    if (!offset.read(bytes, keyAt, keyBytes, bytes, valueAt, valueBytes)) return false;
    this.#replayOffset(offset.group, offset, offset.committed);
    return true;
  }

  #replayOffset(id: string, place: TopicPartition, committed: CommittedOffset | null): void {
    const group = this.obtain(id);
    if (committed) {
      group.offsets.set(place, committed);
      this.pending.supersede(id, place);
    } else {
      group.offsets.delete(place);
      this.pending.drop(id, place);
      this.dropIfVacant(group);
    }
  }

  /**
   * The partitions of which a rule, which is asked for by topic, holds for an offset of a group: for the one that is committed
   * or for one that waits for the end of its transaction.
   */
  select(
    group: Group,
    ruleOf: (topic: string) => (committed: CommittedOffset) => boolean,
  ): TopicPartition[] {
    const waiting = this.pending.select(group.id, ruleOf);
    if (waiting.length === 0) return group.offsets.select(ruleOf);
    const all = [...group.offsets.select(ruleOf), ...waiting];
    return [...new Map(all.map((place) => [`${place.topic}/${place.partition}`, place])).values()];
  }

  /** Applies a record that is part of a transaction, live or on load. */
  replayPending(producerId: bigint, epoch: number, decision: Decision): void {
    const record = readGroupRecord(decision);
    if (record?.kind !== "offset" || record.committed === null) return;
    const { group, place, committed } = record;
    this.obtain(group); // it can be listed and deleted as if the transaction had ended
    this.pending.add(producerId, epoch, { group, place, committed });
  }

  /** Applies the end of a transaction, live or on load. */
  endTransaction(producerId: bigint, commit: boolean): void {
    const touched = [...this.pending.groupsOf(producerId)];
    for (const { group, place, committed } of this.pending.end(producerId, commit)) {
      this.obtain(group).offsets.set(place, committed);
    }
    for (const id of touched) {
      const group = this.#groups.get(id);
      if (group) this.dropIfVacant(group);
    }
  }

  /** Applies a batch that is part of a transaction, or ends one; false if it is none of that. */
  replayBatch(header: BatchHeader, records: Iterable<LogRecord>): boolean {
    const { producerId, producerEpoch } = header;
    if (!isTransactional(header)) return isControl(header);
    for (const record of records) {
      if (isControl(header)) {
        this.endTransaction(producerId, readControlRecord(record).type === "commit");
      } else if (record.key) {
        this.replayPending(producerId, producerEpoch, { key: record.key, value: record.value });
      }
    }
    return true;
  }
}
