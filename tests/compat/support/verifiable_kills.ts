import { Serving } from "../../cli/process.ts";
import { adminOf, patiently } from "./groups.ts";
import { verifiable, type VerifiableStory } from "./verifiable.ts";

/** How a topic is produced and consumed while its broker is killed. */
export interface VerifiablePlan {
  /** Records that the producer is to send. */
  readonly records: number;
  /** The broker is killed when so many records are stored, each time. */
  readonly killAt: readonly number[];
  /** Settings of kafka-verifiable-producer. */
  readonly producer: Readonly<Record<string, string>>;
}

/** What the tools told. */
export interface VerifiableRun {
  readonly produced: VerifiableStory;
  /** By a consumer that was there all the time. */
  readonly alongside: VerifiableStory;
  /** By one that came when all was over, of all that is stored. */
  readonly afterwards: VerifiableStory;
}

const TOPIC = "verifiable";
const RECORDS_PER_SECOND = 2_000;

/** kafka-verifiable-producer and -consumer on a broker of their own, which is killed (`kill -9`) and started again. */
export async function verifyUnderKills(
  { records, killAt, producer }: VerifiablePlan,
): Promise<VerifiableRun> {
  const data = await Deno.makeTempDir({ prefix: "odradek-verifiable-" });
  const start = (port: number) =>
    Serving.start("--listen", `127.0.0.1:${port}`, "--data", data, ...SETTINGS);
  let serving = await start(0);
  try {
    const broker = {
      host: "127.0.0.1",
      port: serving.port,
      bootstrap: `127.0.0.1:${serving.port}`,
    };
    await using admin = adminOf(broker);
    await admin.createTopics([{ name: TOPIC, partitions: 1 }]);
    const stored = async () => {
      const [{ offset }] = await admin.listOffsets([{ topic: TOPIC, partition: 0, at: "latest" }]);
      return Number(offset);
    };
    const args = ["--bootstrap-server", broker.bootstrap, "--topic", TOPIC];
    const producing = verifiable("producer", [
      ...args,
      ...["--max-messages", `${records}`, "--throughput", `${RECORDS_PER_SECOND}`],
    ], producer);
    const consuming = verifiable("consumer", [
      ...args,
      ...["--group-id", "alongside", "--max-messages", `${records}`, "--verbose"],
    ]);
    for (const count of killAt) {
      await patiently(async () => {
        if (await stored() < count) throw new Error(`${count} records are not stored yet`);
      });
      await serving.stop("SIGKILL");
      serving = await start(broker.port);
    }
    const produced = await producing;
    const end = await stored();
    // A sender that gives records up leaves fewer: the consumer gets what it waits for.
    const missing = records - end;
    if (missing > 0) {
      await verifiable("producer", [
        ...args,
        "--max-messages",
        `${missing}`,
        "--value-prefix",
        "1",
      ]);
    }
    const alongside = await consuming;
    const afterwards = await verifiable("consumer", [
      ...args,
      ...["--group-id", "afterwards", "--max-messages", `${end}`, "--verbose"],
    ]);
    return { produced, alongside, afterwards };
  } finally {
    await serving[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
}

const SETTINGS = ["--set", "group.initial.rebalance.delay.ms=0"];
