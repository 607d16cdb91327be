/**
 * The groups of one coordinator, and the one way in which what is durable of them changes.
 *
 * @module
 */
import type { Decision } from "../coordinator/decision_log.ts";
import type { Deadline } from "../core/deadline.ts";
import { Group } from "./group.ts";
import { readGroupRecord } from "./records.ts";

/** The groups of one coordinator. */
export class GroupTable {
  readonly #groups = new Map<string, Group>();

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

  /** Forgets a group of which nothing is known any more. */
  dropIfVacant(group: Group): void {
    if (group.isVacant && this.#groups.get(group.id) === group) this.#groups.delete(group.id);
  }

  /** Applies a record, live or on load. */
  replay(decision: Decision): void {
    const record = readGroupRecord(decision);
    if (record === null) return;
    const group = this.obtain(record.group);
    if (record.kind === "offset") {
      if (record.committed) group.offsets.set(record.place, record.committed);
      else group.offsets.delete(record.place);
    } else if (record.value) {
      group.replay(record.value, (memberId) => this.sessionOf(group, memberId));
    } else {
      group.forget();
    }
    this.dropIfVacant(group);
  }
}
