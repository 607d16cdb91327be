/**
 * What brokers say to transactional producers, request by request and version by version: run against two of them, the
 * answers can be compared.
 *
 * @module
 */
import {
  describeProducersRequest,
  describeProducersResponse,
} from "../../../protocol/messages/61_describe_producers.ts";
import {
  describeTransactionsRequest,
  describeTransactionsResponse,
} from "../../../protocol/messages/65_describe_transactions.ts";
import {
  findCoordinatorRequest,
  findCoordinatorResponse,
} from "../../../protocol/messages/10_find_coordinator.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../../protocol/messages/22_init_producer_id.ts";
import {
  listTransactionsRequest,
  listTransactionsResponse,
} from "../../../protocol/messages/66_list_transactions.ts";
import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../../protocol/messages/42_delete_groups.ts";
import {
  listGroupsRequest,
  listGroupsResponse,
} from "../../../protocol/messages/16_list_groups.ts";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../../protocol/messages/08_offset_commit.ts";
import {
  offsetDeleteRequest,
  offsetDeleteResponse,
} from "../../../protocol/messages/47_offset_delete.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../../protocol/messages/09_offset_fetch.ts";
import { coordinatorPartition } from "../../../protocol/java_hash.ts";
import { WireProducer } from "../../server/transaction_support.ts";
import { uniqueName } from "./broker.ts";
import { createTopic } from "./topics.ts";
import { dial } from "./wire.ts";

/** What was answered, by what was asked. */
export type Answers = Record<string, unknown>;

interface Address {
  readonly host: string;
  readonly port: number;
  readonly bootstrap: string;
}

const CONCURRENT_TRANSACTIONS = 51;
/** Of `__consumer_offsets`, by default. */
const GROUP_PARTITIONS = 50;
/** A coordinator that is loading, missing or elsewhere. */
const COORDINATOR_TROUBLE: ReadonlySet<number> = new Set([14, 15, 16]);
const TRIES = 200;
const WAIT_MS = 25;

/** Producers of one broker, in a topic of their own. */
class Stage implements AsyncDisposable {
  readonly #producers: WireProducer[] = [];

  private constructor(readonly broker: Address, readonly topic: string) {}

  static async open(broker: Address): Promise<Stage> {
    using client = await dial(broker);
    // Kafka makes its internal topics when somebody looks for a coordinator, and not before.
    for (const keyType of [0, 1]) {
      await settled(async () => {
        const { coordinators: [{ errorCode }] } = await client.ask(
          [findCoordinatorRequest, findCoordinatorResponse],
          4,
          { keyType, coordinatorKeys: ["anybody"] },
        );
        return errorCode;
      });
    }
    return new Stage(broker, await createTopic(broker, { what: "wire", partitions: 3 }));
  }

  /** A producer that has not said anything yet. */
  async stranger(id = uniqueName("tx"), group = uniqueName("group")): Promise<WireProducer> {
    const producer = new WireProducer(await dial(this.broker), id, this.topic, group);
    this.#producers.push(producer);
    return producer;
  }

  /** A producer that has begun. */
  async producer(): Promise<WireProducer> {
    const producer = await this.stranger();
    await settled(() => producer.init());
    return producer;
  }

