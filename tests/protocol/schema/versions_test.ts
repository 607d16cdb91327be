import { assertEquals, assertThrows } from "@std/assert";
import { apiVersionsRequest } from "../../../protocol/messages/18_api_versions.ts";
import { initProducerIdRequest } from "../../../protocol/messages/22_init_producer_id.ts";
import { latestStableVersion } from "../../../protocol/schema/mod.ts";
import { includes, parseVersions } from "../../../protocol/schema/versions.ts";

Deno.test("Versions are one number, a closed range or one open to the top", () => {
  assertEquals(parseVersions("3"), { min: 3, max: 3 });
  assertEquals(parseVersions("3-12"), { min: 3, max: 12 });
  assertEquals(parseVersions("3+"), { min: 3, max: Infinity });
});

Deno.test("Versions that are none of these are refused", () => {
  for (const text of ["", "none", "-3", "3-", "3++", "a+"]) {
    assertThrows(() => parseVersions(text as "3"), TypeError);
  }
});

Deno.test("Versions include both ends of their range", () => {
  const range = parseVersions("3-5");
  assertEquals([2, 3, 5, 6].map((version) => includes(range, version)), [false, true, true, false]);
});

Deno.test("Latest stable version leaves out one that may still change", () => {
  assertEquals(latestStableVersion(apiVersionsRequest), 4);
  assertEquals(initProducerIdRequest.versions.max, 6);
  assertEquals(latestStableVersion(initProducerIdRequest), 5);
});
