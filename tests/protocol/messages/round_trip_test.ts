import { assertEquals } from "@std/assert";
import { decodeMessage, encodeMessage, joined } from "../../../protocol/schema/mod.ts";
import { Random, randomMessage } from "../random_message.ts";
import { everyVersion } from "../schemas.ts";

Deno.test("Codec gives back every message of every version as it was encoded", () => {
  const random = new Random(7);
  let versions = 0;
  for (const { schema, version } of everyVersion()) {
    versions++;
    for (let i = 0; i < 8; i++) {
      const sent = randomMessage(schema, version, random);
      const bytes = joined(encodeMessage(schema, version, sent));
      assertEquals(decodeMessage(schema, version, bytes), sent, `${schema.name} v${version}`);
    }
  }
  assertEquals(versions > 500, true);
});
