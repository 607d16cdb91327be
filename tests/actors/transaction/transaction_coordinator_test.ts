import { assert, assertEquals, assertRejects } from "@std/assert";
import { Feed } from "../../../actors/core/feed.ts";
import type { ActorRef } from "../../../actors/core/message.ts";
import type { Marker } from "../../../actors/transaction/markers.ts";
import type { TransactionMessage } from "../../../actors/transaction/messages.ts";
import { transactionRecord } from "../../../actors/transaction/records.ts";
import type { TransactionHappening } from "../../../actors/transaction/transaction_feed.ts";
import { LAST_EPOCH } from "../../../actors/transaction/transaction_machine.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { buildBatch } from "../../../protocol/records/builder.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { MemoryPartition } from "../coordinator/memory_partition.ts";
import { spawnTransactionCoordinator } from "../coordinator/spawn_coordinator.ts";

/** Partitions that are told of the ends of transactions. */
class Told {
  /** `topic-partition` of every marker, in order. */
  readonly markers: (Marker & { readonly place: string })[] = [];
  /** Markers that get through before all others are lost, with whoever wrote them. */
  patience = Infinity;
  /** When they have heard. */
  heard: Promise<void> = Promise.resolve();

  tell = (topic: string, partition: number, marker: Marker): Promise<void> => {
    if (this.markers.length >= this.patience) return new Promise(() => {});
    this.markers.push({ place: `${topic}-${partition}`, ...marker });
    return this.heard;
  };
}

interface World {
  readonly environment: ManualEnvironment;
  readonly partition: MemoryPartition;
  readonly told: Told;
  readonly ref: ActorRef<TransactionMessage>;
  readonly feed: Feed<TransactionHappening>;
}

let nextProducerId = 100n;

function world(before?: World, settings: Readonly<Record<string, string>> = {}): World {
  const environment = before?.environment ?? new ManualEnvironment();
  const partition = before?.partition ?? new MemoryPartition(environment);
  const told = new Told();
  const feed = new Feed<TransactionHappening>();
  before?.ref.stop();
  const ref = spawnTransactionCoordinator({ environment, partition }, settings, {
    feed,
    nextProducerId: () => Promise.resolve(nextProducerId++),
    tell: told.tell,
  });
  return { environment, partition, told, ref, feed };
}

type Identity = { readonly producerId: bigint; readonly epoch: number };

const init = ({ ref }: World, expected: Identity | null = null, timeoutMs = 60_000) =>
  ref.ask("init", { transactionalId: "tx", timeoutMs, expected });
const add = ({ ref }: World, identity: Identity, ...partitions: number[]) =>
  ref.ask("add", {
    transactionalId: "tx",
    ...identity,
    partitions: partitions.map((partition) => ({ topic: "t", partition })),
  });
const end = ({ ref }: World, identity: Identity, commit: boolean, bumps = true) =>
  ref.ask("end", { transactionalId: "tx", ...identity, commit, bumps });
const stateOf = async ({ ref }: World) =>
  (await ref.ask("describe", { transactionalId: "tx" }))?.state;

/** Writes a record of a transactional id that has come to an epoch. The next life of the coordinator reads it. */
async function writeEpoch(w: World, producerId: bigint, epoch: number): Promise<void> {
  const record = transactionRecord("tx", {
    state: "Empty",
    producerId,
    previousProducerId: -1n,
    nextProducerId: -1n,
    epoch,
    timeoutMs: 60_000,
    partitions: new Map(),
    updatedMs: 0,
    startedMs: -1,
    clientVersion: 0,
  });
  const records = [buildBatch([record])];
  await w.partition.ref.ask("append", { records, requestVersion: 13 });
}

async function kindOf(asked: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => asked, KafkaError)).kind;
}

Deno.test("Transaction coordinator gives each transaction of a KIP-890 client its own epoch", async () => {
  const w = world();
  let identity = await init(w);
  for (const [epoch, commit] of [[0, true], [1, false], [2, true]] as const) {
    assertEquals(identity.epoch, epoch);
    await add(w, identity, 0, 1);
    const next = await end(w, identity, commit);
    await w.environment.advance(1);
    assertEquals(await stateOf(w), commit ? "CompleteCommit" : "CompleteAbort");
    assertEquals(await end(w, identity, commit), next, "ended again");
    assertEquals(await kindOf(end(w, identity, !commit)), "INVALID_TXN_STATE");
    identity = next;
  }
  assertEquals(w.told.markers.map(({ place, epoch, commit }) => [place, epoch, commit]), [
    ...[["t-0", 1, true], ["t-1", 1, true]],
    ...[["t-0", 2, false], ["t-1", 2, false]],
    ...[["t-0", 3, true], ["t-1", 3, true]],
  ]);
});

