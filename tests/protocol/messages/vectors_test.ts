import { assert, assertEquals } from "@std/assert";
import { decodeMessage, encodeMessage, joined, type Schema } from "../../../protocol/schema/mod.ts";
import { completed, messagesOf, schemaFrom, valueFrom } from "../json_schema.ts";
import { SCHEMAS } from "../schemas.ts";
import { kafkaProtocol, wireVectors } from "../vectors.ts";

const vectors = wireVectors();
const protocol = kafkaProtocol();
const ignore = vectors === null || protocol === null;

/** The project's schemas; those that only controllers speak are made from Kafka's definitions. */
function schemas(): ReadonlyMap<string, Schema> {
  const others = messagesOf(protocol!).map((message) =>
    [message.name, schemaFrom(message)] as const
  );
  return new Map([...others, ...SCHEMAS]);
}

Deno.test({ name: "Codec decodes what Kafka wrote and encodes the same bytes", ignore }, () => {
  const known = schemas();
  assertEquals(vectors!.length, 1350);
  for (const { message, version, name, hex } of vectors!) {
    const schema = known.get(message);
    assert(schema, message);
    const decoded = decodeMessage(schema, version, Uint8Array.fromHex(hex));
    assertEquals(encodedHex(schema, version, decoded), hex, `${message} v${version}, ${name}`);
  }
});

Deno.test({ name: "Codec encodes Kafka's JSON values to Kafka's bytes", ignore }, () => {
  const known = schemas();
  let withUnknownTags = 0;
  for (const { message, version, name, value, hex } of vectors!) {
    const schema = known.get(message)!;
    const draft = valueFrom(schema.fields, value);
    // The JSON values leave out unknown tags, which the bytes of some vectors have.
    const { unknownTags } = decodeMessage(schema, version, Uint8Array.fromHex(hex));
    if (unknownTags !== undefined) withUnknownTags++;
    assertEquals(
      encodedHex(schema, version, { ...draft, unknownTags }),
      hex,
      `${message} v${version}, ${name}`,
    );
  }
  assertEquals(withUnknownTags, 8);
});

Deno.test({ name: "Codec decodes Kafka's bytes to Kafka's JSON values", ignore }, () => {
  const known = schemas();
  for (const { message, version, name, value, hex } of vectors!) {
    const schema = known.get(message)!;
    const { unknownTags: _, ...decoded } = decodeMessage(schema, version, Uint8Array.fromHex(hex));
    const expected = completed(schema.fields, valueFrom(schema.fields, value));
    assertEquals(decoded, expected, `${message} v${version}, ${name}`);
  }
});

function encodedHex(schema: Schema, version: number, draft: Record<string, unknown>): string {
  return joined(encodeMessage(schema, version, draft)).toHex();
}