  /** A producer that another one with its id has fenced. */
  async zombie(): Promise<WireProducer> {
    const zombie = await this.producer();
    const next = await this.stranger(zombie.id);
    await settled(() => next.init());
    return zombie;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const producer of this.#producers) producer[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** Asks again while the transaction before is still ending, or the coordinator is being set up. */
async function settled(ask: () => Promise<number>): Promise<number> {
  for (let attempt = 0;; attempt++) {
    const code = await ask();
    const again = code === CONCURRENT_TRANSACTIONS || COORDINATOR_TROUBLE.has(code);
    if (!again || attempt === TRIES) return code;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}

/** All versions from one to another. */
function versions(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** Everything that a producer can ask with its identity, in every version. */
async function askAll(make: () => Promise<WireProducer>): Promise<Answers> {
  const answers: Answers = {};
  for (const version of versions(0, 3)) {
    answers[`AddPartitionsToTxn v${version}`] = await (await make()).addEach(version, 0, 1);
  }
  for (const version of versions(4, 5)) {
    answers[`AddPartitionsToTxn v${version}`] = await (await make()).addAsBroker(version, false, 0);
    answers[`AddPartitionsToTxn v${version}, verify only`] = await (await make())
      .addAsBroker(version, true, 0);
  }
  for (const version of versions(0, 4)) {
    answers[`AddOffsetsToTxn v${version}`] = await (await make()).addOffsets(version);
  }
  for (const version of versions(0, 5)) {
    answers[`TxnOffsetCommit v${version}`] = await (await make()).commitOffset(version, 1n);
  }
  for (const version of versions(3, 12)) {
    answers[`Produce v${version}`] = await (await make()).produce(version);
  }
  for (const version of versions(0, 5)) {
    for (const commit of [true, false]) {
      answers[`EndTxn v${version}, ${commit ? "commit" : "abort"}`] = await (await make())
        .end(version, commit);
    }
  }
  for (const version of versions(3, 5)) {
    const producer = await make();
    answers[`InitProducerId v${version}`] = await producer.init(version, { expected: producer });
  }
  return answers;
}

/** One thing to find out. */
export type Scenario = (stage: Stage) => Promise<Answers>;

/** What is asked, by what it is about. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a producer that has just begun": (stage) => askAll(() => stage.producer()),

  "a producer that another one has fenced": (stage) => askAll(() => stage.zombie()),

  "a producer with an epoch that nobody was given": (stage) =>
    askAll(async () => {
      const producer = await stage.producer();
      producer.epoch += 5;
      return producer;
    }),

  "a producer with another's producer id": (stage) =>
    askAll(async () => {
      const producer = await stage.producer();
      producer.producerId += 1000n;
      return producer;
    }),

  "a transactional id that nobody has": (stage) =>
    askAll(async () => {
      const producer = await stage.stranger();
      producer.become({ producerId: 5n, producerEpoch: 0 });
      return producer;
    }),

  "an empty transactional id": (stage) =>
    askAll(async () => {
      const producer = await stage.stranger("");
      producer.become({ producerId: 5n, producerEpoch: 0 });
      return producer;
    }),

  "a producer whose transaction is open": (stage) =>
    askAll(async () => {
      const producer = await stage.producer();
      await settled(() => producer.add(3, 0));
      await settled(() => producer.addOffsets(3));
      return producer;
    }),

  async "InitProducerId"(stage) {
    const answers: Answers = {};
    for (const version of versions(0, 5)) {
      const producer = await stage.stranger();
      const codes = [
        await settled(() => producer.init(version)),
        await settled(() => producer.init(version)),
      ];
      answers[`v${version}, twice`] = [codes, producer.epoch];
    }
    for (const timeoutMs of [0, -1, 1, 900_000, 900_001]) {
      const producer = await stage.stranger();
      answers[`timeout ${timeoutMs}`] = await settled(() => producer.init(5, { timeoutMs }));
    }
    const client = await dial(stage.broker);
    for (
      const [what, transactionalId, producerId, producerEpoch] of [
        ["without id", null, -1n, -1],
        ["without id, known", null, 5n, 0],
        ["epoch alone", uniqueName("tx"), -1n, 3],
        ["id alone", uniqueName("tx"), 3n, -1],
        ["new id, known", uniqueName("tx"), 3n, 0],
        ["new id, negative", uniqueName("tx"), -3n, -3],
      ] as const
    ) {
      const draft = { transactionalId, transactionTimeoutMs: 1000, producerId, producerEpoch };
      const pair = [initProducerIdRequest, initProducerIdResponse] as const;
      answers[what] = await settled(async () => (await client.ask(pair, 5, draft)).errorCode);
    }
    client[Symbol.dispose]();
    return answers;
  },

  async "a producer that begins again with what it knows (KIP-360)"(stage) {
    const answers: Answers = {};
    for (const version of versions(3, 5)) {
      const producer = await stage.producer();
      const { producerId, epoch } = producer;
      const codes: number[] = [];
      const init = async (expected: { producerId: bigint; epoch: number }) => {
        codes.push(await settled(() => producer.init(version, { expected })), producer.epoch);
      };
      await init({ producerId, epoch });
      await init({ producerId, epoch });
      await init({ producerId, epoch: epoch + 1 });
      await init({ producerId, epoch });
      await init({ producerId, epoch: epoch + 7 });
      await init({ producerId: producerId + 1n, epoch });
      await settled(() => producer.add(3, 0));
      await init(producer);
      answers[`v${version}`] = codes;
    }
    return answers;
  },

  async "a producer that another one fences amid its transaction"(stage) {
    const answers: Answers = {};
    for (const version of [11, 12]) {
      const zombie = await stage.producer();
      if (version < 12) await settled(() => zombie.add(3, 0));
      await zombie.produce(version);
      const next = await stage.stranger(zombie.id);
      answers[`v${version}, InitProducerId`] = [
        await settled(() => next.init()),
        next.epoch,
        next.producerId === zombie.producerId,
      ];
      answers[`v${version}, the zombie`] = [
        await zombie.produce(version),
        await zombie.end(4, true),
        await zombie.end(5, true),
        await zombie.end(5, false),
        await zombie.twin().init(5, { expected: zombie }),
      ];
      answers[`v${version}, the next`] = [await next.produce(12), await next.end(5, true)];
    }
    return answers;
  },

  async "a producer whose transaction has taken too long"(stage) {
    const late = async (produces: number) => {
      const producer = await stage.stranger();
      await settled(() => producer.init(5, { timeoutMs: 1000 }));
      await settled(() => producer.addOffsets(3));
      if (produces < 12) await settled(() => producer.add(3, 0));
      await producer.produce(produces);
      return producer;
    };
    const produces = [11, 12];
    const answers: Answers = {};
    const all = await Promise.all(produces.map(late));
    for (const [at, producer] of all.entries()) {
      const named = `Produce v${produces[at]}`;
      const end = produces[at] < 12 ? 4 : 5;
      answers[`${named}, state`] = await settledState(stage, producer.id);
      answers[named] = await producer.produce(produces[at]);
      answers[`${named}, AddPartitionsToTxn`] = await producer.add(3, 1);
      answers[`${named}, TxnOffsetCommit`] = await producer.commitOffset(5, 1n);
      answers[`${named}, commit`] = await producer.twin().end(end, true);
      answers[`${named}, abort`] = await producer.twin().end(end, false);
      const back = producer.twin();
      const codes = [await settled(() => back.init(4, { expected: producer }))];
      answers[`${named}, InitProducerId`] = [codes, back.epoch - producer.epoch];
      answers[`${named}, then`] = await settled(() => back.add(3, 1));
    }
    return answers;
  },

  async "EndTxn once more"(stage) {
    const answers: Answers = {};
    for (const version of versions(0, 5)) {
      for (const first of [true, false]) {
        for (const second of [true, false]) {
          const producer = await stage.producer();
          await settled(() => producer.add(3, 0));
          const before = producer.twin();
          const codes = [await producer.end(version, first)];
          // Whoever did not hear of the end asks with the epoch from before, in the versions that change it.
          codes.push(await settled(() => before.end(version, second)));
          const gained = before.epoch - producer.epoch;
          codes.push(await settled(() => producer.end(version, second)));
          answers[`v${version}, ${first} then ${second}`] = [codes, gained, producer.epoch];
        }
      }
    }
    return answers;
  },

  async "EndTxn without a transaction, again and again"(stage) {
    const answers: Answers = {};
    for (const version of [3, 4, 5]) {
      const producer = await stage.producer();
      const codes: number[] = [];
      for (const commit of [false, false, true, false]) {
        codes.push(await settled(() => producer.end(version, commit)), producer.epoch);
      }
      answers[`v${version}`] = codes;
    }
    return answers;
  },

  async "partitions that there are not"(stage) {
    const answers: Answers = {};
    for (const version of versions(0, 3)) {
      const producer = await stage.producer();
      answers[`v${version}`] = await producer.addEach(version, 0, 7, 1, -1);
    }
    for (const verifyOnly of [false, true]) {
      const producer = await stage.producer();
      answers[`v5, verify only ${verifyOnly}`] = await producer
        .addAsBroker(5, verifyOnly, 0, 7, -1);
    }
    const producer = await stage.producer();
    for (const version of [3, 5]) {
      const topic = uniqueName("nowhere");
      await settled(() => producer.addOffsets(3));
      answers[`TxnOffsetCommit v${version}`] = await producer.commitOffset(version, 1n, {}, topic);
      answers[`WriteTxnMarkers, ${version}`] = await producer.writeMarker(1, { topic });
    }
    answers["Produce v12"] = await producer.produce(12, "v", { partition: 7 });
    return answers;
  },

  async "internal topics"(stage) {
    const answers: Answers = {};
    for (const topic of ["__consumer_offsets", "__transaction_state"]) {
      const insider = async () => (await stage.producer()).in(topic);
      for (const version of versions(0, 3)) {
        answers[`${topic}, AddPartitionsToTxn v${version}`] = await (await insider())
          .addEach(version, 0, 1, 999);
      }
      for (const version of versions(4, 5)) {
        answers[`${topic}, verify only v${version}`] = await (await insider())
          .addAsBroker(version, true, 0);
      }
      const producer = await insider();
      answers[`${topic}, Produce v12`] = await producer.produce(12);
      const batch = producer.batch("v", { transactional: false, producer: undefined });
      for (const version of versions(3, 12)) {
        answers[`${topic}, plain Produce v${version}`] = await producer
          .produce(version, "v", { batch, transactionalId: null });
      }
    }
    const producer = (await stage.producer()).in("__consumer_offsets");
    answers["as a broker"] = await settled(async () =>
      (await producer.addAsBroker(5, false, 0))[0]
    );
    return answers;
  },

  async "two producers in one request"(stage) {
    const answers: Answers = {};
    for (const version of [11, 12]) {
      for (
        const [what, other] of [
          ["one", (producer: WireProducer) => producer.twin()],
          ["two epochs", (producer) => {
            const other = producer.twin();
            other.become({ producerId: producer.producerId, producerEpoch: producer.epoch + 500 });
            return other;
          }],
          ["two ids", () => stage.producer()],
        ] as const satisfies [string, (producer: WireProducer) => unknown][]
      ) {
        const producer = await stage.producer();
        if (version < 12) await settled(() => producer.add(3, 0, 1));
        const batches = [producer.batch("a"), (await other(producer)).batch("b")];
        answers[`v${version}, ${what}`] = await producer.produceEach(version, batches);
        const plain = producer.batch("c", { transactional: false, producer: undefined });
        answers[`v${version}, ${what}, and plain`] = await producer
          .produceEach(version, [...batches, plain]);
        answers[`v${version}, ${what}: the second and plain`] = await producer
          .produceEach(version, [batches[1], plain]);
        answers[`v${version}, ${what}: end`] = await producer.end(version < 12 ? 4 : 5, false);
      }
    }
    return answers;
  },

  async "partitions inside and outside of a transaction"(stage) {
    const answers: Answers = {};
    for (const version of versions(3, 11)) {
      const producer = await stage.producer();
      await settled(() => producer.add(3, 1));
      answers[`Produce v${version}, outside`] = await producer.produce(version);
      answers[`Produce v${version}, inside`] = await producer
        .produce(version, "v", { partition: 1 });
    }
    for (const version of versions(0, 4)) {
      const producer = await stage.producer();
      await settled(() => producer.add(3, 1));
      answers[`TxnOffsetCommit v${version}, outside`] = await producer.commitOffset(version, 1n);
      await settled(() => producer.addOffsets(3));
      answers[`TxnOffsetCommit v${version}, inside`] = await producer.commitOffset(version, 1n);
    }
    for (const version of versions(4, 5)) {
      const producer = await stage.producer();
      await settled(() => producer.add(3, 1));
      answers[`verify only v${version}`] = await producer.addAsBroker(version, true, 0, 1);
    }
    return answers;
  },

  async "a produce that comes after its transaction has ended"(stage) {
    const answers: Answers = {};
    for (const version of versions(3, 11)) {
      const producer = await stage.producer();
      await settled(() => producer.add(3, 0));
      await producer.produce(version);
      await producer.end(4, true);
      await settled(() => producer.end(4, true));
      answers[`Produce v${version}, without KIP-890`] = await producer.produce(version);
    }
    const producer = await stage.producer();
    await producer.produce(12);
    const late = producer.twin(await dial(stage.broker));
    late.sequence = 1;
    await producer.end(5, true);
    await settled(() => producer.twin().end(5, false));
    answers["Produce v12"] = await late.produce(12);
    answers["TxnOffsetCommit v5"] = await late.commitOffset(5, 1n);
    late[Symbol.dispose]();
    return answers;
  },

  async "KIP-890: partitions and groups that are added by writing"(stage) {
    const producer = await stage.producer();
    const answers: Answers = {};
    answers["first"] = await producer.produce(12);
    answers["offsets"] = await settled(() => producer.commitOffset(5, 7n));
    answers["state"] = (await describe(stage, producer.id)).map(({ transactionState, topics }) => [
      transactionState,
      topics.map(({ topic }) => topic === stage.topic ? "topic" : topic).sort(),
    ]);
    producer.sequence = 4;
    answers["sequence"] = await producer.produce(12);
    answers["sequence where it is not known"] = await producer
      .produce(12, "v", { partition: 2 });
    return answers;
  },

  async "batches that are not what they should be"(stage) {
    const producer = await stage.producer();
    await settled(() => producer.add(3, 0));
    const of = async (
      more: Parameters<WireProducer["batch"]>[1],
      id: string | null = producer.id,
    ) => [
      await producer.produce(11, "v", { batch: producer.batch("v", more), transactionalId: id }),
      await producer.produce(12, "v", { batch: producer.batch("v", more), transactionalId: id }),
    ];
    return {
      "no transactional id": await of({}, null),
      "an empty transactional id": await of({}, ""),
      "a control batch": await of({ control: true }),
    };
  },

  async "TxnOffsetCommit of members that are none"(stage) {
    const answers: Answers = {};
    for (const version of versions(3, 5)) {
      for (
        const [what, member] of [
          ["generation", { generationId: 4, memberId: "" }],
          ["member", { generationId: -1, memberId: "somebody" }],
          ["both", { generationId: 4, memberId: "somebody" }],
          ["nobody", { generationId: -1, memberId: "" }],
        ] as const
      ) {
        const producer = await stage.producer();
        await settled(() => producer.addOffsets(3));
        answers[`v${version}, ${what}`] = await producer.commitOffset(version, 3n, member);
      }
    }
    const nameless = await stage.stranger(undefined, "");
    await settled(() => nameless.init());
    answers["no group: AddOffsetsToTxn"] = await settled(() => nameless.addOffsets(4));
    answers["no group: TxnOffsetCommit"] = await settled(() => nameless.commitOffset(5, 3n));
    return answers;
  },

  async "offsets whose transaction is open"(stage) {
    const producer = await stage.producer();
    const answers: Answers = {};
    const offset = async (requireStable: boolean) => {
      const { topics } = await producer.client.ask([offsetFetchRequest, offsetFetchResponse], 7, {
        groupId: producer.group,
        topics: [{ name: stage.topic, partitionIndexes: [0, 1] }],
        requireStable,
      });
      return topics[0].partitions.map(({ committedOffset, errorCode }) => [
        Number(committedOffset),
        errorCode,
      ]);
    };
    for (const [at, commit] of [[5n, true], [9n, false]] as const) {
      await settled(() => producer.commitOffset(5, at));
      answers[`${at}, open`] = [await offset(false), await offset(true)];
      const before = producer.twin();
      await producer.end(5, commit);
      await settled(() => before.end(5, commit));
      answers[`${at}, ended`] = [await offset(false), await offset(true)];
    }
    return answers;
  },

  async "groups and offsets that are deleted while a transaction has offsets of them"(stage) {
    const answers: Answers = {};
    for (const deletes of ["group", "offset", "nothing"] as const) {
      for (const before of [true, false]) {
        for (const commit of [true, false]) {
          const named = `${deletes} ${before ? "with" : "without"} an offset, ${commit}`;
          // A group of which nothing is left Kafka forgets not before it looks for expired offsets again.
          const seen = ([group, offset]: unknown[]) =>
            deletes === "group" || before && deletes === "nothing" ? [group, offset] : offset;
          const producer = await stage.producer();
          if (before) answers[`${named}, before`] = await settled(() => commitAlone(producer));
          await settled(() => producer.addOffsets(3));
          // Whoever has no generation may commit for an empty group, whatever it calls itself.
          const member = { generationId: -1, memberId: "somebody" };
          answers[`${named}, offset`] = await producer.commitOffset(3, 42n, member);
          answers[`${named}, open`] = await groupAndOffset(producer);
          if (deletes !== "nothing") {
            answers[`${named}, deleted`] = await (deletes === "group" ? deleteGroup : deleteOffset)(
              producer,
            );
            answers[`${named}, then`] = seen(await groupAndOffset(producer));
          }
          answers[`${named}, end`] = await producer.end(3, commit);
          await settled(() => producer.add(3, 0));
          answers[`${named}, ended`] = seen(await groupAndOffset(producer));
        }
      }
    }
    return answers;
  },

  async "WriteTxnMarkers"(stage) {
    const answers: Answers = {};
    for (const [version, transactionVersion] of [[1, 0], [2, 0], [2, 1], [2, 2]] as const) {
      const producer = await stage.producer();
      await settled(() => producer.init());
      await producer.produce(12);
      const named = `v${version}, transaction version ${transactionVersion}`;
      producer.epoch--;
      answers[`${named}, an older epoch`] = await producer
        .writeMarker(version, { transactionVersion });
      producer.epoch++;
      answers[`${named}, its epoch`] = await producer.writeMarker(version, { transactionVersion });
      answers[`${named}, again`] = await producer.writeMarker(version, { transactionVersion });
      answers[`${named}, a partition that there is not`] = await producer
        .writeMarker(version, { transactionVersion, partition: 9 });
      answers[`${named}, an older coordinator`] = await producer
        .writeMarker(version, { transactionVersion, coordinatorEpoch: -1 });
      answers[`${named}, then Produce`] = await producer.produce(11);
    }
    return answers;
  },

  async "WriteTxnMarkers to __consumer_offsets"(stage) {
    const answers: Answers = {};
    for (const [version, transactionVersion] of [[1, 0], [2, 0], [2, 1], [2, 2]] as const) {
      const producer = await stage.producer();
      await settled(() => producer.init());
      await settled(() => producer.commitOffset(5, 3n));
      const partition = coordinatorPartition(producer.group, GROUP_PARTITIONS);
      const to = { topic: "__consumer_offsets", partition, transactionVersion };
      const named = `v${version}, transaction version ${transactionVersion}`;
      producer.epoch--;
      answers[`${named}, an older epoch`] = await producer.writeMarker(version, to);
      producer.epoch++;
      answers[`${named}, its epoch`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 7 });
      answers[`${named}, again`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 7 });
      answers[`${named}, an older coordinator`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 6 });
      producer.epoch++;
      answers[`${named}, the next epoch`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 8 });
      answers[`${named}, the next epoch of an older coordinator`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 7 });
      producer.epoch += 3;
      answers[`${named}, a later epoch`] = await producer
        .writeMarker(version, { ...to, coordinatorEpoch: 9 });
      const nobody = await stage.producer();
      answers[`${named}, of nobody`] = await nobody.writeMarker(version, to);
      answers[`${named}, a partition that there is not`] = await nobody
        .writeMarker(version, { ...to, partition: 999 });
    }
    return answers;
  },

  async "DescribeProducers"(stage) {
    const producer = await stage.producer();
    await producer.produce(12);
    await producer.produce(12);
    const ask = async (name: string) => {
      const { topics } = await producer.client.ask(
        [describeProducersRequest, describeProducersResponse],
        0,
        { topics: [{ name, partitionIndexes: [0, 1, 9, -1] }] },
      );
      return topics[0].partitions.map(({ errorCode, activeProducers }) => [
        errorCode,
        activeProducers.map((active) => [
          active.producerId === producer.producerId,
          active.producerEpoch - producer.epoch,
          active.lastSequence,
          active.coordinatorEpoch,
          Number(active.currentTxnStartOffset),
        ]),
      ]);
    };
    const answers: Answers = { open: await ask(stage.topic), nowhere: await ask("nowhere") };
    const before = producer.twin();
    await producer.end(5, true);
    await settled(() => before.end(5, true));
    answers["ended"] = await ask(stage.topic);
    return answers;
  },

  async "DescribeTransactions and ListTransactions"(stage) {
    const producer = await stage.producer();
    const answers: Answers = { empty: await shortDescription(stage, producer) };
    await producer.produce(12);
    await producer.produce(12, "v", { partition: 2 });
    answers["open"] = await shortDescription(stage, producer);
    const before = producer.twin();
    await producer.end(5, false);
    await settled(() => before.end(5, false));
    answers["ended"] = await shortDescription(stage, producer);
    answers["none"] = (await describe(stage, "none", "")).map(({ errorCode }) => errorCode);
    const fresh = await stage.producer();
    const list = async (version: number, filter: {
      stateFilters?: string[];
      producerIdFilters?: bigint[];
      durationFilter?: bigint;
      transactionalIdPattern?: string | null;
    }) => {
      const answer = await producer.client.ask(
        [listTransactionsRequest, listTransactionsResponse],
        version,
        { stateFilters: [], producerIdFilters: [], ...filter },
      );
      const ids = new Set(answer.transactionStates.map(({ transactionalId }) => transactionalId));
      return [
        answer.errorCode,
        answer.unknownStateFilters.toSorted(),
        ids.has(producer.id),
        ids.has(fresh.id),
      ];
    };
    const states = ["Nonsense", "ongoing", "Dead", "", "PrepareEpochFence", "Empty"];
    for (const version of versions(0, 2)) {
      answers[`v${version}, all`] = await list(version, {});
      answers[`v${version}, states`] = await list(version, { stateFilters: states });
      answers[`v${version}, a state`] = await list(version, { stateFilters: ["CompleteAbort"] });
      answers[`v${version}, producers`] = await list(version, {
        producerIdFilters: [-1n, fresh.producerId],
      });
    }
    for (const durationFilter of [0n, 1n, 100_000_000n, -1n, -7n]) {
      answers[`for ${durationFilter} ms`] = await list(1, { durationFilter });
    }
    for (
      const pattern of [null, "", ".*", producer.id, producer.id.slice(1), "tx", "tx-[0-9a-f]{8}"]
    ) {
      const what = pattern?.replace(producer.id.slice(1), "X");
      answers[`like ${what}`] = await list(2, { transactionalIdPattern: pattern });
    }
    for (const pattern of ["(", "(?=a)", "a**", "[z-a]", "(a)\\1"]) {
      answers[`like ${pattern}`] = await list(2, { transactionalIdPattern: pattern });
    }
    return answers;
  },
};

async function describe(stage: Stage, ...transactionalIds: string[]) {
  using client = await dial(stage.broker);
  const { transactionStates } = await client.ask(
    [describeTransactionsRequest, describeTransactionsResponse],
    0,
    { transactionalIds },
  );
  return transactionStates;
}

/** The state of a transactional id once nothing goes on there any more. */
async function settledState(stage: Stage, id: string): Promise<string> {
  for (let attempt = 0;; attempt++) {
    const [{ transactionState }] = await describe(stage, id);
    if (transactionState.startsWith("Complete") || attempt === TRIES) return transactionState;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}

async function shortDescription(stage: Stage, producer: WireProducer): Promise<unknown> {
  const [told] = await describe(stage, producer.id);
  return [
    told.errorCode,
    told.transactionState,
    told.transactionTimeoutMs,
    told.transactionStartTimeMs > 0n,
    told.producerId === producer.producerId,
    told.producerEpoch - producer.epoch,
    told.topics.map(({ topic, partitions }) => [topic === stage.topic, partitions.toSorted()]),
  ];
}

/** Commits 3 for the group of a producer, outside of its transaction. */
async function commitAlone({ client, group, topic }: WireProducer): Promise<number> {
  const partition = { partitionIndex: 0, committedOffset: 3n, committedMetadata: "" };
  const { topics } = await client.ask([offsetCommitRequest, offsetCommitResponse], 7, {
    groupId: group,
    generationIdOrMemberEpoch: -1,
    memberId: "",
    topics: [{ name: topic, partitions: [partition] }],
  });
  return topics[0].partitions[0].errorCode;
}

/** How the group of a producer is listed, and what it has committed. */
async function groupAndOffset({ client, group, topic }: WireProducer): Promise<unknown[]> {
  const { groups } = await client.ask([listGroupsRequest, listGroupsResponse], 4, {});
  const { topics } = await client.ask([offsetFetchRequest, offsetFetchResponse], 7, {
    groupId: group,
    topics: [{ name: topic, partitionIndexes: [0] }],
    requireStable: false,
  });
  return [
    groups.filter(({ groupId }) => groupId === group).map(({ groupState }) => groupState),
    Number(topics[0].partitions[0].committedOffset),
  ];
}

async function deleteGroup({ client, group }: WireProducer): Promise<number> {
  const { results } = await client.ask([deleteGroupsRequest, deleteGroupsResponse], 2, {
    groupsNames: [group],
  });
  return results[0].errorCode;
}

async function deleteOffset({ client, group, topic }: WireProducer): Promise<number[]> {
  const { errorCode, topics } = await client.ask([offsetDeleteRequest, offsetDeleteResponse], 0, {
    groupId: group,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
  });
  return [errorCode, ...topics.map(({ partitions }) => partitions[0].errorCode)];
}

/** Plays a scenario. */
export async function play(scenario: Scenario, broker: Address): Promise<Answers> {
  await using stage = await Stage.open(broker);
  return await scenario(stage);
}
