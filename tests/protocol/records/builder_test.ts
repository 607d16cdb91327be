import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { CODECS } from "../../../protocol/compression/mod.ts";
import {
  codecOf,
  isTransactional,
  readBatchHeader,
} from "../../../protocol/records/batch_header.ts";
import { BatchBuilder, buildBatch, recordBytesMax } from "../../../protocol/records/builder.ts";
import { recordsIn } from "../../../protocol/records/records.ts";
import { assertSameBytes, sampleRecords, utf8 } from "./samples.ts";

Deno.test("BatchBuilder builds the batch that buildBatch builds", () => {
  for (const codec of CODECS) {
    const builder = new BatchBuilder({ codec, maxBytes: 1 << 20 });
    for (const record of sampleRecords()) assert(builder.append(record));
    assertSameBytes(builder.build(), buildBatch(sampleRecords(), { codec }));
  }
});

Deno.test("BatchBuilder estimates the size of an uncompressed batch exactly", () => {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 });
  assertEquals(builder.estimatedSizeBytes, 61);
  for (const record of sampleRecords()) {
    builder.append(record);
    assertEquals(builder.estimatedSizeBytes, builder.build().length);
  }
  assertEquals(builder.recordCount, 120);
});

Deno.test("BatchBuilder never grows beyond its maximum, but takes one record of any size", () => {
  const bytes = fc.uint8Array({ maxLength: 400 });
  fc.assert(fc.property(fc.array(bytes, { minLength: 1 }), fc.nat(3000), (values, maxBytes) => {
    const builder = new BatchBuilder({ maxBytes });
    let taken = 0;
    for (const value of values) {
      if (!builder.append({ value, timestampMs: 1 })) break;
      taken++;
    }
    assertGreater(taken, 0);
    assertEquals(builder.recordCount, taken);
    const batch = builder.build();
    if (taken > 1) assertLessOrEqual(batch.length, maxBytes);
    assertEquals([...recordsIn(batch)].map(({ value }) => value), values.slice(0, taken));
  }));
});

Deno.test("BatchBuilder goes on after a refused record, and says when it is full", () => {
  const builder = new BatchBuilder({ maxBytes: 300 });
  assertEquals(builder.isFull, false);
  assert(builder.append({ value: new Uint8Array(100) }));
  assertEquals(builder.append({ value: new Uint8Array(200) }), false);
  assert(builder.append({ value: new Uint8Array(50) }));
  assertEquals(builder.isFull, false);
  assertEquals(builder.recordCount, 2);
  const large = new BatchBuilder({ maxBytes: 300 });
  large.append({ value: new Uint8Array(1000) });
  assertEquals(large.isFull, true);
});

Deno.test("BatchBuilder takes more records when compression is expected to shrink them", () => {
  const fill = (expectedRatio?: number) => {
    const builder = new BatchBuilder({ codec: "zstd", maxBytes: 10_000, expectedRatio });
    while (builder.append({ value: utf8("a spool of thread ".repeat(10)) }));
    return builder;
  };
  const wary = fill();
  const bold = fill(0.25);
  assertGreater(bold.recordCount, 3.5 * wary.recordCount);
  assertLessOrEqual(bold.build().length, 10_000);
  assertGreater(bold.recordsBytes, 30_000);
});

Deno.test("BatchBuilder gives a batch that is sent anew another identity", () => {
  const builder = new BatchBuilder({ codec: "gzip", maxBytes: 1 << 20 });
  for (const record of sampleRecords(5)) builder.append(record);
  const producer = { producerId: 77n, producerEpoch: 1, baseSequence: 40 };
  const first = readBatchHeader(builder.build({ producer }));
  const again = readBatchHeader(
    builder.build({
      producer: { ...producer, producerEpoch: 2, baseSequence: 0 },
      transactional: true,
    }),
  );
  assertEquals([first.producerId, first.producerEpoch, first.baseSequence], [77n, 1, 40]);
  assertEquals([again.producerId, again.producerEpoch, again.baseSequence], [77n, 2, 0]);
  assertEquals([isTransactional(first), isTransactional(again)], [false, true]);
  assertEquals(codecOf(again), "gzip");
});

Deno.test("No record is larger than its bound", () => {
  const record = fc.record({
    key: fc.option(fc.uint8Array({ maxLength: 200 })),
    value: fc.option(fc.uint8Array({ maxLength: 200 })),
    timestampMs: fc.maxSafeNat(),
    headers: fc.array(
      fc.record({ key: fc.string({ unit: "binary" }), value: fc.option(fc.uint8Array()) }),
    ),
  });
  fc.assert(fc.property(record, (record) => {
    const batch = buildBatch([record], { baseTimestampMs: 0, lastOffsetDelta: 0 });
    assertLessOrEqual(batch.length - 61, recordBytesMax(record));
  }));
});
