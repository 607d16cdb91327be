/**
 * Kafka's Java clients, from the first with zstd to the newest: one program, compiled once, against each of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { KAFKA_CLIENTS } from "../../tools/tasks/compat_suites.ts";
import { brokerOfSuite, uniqueName } from "./support/broker.ts";
import { compileJava, kafkaClients } from "./support/java.ts";
import { runProgram } from "./support/program.ts";

const broker = brokerOfSuite();
let classes: string;

Deno.test.beforeAll(async () => {
  classes = await compileJava(["ClientTour"], kafkaClients(KAFKA_CLIENTS[0]));
});
Deno.test.afterAll(() => Deno.remove(classes, { recursive: true }));

/** What `tests/compat/java/ClientTour.java` is to find. */
const TOUR = [
  "cluster: 1 node, controller 1",
  "listed: true",
  "acknowledged in order: true",
  "log append time: true",
  "too large: RecordTooLargeException",
  "partitions: 0 1",
  "ends: 0 to 500, 0 to 0",
  "read as sent: true",
  "after seek: value498 value499",
  "position: 500",
  "by time: 42",
  "by a time to come: null",
  "timestamp type: LogAppendTime",
  "setting: LogAppendTime, default false",
  "deleted: yes",
];

for (const version of KAFKA_CLIENTS) {
  Deno.test(`Java clients ${version} produce, consume by assignment and administer`, async () => {
    const { stdout, stderr } = await runProgram("java", [
      ...["-cp", `${classes}:${kafkaClients(version)}`],
      ...["ClientTour", broker.bootstrap, uniqueName("tour")],
    ]);
    assertEquals(stdout.trim().split("\n"), TOUR, stderr);
  });
}
