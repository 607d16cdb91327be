import { Consumer, type ConsumerRecord, KafkaError, rangeAssignor } from "../../../client/mod.ts";
import { sleep } from "../../../environment/sleep.ts";
import type { Range, SimulatedProcess } from "../../../testing/mod.ts";
import { GROUP, INPUT, isFatal, OUTPUT, PATIENT_TIMEOUT_MS, Role, Transactor } from "./stage.ts";

/** Milliseconds after which the group goes on without a member: as few as brokers allow. */
const SESSION_TIMEOUT_MS = 6000;
/** Longer than that and shorter than its transaction may last: it goes on as if nothing had happened. */
const STALL_MS: Range = [6500, 9500];

const decoder = new TextDecoder();

/** Reads the input as a member of a group and writes the output, with the group's positions in the same transaction. */
export class Pipeline extends Role {
  protected override async live(process: SimulatedProcess): Promise<void> {
    const { simulation } = this.stage;
    await using transactor = new Transactor(this.stage, process, this.name, PATIENT_TIMEOUT_MS);
    await transactor.initialize();
    await using consumer = new Consumer({
      environment: process.environment,
      bootstrapServers: simulation.broker.bootstrapServers,
      groupId: GROUP,
      clientId: process.name,
      isolationLevel: "read_committed",
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
      maxPollRecords: 6,
      heartbeatIntervalMs: 500,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      maxPollIntervalMs: 8000,
      partitionAssignmentStrategy: [rangeAssignor],
      requestTimeoutMs: 1500,
      defaultApiTimeoutMs: 4000,
    });
    const view = new View(process.name, (name) => this.stage.recorder.startsAnywhere(name));
    consumer.subscribe([INPUT], {
      onPartitionsAssigned: () => view.change(),
      onPartitionsRevoked: () => view.change(),
      onPartitionsLost: () => view.change(),
    });
    while (!this.closing) {
      const records = await poll(consumer);
      if (records.length > 0) await this.#process(records, consumer, transactor, view);
    }
  }

  async #process(
    records: readonly ConsumerRecord[],
    consumer: Consumer,
    transactor: Transactor,
    view: View,
  ): Promise<void> {
    const { recorder } = this.stage;
    const transaction = transactor.begin();
    try {
      for (const { topic, partition, offset, value } of records) {
        const record = { topic, partition, offset, value: decoder.decode(value!) };
        recorder.saw(view.name, record);
        transaction.isMadeOf(record);
        transactor.send(transaction, OUTPUT, `${record.value}>${transaction.name}`);
      }
      await this.#work(transactor);
      const ends = new Map(records.map((record) => [record.partition, record.offset + 1n]));
      const positions = Array.from(
        ends,
        ([partition, offset]) => ({ topic: INPUT, partition, offset }),
      );
      await transactor.sendPositions(transaction, positions, consumer.groupMetadata());
      await this.#work(transactor);
      if (!transactor.random.chance(0.1)) return await transactor.commit(transaction);
    } catch (error) {
      if (!(error instanceof KafkaError) || isFatal(error)) throw error;
    }
    await transactor.abort(transaction);
    await this.#rewind(consumer);
    view.change();
  }

  /** Takes its time, now and then. */
  async #work({ process, random }: Transactor): Promise<void> {
    const { workMeanMs, stallChance } = this.stage.pace;
    if (random.chance(stallChance)) this.stall(process, random.between(STALL_MS));
    else if (random.chance(0.5)) return;
    await sleep(process.environment, random.exponential(2 * workMeanMs));
  }

  /** Goes back to where the group has got to. */
  async #rewind(consumer: Consumer): Promise<void> {
    const assigned = consumer.assignment();
    const committed = await consumer.committed(assigned);
    for (const position of committed) this.stage.recorder.told(GROUP, position);
    for (const target of assigned) {
      const found = committed.find(({ partition }) => partition === target.partition);
      consumer.seek(target, found?.offset ?? 0n);
    }
  }
}

/** What a consumer reads without a jump, by a name of its own. */
class View {
  #number = 0;

  constructor(
    private readonly process: string,
    private readonly onNew: (name: string) => void,
  ) {
    this.change();
  }

  get name(): string {
    return `${this.process}.${this.#number}`;
  }

  change(): void {
    this.#number++;
    this.onNew(this.name);
  }
}

async function poll(consumer: Consumer): Promise<ConsumerRecord[]> {
  try {
    return await consumer.poll({ timeoutMs: 300 });
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return [];
  }
}
