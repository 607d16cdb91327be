import { Consumer as PlatformaticConsumer, stringDeserializers } from "@platformatic/kafka";
import * as platformatic from "@platformatic/kafka";
import type { KafkaConsumer, Message } from "kafka-crab-js";
import kafkajs, { type PartitionAssigner } from "kafkajs";
import { Consumer } from "../../../client/mod.ts";
import {
  cooperativeStickyAssignor,
  rangeAssignor,
  roundRobinAssignor,
} from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../../environment/deno/stderr_log.ts";
import type { BrokerUnderTest } from "./broker.ts";
import { KAFKA_TOOLS } from "./java.ts";
import { kafkajsClient } from "./kafkajs.ts";
import { librdkafkaClient } from "./librdkafka.ts";

/** What the members of a group agree on: the names that assignors have on the wire. */
export type Strategy = "range" | "roundrobin" | "cooperative-sticky";

/** What a member takes part in. */
export interface Membership {
  readonly groupId: string;
  readonly topic: string;
  readonly strategy: Strategy;
  /** Of a static member. */
  readonly instanceId?: string;
}

/** A member that reads, and commits what it has read. */
export interface GroupMember {
  /** What it has read, in order: `partition/offset/value`. */
  readonly read: readonly string[];
  /**
   * Whether it hands on, and commits, what a fetch brings it of partitions that went to another member while the fetch was
   * on its way: such records are read twice. @platformatic/kafka does so (2.12: its `MessagesStream` does not look again at
   * what is assigned), with Apache Kafka 4.3.1 as it does here.
   */
  readonly readsOn?: true;
  /** Why it has given up, as far as the client tells. */
  readonly gaveUp?: readonly string[];
  /** Commits, leaves the group (unless it is a static member) and ends. */
  stop(): Promise<void>;
}

/** How a client becomes a member of a group. */
export type MemberOf = (broker: BrokerUnderTest, membership: Membership) => Promise<GroupMember>;

/** A static member has as long to come back as a JVM may take to start on a machine that has much to do. */
const SESSION_TIMEOUT_MS = { dynamic: 6_000, static: 30_000 };
const HEARTBEAT_INTERVAL_MS = 300;
const COMMIT_INTERVAL_MS = 300;

function sessionTimeoutMs({ instanceId }: Membership): number {
  return instanceId === undefined ? SESSION_TIMEOUT_MS.dynamic : SESSION_TIMEOUT_MS.static;
}

/** kafkajs brings one assignor, under a name that no other client gives to it: under the common name it agrees with all. */
const KAFKAJS_ASSIGNORS: readonly PartitionAssigner[] = [
  (options) => {
    const assigner = kafkajs.PartitionAssigners.roundRobin(options);
    return {
      ...assigner,
      name: "roundrobin",
      protocol: (subscription) => ({ ...assigner.protocol(subscription), name: "roundrobin" }),
    };
  },
];

const kafkajsMember: MemberOf = async (broker, { groupId, topic }) => {
  const read: string[] = [];
  const consumer = kafkajsClient(broker).consumer({
    groupId,
    partitionAssigners: [...KAFKAJS_ASSIGNORS],
    sessionTimeout: SESSION_TIMEOUT_MS.dynamic,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: 100,
  });
  const gaveUp: string[] = [];
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    gaveUp.push(`${error.name}: ${error.message}${restart ? ", to begin anew" : ""}`);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: COMMIT_INTERVAL_MS,
    // deno-lint-ignore require-await -- kafkajs wants a promise
    eachMessage: async ({ partition, message }) => {
      read.push(`${partition}/${message.offset}/${message.value}`);
    },
  });
  return { read, gaveUp, stop: () => consumer.disconnect() };
};

const PLATFORMATIC_ASSIGNERS = {
  "roundrobin": platformatic.roundRobinAssigner,
  "cooperative-sticky": platformatic.cooperativeStickyAssigner,
};

const platformaticMember: MemberOf = async (broker, membership) => {
  const { groupId, topic, strategy, instanceId } = membership;
  if (strategy === "range") throw new TypeError("platformatic has no range assignor");
  const read: string[] = [];
  const consumer = new PlatformaticConsumer({
    groupId,
    groupInstanceId: instanceId,
    clientId: "compat",
    bootstrapBrokers: [broker.bootstrap],
    protocols: [{ name: strategy, version: 1 }],
    partitionAssigner: PLATFORMATIC_ASSIGNERS[strategy],
    deserializers: stringDeserializers,
    sessionTimeout: sessionTimeoutMs(membership),
    rebalanceTimeout: sessionTimeoutMs(membership),
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTime: 100,
    autocommit: COMMIT_INTERVAL_MS,
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: "committed",
    fallbackMode: "earliest",
  });
  stream.on("data", ({ partition, offset, value }) => {
    read.push(`${partition}/${offset}/${value}`);
  });
  return {
    read,
    readsOn: true,
    async stop() {
      await stream.close();
      await consumer.close();
    },
  };
};

/** Client id of the members that are librdkafka. */
export const LIBRDKAFKA = "librdkafka";

function librdkafkaSettings(membership: Membership): Record<string, string> {
  const { strategy, instanceId } = membership;
  return {
    "client.id": LIBRDKAFKA,
    "partition.assignment.strategy": strategy,
    "auto.offset.reset": "earliest",
    "session.timeout.ms": `${sessionTimeoutMs(membership)}`,
    "heartbeat.interval.ms": `${HEARTBEAT_INTERVAL_MS}`,
    "auto.commit.interval.ms": `${COMMIT_INTERVAL_MS}`,
    ...(instanceId === undefined ? {} : { "group.instance.id": instanceId }),
  };
}