Deno.test("Transaction coordinator has the next transaction's records wait until the one before has ended", async () => {
  const w = world();
  const identity = await init(w);
  await add(w, identity, 0);
  const heard = Promise.withResolvers<void>();
  w.told.heard = heard.promise;
  const next = await end(w, identity, true);
  const partitions = [{ topic: "t", partition: 1 }];
  let isAdded = false;
  const added = w.ref.ask("add", { transactionalId: "tx", ...next, partitions, waits: true })
    .then(() => isAdded = true);
  await w.environment.advance(50);
  assertEquals([isAdded, await stateOf(w)], [false, "PrepareCommit"]);
  heard.resolve();
  await w.environment.advance(1);
  await added;
  assertEquals(await stateOf(w), "Ongoing");
});

Deno.test("Transaction coordinator does not have records wait for long, nor those of a producer that is fenced", async () => {
  const w = world(undefined, { "add.partitions.to.txn.retry.backoff.max.ms": "70" });
  const identity = await init(w);
  await add(w, identity, 0);
  w.told.patience = 0;
  const next = await end(w, identity, true);
  const adding = (producer: Identity) =>
    w.ref.ask("add", {
      transactionalId: "tx",
      ...producer,
      partitions: [{ topic: "t", partition: 1 }],
      waits: true,
    });
  assertEquals(await kindOf(adding(identity)), "PRODUCER_FENCED");
  let refused = "";
  const refusal = kindOf(adding(next)).then((kind) => refused = kind);
  await w.environment.advance(69);
  assertEquals(refused, "");
  await w.environment.advance(1);
  await refusal;
  assertEquals(refused, "CONCURRENT_TRANSACTIONS");
});

Deno.test("Transaction coordinator leaves an old client its epoch from begin to begin", async () => {
  const w = world();
  const identity = await init(w);
  await add(w, identity, 0);
  assertEquals(await end(w, identity, true, false), identity);
  await w.environment.advance(1);
  assertEquals(await end(w, identity, true, false), identity, "ended again");
  assertEquals(await kindOf(end(w, identity, false, false)), "INVALID_TXN_STATE");
  await add(w, identity, 1);
  assertEquals(await end(w, identity, false, false), identity);
  await w.environment.advance(1);
  assertEquals(await init(w), { ...identity, epoch: 1 });
});

Deno.test("Transaction coordinator brings what it has decided to its end, wherever it is killed", async () => {
  for (const bumps of [true, false]) {
    for (const commit of [true, false]) {
      for (let patience = 0; patience <= 3; patience++) {
        const first = world();
        const identity = await init(first);
        await add(first, identity, 0, 1, 2);
        first.told.patience = patience;
        const next = await end(first, identity, commit, bumps);
        await first.environment.advance(1);

        const second = world(first);
        await second.environment.advance(1);
        const what = `killed after ${patience} markers`;
        assertEquals(await stateOf(second), commit ? "CompleteCommit" : "CompleteAbort", what);
        const expected = patience === 3 ? [] : ["t-0", "t-1", "t-2"];
        assertEquals(second.told.markers.map(({ place }) => place), expected, what);
        assert(second.told.markers.every((marker) => marker.commit === commit), what);
        assert(second.told.markers.every(({ epoch }) => epoch === next.epoch), what);
        assertEquals(await end(second, identity, commit, bumps), next, "the client asks again");
        await add(second, next, 5);
      }
    }
  }
});

Deno.test("Transaction coordinator tells no partition of an end before that is durable", async () => {
  const w = world();
  const identity = await init(w);
  await add(w, identity, 0);
  w.partition.hold = true;
  const ended = end(w, identity, true);
  await w.environment.advance(10);
  assertEquals(w.told.markers, []);
  w.partition.release();
  await ended;
  await w.environment.advance(10);
  assertEquals(w.told.markers.length, 1);
});

