import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { createBroker } from "../../../mod.ts";
import {
  apiVersionsRequest,
  apiVersionsResponse,
} from "../../../protocol/messages/18_api_versions.ts";
import {
  type UpdateFeaturesRequest,
  updateFeaturesRequest,
  updateFeaturesResponse,
} from "../../../protocol/messages/57_update_features.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { ManualEnvironment } from "../../support/manual_environment.ts";
import { startBroker, WireClient } from "../support.ts";

const UPDATE_FEATURES = [updateFeaturesRequest, updateFeaturesResponse] as const;
const API_VERSIONS = [apiVersionsRequest, apiVersionsResponse] as const;
const SOFTWARE = { clientSoftwareName: "kafka-features", clientSoftwareVersion: "4.3.1" };
const TRANSACTIONS = "transaction.version";
const UPGRADE = 1;
const SAFE_DOWNGRADE = 2;
const UNSAFE_DOWNGRADE = 3;

type Update = Partial<UpdateFeaturesRequest["featureUpdates"][number]>;

async function update(client: WireClient, version: number, ...updates: Update[]) {
  return await client.ask(UPDATE_FEATURES, version, {
    featureUpdates: updates.map((wanted) => ({
      feature: TRANSACTIONS,
      maxVersionLevel: 1,
      ...wanted,
    })),
  });
}

/** The finalized level, 0 when none is told, and the epoch of the features. */
async function told(client: WireClient) {
  const { finalizedFeatures, finalizedFeaturesEpoch } = await client.ask(API_VERSIONS, 4, SOFTWARE);
  const found = finalizedFeatures.find(({ name }) => name === TRANSACTIONS);
  return { level: found?.maxVersionLevel ?? 0, epoch: Number(finalizedFeaturesEpoch) };
}

Deno.test("UpdateFeatures lowers and raises transaction.version, and the features' epoch rises each time", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  let { level, epoch } = await told(client);
  assertEquals(level, 2);
  for (
    const [maxVersionLevel, upgradeType] of [
      [1, SAFE_DOWNGRADE],
      [2, UPGRADE],
      [0, UNSAFE_DOWNGRADE],
      [1, UPGRADE],
    ]
  ) {
    const answer = await update(client, 2, { maxVersionLevel, upgradeType });
    assertEquals([answer.errorCode, answer.errorMessage], [0, null]);
    const after = await told(client);
    assertEquals(after.level, maxVersionLevel);
    assertGreater(after.epoch, epoch);
    ({ level, epoch } = after);
  }
});

/** What Apache Kafka 4.3.1 answered, word for word. */
const REFUSED: readonly (readonly [what: string, update: Update, reason: string])[] = [
  [
    "a downgrade that is not called one",
    { upgradeType: UPGRADE },
    "Invalid update version 1 for feature transaction.version. Can't downgrade the version of " +
    "this feature without setting the upgrade type to either safe or unsafe downgrade.",
  ],
  [
    "newer metadata than there are",
    { feature: "metadata.version", maxVersionLevel: 31 },
    "Invalid update version 31 for feature metadata.version. Local controller 1 only supports " +
    "versions 7-30",
  ],
  [
    "a level that there is not",
    { maxVersionLevel: 3 },
    "Invalid update version 3 for feature transaction.version. Local controller 1 only supports " +
    "versions 0-2",
  ],
  [
    "a level below 0",
    { maxVersionLevel: -1 },
    "Invalid update version -1 for feature transaction.version. A feature version cannot be less " +
    "than 0.",
  ],
  [
    "an upgrade type that there is not",
    { upgradeType: 7 },
    "Invalid update version 1 for feature transaction.version. The controller does not support " +
    "the given upgrade type.",
  ],
  [
    "a feature that this broker does not have",
    { feature: "share.version" },
    "Invalid update version 1 for feature share.version. Local controller 1 does not support " +
    "this feature.",
  ],
  [
    "older metadata",
    { feature: "metadata.version", maxVersionLevel: 29, upgradeType: SAFE_DOWNGRADE },
    "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested " +
    "downgrade because it might delete metadata information.",
  ],
  [
    "older metadata at any price",
    { feature: "metadata.version", maxVersionLevel: 29, upgradeType: UNSAFE_DOWNGRADE },
    "Unsupported metadata.version downgrade from 30 to 29. Unsafe metadata downgrade is not " +
    "supported in this version.",
  ],
];

