import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  correlationIdOf,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../protocol/frames.ts";
import { fetchResponse } from "../../protocol/messages/01_fetch.ts";
import { metadataRequest, metadataResponse } from "../../protocol/messages/03_metadata.ts";
import {
  apiVersionsRequest,
  apiVersionsResponse,
} from "../../protocol/messages/18_api_versions.ts";
import { offsetCommitValue } from "../../protocol/messages/records/classic_group.ts";
import { decodeMessage, joined } from "../../protocol/schema/mod.ts";

/** A frame without its size, which has to be right. */
function unsized(slices: readonly Uint8Array[]): Uint8Array {
  const whole = joined(slices);
  assertEquals(new DataView(whole.buffer, whole.byteOffset).getInt32(0), whole.length - 4);
  return whole.subarray(4);
}

Deno.test("Request frame is read back, with header v1 and v2", () => {
  for (const version of [1, 9]) {
    for (const clientId of ["client-ü", "", null]) {
      const facts = { schema: metadataRequest, version, correlationId: -7, clientId };
      const frame = unsized(encodeRequest(facts, { topics: [{ name: "orders" }] }));
      const { bodyOffset, ...header } = decodeRequestHeader(frame);
      assertEquals(header, { apiKey: 3, apiVersion: version, correlationId: -7, clientId });
      const body = decodeMessage(metadataRequest, version, frame.subarray(bodyOffset));
      assertEquals(body.topics?.map(({ name }) => name), ["orders"]);
    }
  }
});

Deno.test("Request header has an int16 client id in flexible versions too", () => {
  const facts = { schema: metadataRequest, version: 9, correlationId: 1, clientId: "c" };
  const frame = unsized(encodeRequest(facts, { topics: null }));
  assertEquals(frame.subarray(0, 12).toHex(), "0003" + "0009" + "00000001" + "000163" + "00");
});

Deno.test("Request header's tags are skipped", () => {
  const header = "0003" + "0009" + "00000001" + "ffff" + "02" + "0103aabbcc" + "0500";
  assertEquals(decodeRequestHeader(Uint8Array.fromHex(header)).bodyOffset, header.length / 2);
});

Deno.test("Request header of an unknown API or version is read up to the client id", () => {
  for (const [apiKey, apiVersion] of [[18, 99], [18, -1], [4, 0], [-1, 3], [999, 0]]) {
    const frame = new Uint8Array(12).fill(0xff);
    const view = new DataView(frame.buffer);
    view.setInt16(0, apiKey);
    view.setInt16(2, apiVersion);
    view.setInt32(4, 42);
    view.setInt16(8, 0);
    assertEquals(decodeRequestHeader(frame), {
      apiKey,
      apiVersion,
      correlationId: 42,
      clientId: "",
      bodyOffset: 10,
    });
  }
});

Deno.test("Request header that is cut short or has absurd lengths is refused", () => {
  const facts = { schema: metadataRequest, version: 9, correlationId: 1, clientId: "client" };
  const frame = unsized(encodeRequest(facts, { topics: null }));
  const { bodyOffset } = decodeRequestHeader(frame);
  for (let cut = 0; cut < bodyOffset; cut++) {
    assertThrows(() => decodeRequestHeader(frame.subarray(0, cut)), RangeError);
  }
  for (const rest of ["fffe", "7fff63", "ffffffffffff0f", "ffff0101ffffffff0f"]) {
    const bad = Uint8Array.fromHex("0003" + "0009" + "00000001" + rest);
    assertThrows(() => decodeRequestHeader(bad), RangeError);
  }
});

Deno.test("Response frame is read back, with header v0 and v1", () => {
  for (const version of [8, 9]) {
    const draft = { brokers: [{ nodeId: 1, host: "h", port: 9092 }], topics: [] };
    const frame = unsized(encodeResponse(metadataResponse, version, 77, draft));
    assertEquals(correlationIdOf(frame), 77);
    const { correlationId, body } = decodeResponse(metadataResponse, version, frame);
    assertEquals(correlationId, 77);
    assertEquals(body.brokers.map(({ host }) => host), ["h"]);
  }
  const tagged = Uint8Array.fromHex("00000005" + "01" + "0701ff" + "00000000" + "0101000101");
  assertThrows(
    () => decodeResponse(metadataResponse, 9, tagged),
    RangeError,
    "MetadataResponse v9",
  );
});

Deno.test("Response of ApiVersions has header v0 in every version", () => {
  for (const version of [0, 1, 2, 3, 4]) {
    const frame = unsized(
      encodeResponse(apiVersionsResponse, version, 1, { errorCode: 35, apiKeys: [] }),
    );
    // The error code follows the correlation id at once.
    assertEquals(frame.subarray(0, 6).toHex(), "00000001" + "0023");
    assertEquals(decodeResponse(apiVersionsResponse, version, frame).body.errorCode, 35);
  }
});

Deno.test("Response carries record batches as the slices that they are", () => {
  const records = [new Uint8Array(2000), new Uint8Array(4000)];
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1n, records };
  const slices = encodeResponse(fetchResponse, 12, 1, {
    responses: [{ topic: "t", partitions: [{ ...partition, abortedTransactions: null }] }],
  });
  for (const given of records) assert(slices.includes(given));
  const { body } = decodeResponse(fetchResponse, 12, unsized(slices));
  assertEquals(body.responses[0].partitions[0].records, [new Uint8Array(6000)]);
});

Deno.test("Frame is not made of a message that belongs to no API", () => {
  const value = { offset: 1n, metadata: "", commitTimestamp: 0n };
  assertThrows(() => encodeResponse(offsetCommitValue, 4, 1, value), TypeError);
  assertEquals(apiVersionsRequest.apiKey, 18);
});