Deno.test("Transaction coordinator forgets an end that was never durable, and so the transaction goes on", async () => {
  const w = world();
  const identity = await init(w);
  await add(w, identity, 0);
  w.partition.fail = true;
  assertEquals(await kindOf(end(w, identity, true)), "NOT_COORDINATOR");
  w.partition.fail = false;
  await w.environment.advance(1_000);
  assertEquals([await stateOf(w), w.told.markers.length], ["Ongoing", 0]);
  await end(w, identity, false);
  await w.environment.advance(1);
  assertEquals(w.told.markers.map(({ commit }) => commit), [false]);
});

Deno.test("Transaction coordinator aborts what a producer has left open, and fences it", async () => {
  const w = world();
  const zombie = await init(w);
  await add(w, zombie, 0);
  assertEquals(await kindOf(init(w)), "CONCURRENT_TRANSACTIONS");
  await w.environment.advance(1);
  assertEquals(w.told.markers.map(({ commit, epoch }) => [commit, epoch]), [[false, 1]]);
  const next = await init(w);
  assertEquals(next, { producerId: zombie.producerId, epoch: 2 });
  assertEquals(await kindOf(add(w, zombie, 1)), "PRODUCER_FENCED");
  assertEquals(await kindOf(end(w, zombie, true)), "PRODUCER_FENCED");
  assertEquals(await kindOf(end(w, zombie, false, false)), "PRODUCER_FENCED");
  assertEquals(await kindOf(init(w, zombie)), "PRODUCER_FENCED");
  const stranger = { producerId: 1n, epoch: 0 };
  assertEquals(await kindOf(add(w, stranger, 0)), "INVALID_PRODUCER_ID_MAPPING");
  assertEquals(await kindOf(init(w, stranger)), "PRODUCER_FENCED");
});

for (const restarted of [false, true]) {
  const when = restarted ? "also when it was restarted before" : "and fences its producer";
  Deno.test(`Transaction coordinator aborts a transaction that takes too long, ${when}`, async () => {
    const first = world();
    const identity = await init(first, null, 15_000);
    await add(first, identity, 0);
    await first.environment.advance(9_000);
    assertEquals(await stateOf(first), "Ongoing");
    const w = restarted ? world(first) : first;
    await w.environment.advance(20_000);
    assertEquals(await stateOf(w), "CompleteAbort");
    assertEquals(w.told.markers.map(({ commit, epoch }) => [commit, epoch]), [[false, 1]]);
    assertEquals(await kindOf(add(w, identity, 1)), "PRODUCER_FENCED");
    assertEquals(await kindOf(end(w, identity, true)), "INVALID_TXN_STATE", "it is not committed");
    assertEquals(await kindOf(end(w, identity, true, false)), "PRODUCER_FENCED");
  });
}

for (const restarted of [false, true]) {
  const when = restarted ? ", after a restart" : "";
  Deno.test(`Transaction coordinator lets a producer that took too long come back${when} (KIP-588)`, async () => {
    for (const bumps of [true, false]) {
      const first = world();
      const identity = await init(first, null, 15_000);
      await add(first, identity, 0);
      await first.environment.advance(30_000);
      const w = restarted ? world(first) : first;
      const next = bumps ? await end(w, identity, false) : await init(w, identity);
      assertEquals(next, { ...identity, epoch: 1 });
      await add(w, next, 1);
      await end(w, next, true, bumps);
      await w.environment.advance(1);
      assertEquals(await stateOf(w), "CompleteCommit");
    }
  });
}

Deno.test("Transaction coordinator lets nobody come back whose id another producer has begun with", async () => {
  const w = world();
  const zombie = await init(w);
  await add(w, zombie, 0);
  assertEquals(await kindOf(init(w)), "CONCURRENT_TRANSACTIONS");
  await w.environment.advance(1);
  await init(w);
  assertEquals(await kindOf(end(w, zombie, false)), "PRODUCER_FENCED");
  assertEquals(await kindOf(init(w, zombie)), "PRODUCER_FENCED");
});

Deno.test("Transaction coordinator gives nobody the epoch above the last one", async () => {
  const before = world();
  const { producerId } = await init(before);
  await writeEpoch(before, producerId, LAST_EPOCH);
  const w = world(before);
  const identity = { producerId, epoch: LAST_EPOCH };
  await add(w, identity, 0);
  await w.environment.advance(100_000);
  assertEquals(w.told.markers.map(({ epoch }) => epoch), [LAST_EPOCH + 1]);
  assertEquals(await kindOf(end(w, identity, false)), "PRODUCER_FENCED");
  const after = world(w);
  assertEquals(await kindOf(end(after, identity, false)), "PRODUCER_FENCED");
  assertEquals(await kindOf(init(after, identity)), "PRODUCER_FENCED");
  const next = await init(after);
  assert(next.producerId !== producerId);
  assertEquals(next.epoch, 0);
});

