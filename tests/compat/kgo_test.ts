/**
 * franz-go: the tests that its client, kgo, is developed with, against our broker. `ODRADEK_KGO_RECORDS` says how many
 * records each of its long tests sends.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { KGO_TESTS } from "../../tools/tasks/compat_tools.ts";
import { brokerOfSuite } from "./support/broker.ts";
import { runProgram } from "./support/program.ts";

const RECORDS = Number(Deno.env.get("ODRADEK_KGO_RECORDS") ?? 20_000);
const TIMEOUT_MS = 300_000 + 20 * RECORDS;

/** Tests that are left out, and what they are about. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "TestOptValuesCoversEveryOption": "the sources of kgo, which are not here",
};

/** Tests that kgo itself leaves out, going by the APIs that a broker offers, or by its own settings. */
const SKIPPED_BY_KGO: Readonly<Record<string, string>> = {
  "Test848RegexBrokerResolves": "the next generation of the group protocol (KIP-848)",
  "TestConsumeRegexShareSkipsInternal": "share groups (KIP-932)",
  "TestGroupETL/range/848": "KIP-848",
  "TestGroupETL/sticky/848": "KIP-848",
  "TestGroupETL/sticky/848/static": "KIP-848",
  "TestGroupSimple/848": "KIP-848",
  "TestIssueProduceBrokerTooOldFailsRecords": "is for brokers older than Kafka 0.11",
  "TestSCRAMAuth": "SASL",
  "TestSCRAMAuthBadCredentials": "SASL",
  "TestShareGroup": "share groups",
  "TestShareGroupAckOnClose": "share groups",
  "TestShareGroupETL": "share groups",
  "TestShareGroupOffsetsAdmin": "share groups",
  "TestTxnEtl/range/848": "KIP-848",
  "TestTxnEtl/sticky/848": "KIP-848",
  "TestTxnEtl/sticky/848/static": "KIP-848",
};

/** Tests that this suite is here for: groups, by the classic protocol, and transactions. */
const TESTS_OF_NOTE: readonly string[] = [
  "TestGroupETL/range",
  "TestGroupETL/cooperative-sticky",
  "TestGroupETL/cooperative-sticky/static",
  "TestGroupSimple/classic",
  "TestIssue434",
  "TestAddRemovePartitions",
  "TestIssue523/roundrobin",
  "TestIssue523/sticky",
  "TestUnknownGroupOffsetFetchPinned",
  "TestTxnEtl/range",
  "TestTxnEtl/cooperative-sticky",
  "TestTxnEtl/cooperative-sticky/static",
];

const broker = brokerOfSuite();

Deno.test("franz-go's own tests pass, those of groups and transactions among them", async () => {
  const { code, stdout } = await runProgram(
    "env",
    [
      `KGO_SEEDS=${broker.bootstrap}`,
      "KGO_TEST_RF=1",
      `KGO_TEST_RECORDS=${RECORDS}`,
      KGO_TESTS,
      "-test.v",
      `-test.timeout=${TIMEOUT_MS}ms`,
      `-test.skip=^(${Object.keys(LEFT_OUT).join("|")})$`,
    ],
    { timeoutMs: TIMEOUT_MS + 10_000 },
  );
  assertEquals(namesOf(stdout, "FAIL"), [], stdout.slice(-10_000));
  assertEquals(code, 0, stdout.slice(-10_000));
  assertEquals(namesOf(stdout, "SKIP"), Object.keys(SKIPPED_BY_KGO).sort());
  const passed = new Set(namesOf(stdout, "PASS"));
  assert(passed.size > 100, `only ${passed.size} tests ran`);
  assertEquals(TESTS_OF_NOTE.filter((name) => !passed.has(name)), []);
});

/** The tests that ended in one way, sorted. */
function namesOf(stdout: string, end: "PASS" | "FAIL" | "SKIP"): string[] {
  return [...stdout.matchAll(new RegExp(`^ *--- ${end}: (\\S+)`, "gm"))]
    .map(([, name]) => name).sort();
}
