import { invariant } from "../../protocol/errors.ts";
import type { OfferedProtocol } from "./messages.ts";

/** A voter: what it offers, the one it likes best first. */
export interface Voter {
  readonly protocols: readonly OfferedProtocol[];
}

/** The election of the protocol that a group uses: among those that every member offers, each votes for its first. */
export class ProtocolVote {
  /** How many voters offer a protocol. */
  readonly #offers = new Map<string, number>();
  #voters = 0;

  /** Counts a voter in. */
  add({ protocols }: Voter): void {
    this.#voters++;
    for (const name of namesOf(protocols)) {
      this.#offers.set(name, (this.#offers.get(name) ?? 0) + 1);
    }
  }

  /** Counts a voter out, with the offer that it was counted in with. */
  remove({ protocols }: Voter): void {
    this.#voters--;
    for (const name of namesOf(protocols)) {
      const offers = this.#offers.get(name)! - 1;
      if (offers === 0) this.#offers.delete(name);
      else this.#offers.set(name, offers);
    }
  }

  /** Whether somebody with this offer has a protocol in common with all voters. */
  accepts(protocols: readonly OfferedProtocol[]): boolean {
    return protocols.some(({ name }) => this.#isCommon(name));
  }

  /** The protocol with the most votes; among equals, the one voted for first. (Kafka: `ClassicGroup.selectProtocol`.) */
  elect(voters: Iterable<Voter>): string {
    const votes = new Map<string, number>();
    for (const { protocols } of voters) {
      const choice = protocols.find(({ name }) => this.#isCommon(name));
      invariant(choice, "A member has no protocol in common with its group");
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
    }
    let elected: string | null = null;
    for (const [name, count] of votes) {
      if (elected === null || count > votes.get(elected)!) elected = name;
    }
    invariant(elected !== null, "Nobody votes");
    return elected;
  }

  /** Without voters everything is: they may all have gone while the group waits for others. */
  #isCommon(name: string): boolean {
    return (this.#offers.get(name) ?? 0) === this.#voters;
  }
}

function namesOf(protocols: readonly OfferedProtocol[]): Set<string> {
  return new Set(protocols.map(({ name }) => name));
}