Deno.test("Transaction coordinator lets a producer recover with the epoch that it knows (KIP-360)", async () => {
  const w = world();
  const identity = await init(w);
  const next = await init(w, identity);
  assertEquals(next, { ...identity, epoch: 1 });
  assertEquals(await init(w, identity), next, "the answer was lost");
  assertEquals(await init(w, next), { ...identity, epoch: 2 });
  assertEquals(await kindOf(init(w, identity)), "PRODUCER_FENCED");
});

Deno.test("Transaction coordinator goes on with a new producer id when the epochs are used up", async () => {
  const before = world();
  const { producerId: first } = await init(before);
  await writeEpoch(before, first, LAST_EPOCH);
  const w = world(before);
  const identity = { producerId: first, epoch: LAST_EPOCH };
  await add(w, identity, 0);
  w.told.patience = 0;
  const next = await end(w, identity, true);
  assert(next.producerId !== first);
  assertEquals(next.epoch, 0);
  assertEquals(await kindOf(add(w, next, 1)), "CONCURRENT_TRANSACTIONS");

  const after = world(w);
  await after.environment.advance(1);
  assertEquals(after.told.markers.map(({ producerId, epoch }) => [producerId, epoch]), [
    [first, 32_767],
  ]);
  assertEquals(await end(after, identity, true), next, "the answer was lost");
  await add(after, next, 1);
});

Deno.test("Transaction coordinator forgets ids that nobody uses, but none with an open transaction", async () => {
  const settings = {
    "transactional.id.expiration.ms": "100000",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "10000",
  };
  const w = world(undefined, settings);
  const identity = await init(w, null, 600_000);
  await add(w, identity, 0);
  await w.environment.advance(120_000);
  assertEquals(await stateOf(w), "Ongoing");
  const next = await end(w, identity, true);
  await w.environment.advance(120_000);
  assertEquals(await stateOf(w), undefined);
  assertEquals(await kindOf(add(w, next, 0)), "INVALID_PRODUCER_ID_MAPPING");
  const again = world(w, settings);
  await again.environment.advance(1);
  assertEquals(await stateOf(again), undefined);
});

Deno.test("Transaction coordinator says which partitions are part of a transaction", async () => {
  const w = world();
  const identity = await init(w);
  const verify = () =>
    w.ref.ask("verify", {
      transactionalId: "tx",
      ...identity,
      partitions: [0, 1].map((partition) => ({ topic: "t", partition })),
    });
  assertEquals(await verify(), ["TRANSACTION_ABORTABLE", "TRANSACTION_ABORTABLE"]);
  await add(w, identity, 1);
  assertEquals(await verify(), ["TRANSACTION_ABORTABLE", null]);
  w.told.patience = 0;
  await end(w, identity, true, false);
  assertEquals(await kindOf(verify()), "CONCURRENT_TRANSACTIONS");
});

Deno.test("Transaction coordinator tells the feed of each transition", async () => {
  const w = world();
  const reader = w.feed.read();
  const identity = await init(w);
  await add(w, identity, 0);
  await end(w, identity, true);
  await w.environment.advance(1);
  reader.close();
  const steps: string[] = [];
  for await (const { event, from, to } of reader) steps.push(`${from} ${event} ${to}`);
  assertEquals(steps, [
    "Empty init Empty",
    "Empty add Ongoing",
    "Ongoing end PrepareCommit",
    "PrepareCommit markersWritten CompleteCommit",
  ]);
});

Deno.test("Transaction coordinator refuses partitions with which a transaction could not be ended", async () => {
  const w = world();
  const identity = await init(w);
  let next = 0;
  for (const step of [1000, 100, 10, 1]) {
    for (let kind = ""; kind !== "MESSAGE_TOO_LARGE";) {
      const partitions = Array.from({ length: step }, (_, n) => next + n);
      const refused = await add(w, identity, ...partitions).then(() => null, (error) => error);
      if (refused === null) next += step;
      else kind = refused.kind;
    }
  }
  assert(next > 20_000, `${next} partitions`);
  await end(w, identity, true);
  await w.environment.advance(100_000);
  assertEquals(await stateOf(w), "CompleteCommit");
  assertEquals(w.environment.lines.filter(({ level }) => level === "error"), []);
});