for (const [what, wanted, reason] of REFUSED) {
  Deno.test(`UpdateFeatures refuses ${what}, in Kafka's words, and then changes nothing`, async () => {
    await using broker = await startBroker();
    using client = broker.connect();
    for (const version of [1, 2]) {
      const answer = await update(client, version, wanted);
      assertEquals(answer.errorCode, 95);
      assertEquals(
        answer.errorMessage,
        `The update failed for all features since the following feature had an error: ${reason}`,
      );
      assertEquals(answer.results, []);
      assertEquals((await told(client)).level, 2);
    }
  });
}

Deno.test("UpdateFeatures refuses an upgrade that is called a downgrade", async () => {
  await using broker = await startBroker({ "odradek.transaction.version": "1" });
  using client = broker.connect();
  for (const upgradeType of [SAFE_DOWNGRADE, UNSAFE_DOWNGRADE]) {
    const { errorCode, errorMessage } = await update(client, 2, {
      maxVersionLevel: 2,
      upgradeType,
    });
    assertEquals(errorCode, 95);
    assertStringIncludes(errorMessage!, "Can't downgrade to a newer version.");
  }
  assertEquals((await told(client)).level, 1);
});

Deno.test("UpdateFeatures changes all features or none", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const lower = { upgradeType: SAFE_DOWNGRADE };
  assertEquals((await update(client, 2, lower, { feature: "nonsense" })).errorCode, 95);
  assertEquals((await update(client, 2, lower, lower)).errorCode, 42, "named twice");
  assertEquals((await told(client)).level, 2);
});

Deno.test("UpdateFeatures that only validates changes nothing", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const featureUpdates = [{
    feature: TRANSACTIONS,
    maxVersionLevel: 1,
    upgradeType: SAFE_DOWNGRADE,
  }];
  const before = await told(client);
  const answer = await client.ask(UPDATE_FEATURES, 1, { featureUpdates, validateOnly: true });
  assertEquals(answer.results, [{ feature: TRANSACTIONS, errorCode: 0, errorMessage: "NONE" }]);
  assertEquals(await told(client), before);
});

Deno.test("UpdateFeatures v0 lowers what may be lowered, and raises it either way", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  assertEquals((await update(client, 0, { allowDowngrade: false })).errorCode, 95);
  assertEquals((await update(client, 0, { allowDowngrade: true })).errorCode, 0);
  assertEquals((await told(client)).level, 1);
  const { results } = await update(client, 0, { maxVersionLevel: 2, allowDowngrade: true });
  assertEquals(results, [{ feature: TRANSACTIONS, errorCode: 0, errorMessage: "NONE" }]);
});

Deno.test("Cluster begins at the level that it is given, and keeps what was decided, restarted", async () => {
  const disk = new MemoryDisk();
  const lines: string[] = [];
  async function levelsOf(
    config: Readonly<Record<string, string>>,
    change?: Update,
  ): Promise<number> {
    const environment = new ManualEnvironment();
    await using broker = await createBroker({ data: disk.openFolder(), environment, config });
    using client = new WireClient(broker.dial());
    if (change) assertEquals((await update(client, 2, change)).errorCode, 0);
    lines.push(...environment.lines.map(({ message }) => message));
    return (await told(client)).level;
  }
  const first = { "odradek.transaction.version": "1" };
  assertEquals(await levelsOf(first), 1);
  assertEquals(await levelsOf({}), 1);
  assertEquals(await levelsOf({}, { maxVersionLevel: 2 }), 2);
  assertEquals(lines, []);
  assertEquals(await levelsOf(first), 2);
  assertStringIncludes(lines[0], "this one stays at level 2 of transaction.version");
});