/** What has come. That the broker is away is thrown, but librdkafka gets over it by itself. */
async function received(consumer: KafkaConsumer): Promise<Message[]> {
  try {
    return await consumer.recvBatch(500, 100);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return [];
  }
}

const librdkafkaMember: MemberOf = async (broker, membership) => {
  const read: string[] = [];
  const consumer = librdkafkaClient(broker).createConsumer({
    groupId: membership.groupId,
    enableAutoCommit: true,
    configuration: librdkafkaSettings(membership),
  });
  await consumer.subscribe(membership.topic);
  let over = false;
  const reading = (async () => {
    while (!over) {
      for (const { partition, offset, payload } of await received(consumer)) {
        read.push(`${partition}/${offset}/${payload.toString()}`);
      }
    }
  })();
  return {
    read,
    async stop() {
      over = true;
      await reading;
      await consumer.disconnect();
    },
  };
};

const OUR_ASSIGNORS = {
  "range": rangeAssignor,
  "roundrobin": roundRobinAssignor,
  "cooperative-sticky": cooperativeStickyAssignor,
};

// deno-lint-ignore require-await -- as the others, which take time to start
const odradekMember: MemberOf = async (broker, membership) => {
  const { groupId, topic, strategy, instanceId } = membership;
  const read: string[] = [];
  const consumer = new Consumer({
    environment: denoEnvironment({ log: stderrLog({ level: "error" }) }),
    bootstrapServers: broker.bootstrap,
    groupId,
    groupInstanceId: instanceId,
    partitionAssignmentStrategy: [OUR_ASSIGNORS[strategy]],
    autoOffsetReset: "earliest",
    sessionTimeoutMs: sessionTimeoutMs(membership),
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    autoCommitIntervalMs: COMMIT_INTERVAL_MS,
  });
  consumer.subscribe([topic]);
  const decoder = new TextDecoder();
  let over = false;
  const reading = (async () => {
    while (!over) {
      for (const { partition, offset, value } of await consumer.poll({ timeoutMs: 100 })) {
        read.push(`${partition}/${offset}/${decoder.decode(value!)}`);
      }
    }
  })();
  return {
    read,
    async stop() {
      over = true;
      await reading;
      await consumer.close();
    },
  };
};

/** A member that is a program, and prints a line for every record until it is told to end. */
function programMember(
  command: string,
  args: readonly string[],
  lineToRecord: (line: string) => string | null,
): GroupMember {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const read: string[] = [];
  const stderr = new Response(child.stderr).text();
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const record of lines.map(lineToRecord)) if (record !== null) read.push(record);
    }
  })();
  return {
    read,
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await reading;
      const told = await stderr;
      // A JVM that a signal ends says so by its code.
      if (code !== 0 && code !== 143) throw new Error(`${command} ended with ${code}: ${told}`);
    },
  };
}

// deno-lint-ignore require-await -- as the others, which take time to start
const kcatMember: MemberOf = async (broker, membership) => {
  const settings = Object.entries(librdkafkaSettings(membership));
  return programMember("kcat", [
    ...["-b", broker.bootstrap, "-q", "-u", "-f", "%p/%o/%s\\n"],
    ...settings.flatMap(([name, value]) => ["-X", `${name}=${value}`]),
    ...["-G", membership.groupId, membership.topic],
  ], (line) => line);
};

const JAVA_ASSIGNORS = {
  "range": "RangeAssignor",
  "roundrobin": "RoundRobinAssignor",
  "cooperative-sticky": "CooperativeStickyAssignor",
};

// deno-lint-ignore require-await -- as the others, which take time to start
const javaMember: MemberOf = async (broker, membership) => {
  const { groupId, topic, strategy, instanceId } = membership;
  const settings = [
    `partition.assignment.strategy=org.apache.kafka.clients.consumer.${JAVA_ASSIGNORS[strategy]}`,
    `session.timeout.ms=${sessionTimeoutMs(membership)}`,
    `heartbeat.interval.ms=${HEARTBEAT_INTERVAL_MS}`,
    `auto.commit.interval.ms=${COMMIT_INTERVAL_MS}`,
    ...(instanceId === undefined ? [] : [`group.instance.id=${instanceId}`]),
  ];
  return programMember("java", [
    ...["-Xmx128m", "-XX:+UseSerialGC", "-cp", KAFKA_TOOLS],
    "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ...["--bootstrap-server", broker.bootstrap, "--group", groupId, "--topic", topic],
    ...["--from-beginning", "--formatter-property", "print.partition=true"],
    ...["--formatter-property", "print.offset=true"],
    ...settings.flatMap((setting) => ["--command-property", setting]),
  ], (line) => {
    const found = /^Partition:(\d+)\tOffset:(\d+)\t(.*)$/.exec(line);
    return found && found.slice(1).join("/");
  });
};

/** Every client that can be a member of a group, by name. */
export const MEMBERS = {
  kafkajs: kafkajsMember,
  platformatic: platformaticMember,
  librdkafka: librdkafkaMember,
  kcat: kcatMember,
  java: javaMember,
  odradek: odradekMember,
} satisfies Readonly<Record<string, MemberOf>>;
