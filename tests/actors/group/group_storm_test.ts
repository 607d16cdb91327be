/** Members that come, go, stall and vanish, on a log that fails now and then: in virtual time, from a seed. */
import { assert, assertEquals } from "@std/assert";
import {
  type GroupMessage,
  type Joined,
  MemberIdRequired,
} from "../../../actors/group/messages.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import { sleep } from "../../../environment/sleep.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { Random } from "../../../testing/mod.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnGroupCoordinator } from "../coordinator/spawn_coordinator.ts";

const MEMBERS = 12;
const PARTITIONS = 30;
const STORM_MS = 40_000;
const CALM_MS = 40_000;
const SEEDS = Number(Deno.env.get("GROUP_STORM_SEEDS") ?? 6);

/** What a member was told that it owns. */
interface Claim {
  readonly generation: number;
  readonly member: string;
  readonly partitions: Uint8Array;
}

class Storm {
  readonly environment = new ManualEnvironment();
  readonly partition = new MemoryPartition(this.environment);
  readonly claims: Claim[] = [];
  calm = false;
  over = false;
  readonly coordinator: ActorRef<GroupMessage>;

  constructor(readonly seed: string) {
    this.coordinator = spawnGroupCoordinator(this, {
      "group.initial.rebalance.delay.ms": "500",
    });
  }

  async run(): Promise<void> {
    for (let n = 0; n < MEMBERS; n++) this.#live(n);
    const random = new Random(`${this.seed}/log`);
    for (let passedMs = 0; passedMs < STORM_MS; passedMs += 500) {
      this.partition.fail = random.chance(0.02);
      await this.environment.advance(500);
    }
    this.partition.fail = false;
    this.calm = true;
    await this.environment.advance(CALM_MS);
    this.over = true;
  }

  /** One client: a member again and again, until the storm is over. */
  async #live(n: number): Promise<void> {
    const random = new Random(`${this.seed}/${n}`);
    const instanceId = n % 3 === 0 ? `static-${n}` : null;
    let memberId = "";
    await sleep(this.environment, Math.floor(random.between([0, 2000])));
    while (!this.over) {
      try {
        const joined = await this.#join(memberId, instanceId);
        memberId = joined.memberId;
        await this.#serve(joined, instanceId, random);
        if (!this.calm && random.chance(0.3)) {
          await this.coordinator.ask("leave", {
            groupId: "g",
            members: [{ memberId, instanceId, reason: "the storm" }],
          });
          memberId = "";
        } else if (!this.calm && random.chance(0.2)) {
          memberId = ""; // It has died, and another process takes its place.
        }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (error instanceof MemberIdRequired) memberId = error.memberId;
        else if (error.kind === "UNKNOWN_MEMBER_ID" || error.kind === "FENCED_INSTANCE_ID") {
          memberId = "";
        }
        await sleep(this.environment, Math.floor(random.between([10, 200])));
      }
    }
  }

  #join(memberId: string, instanceId: string | null): Promise<Joined> {
    return this.coordinator.ask("join", {
      groupId: "g",
      memberId,
      instanceId,
      clientId: "c",
      clientHost: "/h",
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 8000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array(6) }],
      reason: null,
      needsKnownMember: true,
      canSkipAssignment: true,
    });
  }

  /** Fetches the assignment and sends heartbeats, until something is in the way or the member has had enough. */
  async #serve(joined: Joined, instanceId: string | null, random: Random): Promise<void> {
    const { memberId, generation, members, skipAssignment } = joined;
    const { assignment } = await this.coordinator.ask("sync", {
      groupId: "g",
      memberId,
      instanceId,
      generation,
      protocolType: "consumer",
      protocolName: "range",
      assignments: skipAssignment ? [] : shares(members.map(({ memberId }) => memberId)),
    });
    this.claims.push({ generation, member: instanceId ?? memberId, partitions: assignment });
    while (!this.over && (this.calm || random.chance(0.9))) {
      await sleep(this.environment, !this.calm && random.chance(0.05) ? 9000 : 1000);
      await this.coordinator.ask("heartbeat", { groupId: "g", memberId, instanceId, generation });
    }
  }
}

/** Every partition for exactly one of the members. */
function shares(members: readonly string[]) {
  return members.map((memberId, index) => ({
    memberId,
    assignment: Uint8Array.from(
      Array.from({ length: PARTITIONS }, (_, partition) => partition)
        .filter((partition) => partition % members.length === index),
    ),
  }));
}

for (let seed = 0; seed < SEEDS; seed++) {
  Deno.test(`Group storm ${seed} ends stable, and no partition has two owners in a generation`, async () => {
    const storm = new Storm(`storm/${seed}`);
    await storm.run();
    const owners = new Map<string, string>();
    for (const { generation, member, partitions } of storm.claims) {
      for (const partition of partitions) {
        const place = `generation ${generation}, partition ${partition}`;
        const owner = owners.get(place) ?? member;
        assertEquals(owner, member, place);
        owners.set(place, member);
      }
    }
    const group = await storm.coordinator.ask("describe", { groupId: "g" });
    assertEquals(group?.state, "Stable");
    assertEquals(group?.members.length, MEMBERS);
    const owned = group!.members.flatMap(({ assignment }) => [...assignment]);
    assertEquals(owned.sort((a, b) => a - b), Array.from({ length: PARTITIONS }, (_, n) => n));
    assert(storm.claims.length > 2 * MEMBERS, "there was a storm");
    storm.coordinator.stop();
    const bugs = storm.environment.lines.filter(({ fields }) =>
      fields?.error instanceof TypeError || fields?.error instanceof Error &&
        fields.error.name === "InvariantError"
    );
    assertEquals(bugs, []);
  });
}
