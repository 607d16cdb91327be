import { assert, assertEquals } from "@std/assert";
import { decodeResponse } from "../../../protocol/frames.ts";
import {
  apiVersionsRequest,
  apiVersionsResponse,
} from "../../../protocol/messages/18_api_versions.ts";
import { APIS } from "../../../server/apis/mod.ts";
import { rawFrame, startBroker } from "../support.ts";

const API_VERSIONS = [apiVersionsRequest, apiVersionsResponse] as const;
const SOFTWARE = { clientSoftwareName: "kcat", clientSoftwareVersion: "1.7-rc.2" };

Deno.test("ApiVersions tells every API of the list, in every version", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (let version = 0; version <= 4; version++) {
    const { errorCode, apiKeys } = await client.ask(API_VERSIONS, version, SOFTWARE);
    assertEquals(errorCode, 0);
    assertEquals(apiKeys.map(({ apiKey }) => apiKey), APIS.map(({ key }) => key));
  }
});

Deno.test("ApiVersions tells Produce from version 0 on, for old librdkafka", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const { apiKeys } = await client.ask(API_VERSIONS, 3, SOFTWARE);
  assertEquals(
    apiKeys.filter(({ apiKey }) => apiKey <= 3).map((api) => [api.minVersion, api.maxVersion]),
    [[0, 13], [4, 18], [1, 11], [0, 13]],
  );
});

Deno.test("ApiVersions tells its features, below version 4 without supported ones from 0", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  const answer = await client.ask(API_VERSIONS, 3, SOFTWARE);
  assertEquals(answer.supportedFeatures, [
    { name: "metadata.version", minVersion: 7, maxVersion: 30 },
  ]);
  assertEquals(answer.finalizedFeatures, [
    { name: "metadata.version", minVersionLevel: 30, maxVersionLevel: 30 },
    { name: "transaction.version", minVersionLevel: 2, maxVersionLevel: 2 },
  ]);
  assertEquals((await client.ask(API_VERSIONS, 4, SOFTWARE)).supportedFeatures, [
    { name: "metadata.version", minVersion: 7, maxVersion: 30 },
    { name: "transaction.version", minVersion: 0, maxVersion: 2 },
  ]);
  assert(answer.finalizedFeaturesEpoch >= 0n);
});

Deno.test("ApiVersions answers an unknown version in version 0, and the connection goes on", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (const version of [5, 99, 32767, -1]) {
    await client.send(rawFrame(18, version, 7, "whatever \u0000 this is"));
    const frame = await client.receive();
    const { correlationId, body } = decodeResponse(apiVersionsResponse, 0, frame!);
    assertEquals([correlationId, body.errorCode], [7, 35]);
    assertEquals(body.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
  }
  assertEquals((await client.ask(API_VERSIONS, 4, SOFTWARE)).errorCode, 0);
});

Deno.test("ApiVersions refuses names of software that are none", async () => {
  await using broker = await startBroker();
  using client = broker.connect();
  for (const name of ["", "-a", "a-", "a b", "größe"]) {
    const answer = await client.ask(API_VERSIONS, 3, { ...SOFTWARE, clientSoftwareName: name });
    assertEquals([answer.errorCode, answer.apiKeys], [42, []]);
  }
  const { errorCode } = await client.ask(API_VERSIONS, 2, {});
  assertEquals(errorCode, 0, "before version 3 there is no name");
});
