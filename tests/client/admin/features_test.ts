// Real time: the broker and the client, in this process, on the real clock.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Admin, KafkaError } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { createBroker } from "../../../mod.ts";

Deno.test("Admin describes the features of a cluster, and raises and lowers them", async () => {
  const environment = denoEnvironment({ log: { write: () => {} } });
  await using broker = await createBroker({ environment });
  await using admin = new Admin(broker.client);
  const name = "transaction.version";
  const level = async () =>
    (await admin.describeFeatures()).find((feature) => feature.name === name)!.level;
  assertEquals(await admin.describeFeatures(), [
    { name: "metadata.version", level: 30, supported: { min: 7, max: 30 } },
    { name, level: 2, supported: { min: 0, max: 2 } },
  ]);
  const refused = await assertRejects(
    () => admin.updateFeatures([{ name, level: 1 }]),
    KafkaError,
  );
  assertEquals(refused.kind, "INVALID_UPDATE_VERSION");
  assertStringIncludes(refused.message, "Can't downgrade the version of this feature");
  const lower = [{ name, level: 0, upgradeType: "safeDowngrade" }] as const;
  await admin.updateFeatures(lower, { validateOnly: true });
  assertEquals(await level(), 2);
  await admin.updateFeatures(lower);
  assertEquals(await level(), 0);
  await admin.updateFeatures([{ name, level: 2 }]);
  assertEquals(await level(), 2);
});
