import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CODECS } from "../../../protocol/compression/mod.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import {
  BATCH_HEADER_BYTES,
  codecOf,
  hasDeleteHorizon,
  hasProducerId,
  isControl,
  isTransactional,
  lastOffset,
  lastSequence,
  readBatchHeader,
  timestampType,
  writeBaseOffset,
  writeBatchHeader,
  writeLeaderEpoch,
} from "../../../protocol/records/batch_header.ts";
import { putBigInt64, putInt32 } from "../../../protocol/records/big_endian.ts";
import { batchesIn } from "../../../protocol/records/batches.ts";
import { buildBatch, type RecordDraft, sealBatch } from "../../../protocol/records/builder.ts";
import { controlBatch, readControlRecord } from "../../../protocol/records/control.ts";
import { checkCrc, recordsIn } from "../../../protocol/records/records.ts";
import { assertSameBytes, concat, fixture, recordVectors, sampleRecords, utf8 } from "./samples.ts";

const vectors = recordVectors();

function vector(name: string): Uint8Array {
  return vectors!.find((vector) => vector.name === name)!.bytes;
}

function vectorTest(name: string, run: () => void): void {
  const ignore = vectors === null;
  Deno.test({ name: ignore ? `${name} (vectors are missing)` : name, ignore, fn: run });
}

/** Builds the batch again from nothing but what was read from it. */
function rebuilt(bytes: Uint8Array): Uint8Array {
  const header = readBatchHeader(bytes);
  const drafts = [...recordsIn(bytes)].map(({ offset, ...record }) => ({
    ...record,
    offsetDelta: offset - header.baseOffset,
  }));
  return buildBatch(drafts, {
    ...header,
    producer: header,
    codec: codecOf(header),
    timestampType: timestampType(header),
    transactional: isTransactional(header),
    control: isControl(header),
    deleteHorizon: hasDeleteHorizon(header),
  });
}

vectorTest("Batches of Kafka are read and written again byte for byte", () => {
  assertEquals(vectors!.length, 18);
  for (const { name, bytes } of vectors!) {
    const header = readBatchHeader(bytes);
    checkCrc(bytes, header);
    const copy = new Uint8Array(bytes);
    copy.fill(0xaa, 0, BATCH_HEADER_BYTES);
    writeBatchHeader(copy, header);
    assertSameBytes(copy, bytes, `${name}: header`);
    const again = rebuilt(bytes);
    // Deflate has many forms of the same bytes, and Java's zlib and streamed zstd choose others than node's.
    if (name === "gzip" || name === "zstd") {
      assertEquals([...recordsIn(again)], [...recordsIn(bytes)], name);
      assertEquals(codecOf(readBatchHeader(again)), name);
    } else {
      assertSameBytes(again, bytes, name);
    }
  }
});

vectorTest("Compressed batches of Kafka hold the records of their uncompressed twin", () => {
  const expected = [...recordsIn(vector("compression_twin_uncompressed"))];
  assertEquals(expected.map(({ value }) => value), [utf8("value-one"), utf8("value-two")]);
  for (const codec of CODECS.slice(1)) assertEquals([...recordsIn(vector(codec))], expected);
});

vectorTest("Batch emptied by compaction keeps its offsets and its producer's last sequence", () => {
  const batch = vector("empty_compacted_batch_keeps_last_offset");
  const header = readBatchHeader(batch);
  assertEquals([...recordsIn(batch)], []);
  assertEquals(lastOffset(header), 102);
  assertEquals(lastSequence(header), 102);
  assertEquals(header.baseTimestampMs, -1);
  assertEquals(header.producerId, 12345n);
});

vectorTest("Compacted batch keeps the gaps between its offsets", () => {
  const records = [...recordsIn(vector("compacted_records_keep_offset_gaps"))];
  assertEquals(records.map(({ offset }) => offset), [100, 102]);
});

vectorTest("Delete horizon stands in place of the base timestamp", () => {
  const batch = vector("tombstone_with_delete_horizon");
  const header = readBatchHeader(batch);
  assertEquals(hasDeleteHorizon(header), true);
  const [tombstone] = recordsIn(batch);
  assertEquals(tombstone.value, null);
  assertEquals(tombstone.timestampMs, 1_700_000_000_000);
  assertEquals(header.baseTimestampMs > tombstone.timestampMs, true);
});

vectorTest("Marker of a committed transaction is Kafka's, byte for byte", () => {
  const batch = vector("committed_transaction_control_batch");
  const header = readBatchHeader(batch);
  assertEquals(isControl(header) && isTransactional(header), true);
  const [record] = recordsIn(batch);
  assertEquals(readControlRecord(record), { type: "commit", coordinatorEpoch: 11 });
  const built = controlBatch({
    result: "commit",
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    coordinatorEpoch: 11,
    timestampMs: header.maxTimestampMs,
    partitionLeaderEpoch: header.partitionLeaderEpoch,
  });
  assertSameBytes(built, batch);
});

for (const codec of CODECS.slice(1)) {
  Deno.test(`Batch that Java compressed with ${codec} is read record by record`, () => {
    const batch = fixture(`java_${codec}.batch`);
    const header = readBatchHeader(batch);
    checkCrc(batch, header);
    assertEquals(codecOf(header), codec);
    assertEquals([...recordsIn(batch)], [...recordsIn(buildBatch(sampleRecords()))]);
  });
}

const draft: fc.Arbitrary<RecordDraft> = fc.record({
  key: fc.option(fc.uint8Array()),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  timestampMs: fc.integer({ min: -1, max: 2 ** 42 }),
  headers: fc.array(
    fc.record({ key: fc.string({ unit: "binary" }), value: fc.option(fc.uint8Array()) }),
    { maxLength: 3 },
  ),
});

Deno.test("Batches give back the records that went in, with every codec", () => {
  fc.assert(
    fc.property(
      fc.array(draft, { maxLength: 20 }),
      fc.constantFrom(...CODECS),
      fc.maxSafeNat(),
      (drafts, codec, offset) => {
        const baseOffset = Math.floor(offset / 2);
        const batch = buildBatch(drafts, { codec, baseOffset });
        const header = readBatchHeader(batch);
        checkCrc(batch, header);
        assertEquals(header.sizeBytes, batch.length);
        assertEquals(header.recordCount, drafts.length);
        assertEquals(header.maxTimestampMs, Math.max(-1, ...drafts.map((d) => d.timestampMs!)));
        assertEquals(
          [...recordsIn(batch)],
          drafts.map((d, i) => ({ ...d, offset: baseOffset + i })) as never,
        );
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("Header names keep their order, may repeat, and keep a byte order mark", () => {
  const headers = ["b", "a", "b", "\uFEFFmark", ""].map((key, i) => ({ key, value: utf8(`${i}`) }));
  const [record] = recordsIn(buildBatch([{ headers }]));
  assertEquals(record.headers, headers);
});

Deno.test("Batch header takes every value that its fields can hold", () => {
  const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
  const arbitrary = fc.record({
    baseOffset: fc.maxSafeInteger(),
    sizeBytes: fc.integer({ min: 61, max: 2 ** 31 - 1 }),
    partitionLeaderEpoch: int(32),
    magic: fc.constant(2),
    crc: fc.nat(2 ** 31 - 1).map((half) => half * 2 + 1),
    attributes: int(16),
    lastOffsetDelta: int(32),
    baseTimestampMs: fc.maxSafeInteger(),
    maxTimestampMs: fc.maxSafeInteger(),
    producerId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    producerEpoch: int(16),
    baseSequence: int(32),
    recordCount: int(32),
  });
  fc.assert(fc.property(arbitrary, fc.nat(20), (header, position) => {
    const bytes = new Uint8Array(position + 61);
    writeBatchHeader(bytes, header, position);
    assertEquals(readBatchHeader(bytes, position), header);
  }));
});

Deno.test("Base offset and leader epoch are overwritten in place, outside of the CRC", () => {
  const batch = buildBatch(sampleRecords(3));
  const around = concat([new Uint8Array(9), batch]);
  writeBaseOffset(around, 2 ** 45 + 7, 9);
  writeLeaderEpoch(around, 33, 9);
  const header = readBatchHeader(around, 9);
  assertEquals([header.baseOffset, header.partitionLeaderEpoch], [2 ** 45 + 7, 33]);
  checkCrc(around.subarray(9), header);
  assertEquals([...recordsIn(around.subarray(9))].at(-1)!.offset, 2 ** 45 + 9);
});

Deno.test("Batch header is refused when it is short, of another magic, or not of safe integers", () => {
  const batch = buildBatch(sampleRecords(1));
  const changed = (change: (bytes: Uint8Array) => void) => {
    const copy = new Uint8Array(batch);
    change(copy);
    return copy;
  };
  const read = (bytes: Uint8Array, position?: number) => () => readBatchHeader(bytes, position);
  assertThrows(read(batch.subarray(0, 60)), RangeError, "61 bytes");
  assertThrows(read(batch, batch.length), RangeError, "61 bytes");
  assertThrows(read(batch, -1), RangeError, "61 bytes");
  assertThrows(read(changed((b) => b[16] = 1)), RangeError, "magic 1");
  assertThrows(read(changed((b) => putInt32(b, 8, 48))), RangeError, "60 bytes");
  assertThrows(read(changed((b) => putInt32(b, 8, -5))), RangeError, "smaller");
  for (const at of [0, 27, 35]) {
    assertThrows(read(changed((b) => putBigInt64(b, at, 2n ** 53n))), RangeError, "safe");
  }
});

Deno.test("Sequence numbers start again at 0 behind 2147483647", () => {
  assertEquals(lastSequence({ baseSequence: 5, lastOffsetDelta: 3 }), 8);
  assertEquals(lastSequence({ baseSequence: 2147483647, lastOffsetDelta: 0 }), 2147483647);
  assertEquals(lastSequence({ baseSequence: 2147483647, lastOffsetDelta: 1 }), 0);
  assertEquals(lastSequence({ baseSequence: 2147483640, lastOffsetDelta: 10 }), 2);
  assertEquals(lastSequence({ baseSequence: -1, lastOffsetDelta: 10 }), -1);
});

Deno.test("Records of a LogAppendTime batch all have the broker's time", () => {
  const batch = buildBatch(sampleRecords(3), {
    timestampType: "LogAppendTime",
    maxTimestampMs: 1234,
  });
  assertEquals([...recordsIn(batch)].map(({ timestampMs }) => timestampMs), [1234, 1234, 1234]);
});

Deno.test("Control records tell commit from abort, and others by their number", () => {
  const marker = {
    producerId: 7n,
    producerEpoch: 2,
    coordinatorEpoch: 3,
    timestampMs: 50,
    baseOffset: 8,
  };
  for (const result of ["commit", "abort"] as const) {
    const batch = controlBatch({ ...marker, result });
    const header = readBatchHeader(batch);
    assertEquals([header.baseOffset, header.baseSequence, header.producerEpoch], [8, -1, 2]);
    assertEquals(hasProducerId(header), true);
    const [record] = recordsIn(batch);
    assertEquals(readControlRecord(record), { type: result, coordinatorEpoch: 3 });
  }
  const record = { offset: 0, timestampMs: 0, headers: [], value: null };
  assertEquals(readControlRecord({ ...record, key: Uint8Array.of(0, 0, 0, 2) }), {
    type: "other",
    typeId: 2,
  });
  assertThrows(() => readControlRecord({ ...record, key: null }), RangeError);
  assertThrows(() => readControlRecord({ ...record, key: Uint8Array.of(0, 0, 0) }), RangeError);
  assertThrows(() => readControlRecord({ ...record, key: Uint8Array.of(0, 0, 0, 1) }), RangeError);
});

Deno.test("Batches are found in one stretch of bytes and across slices, cut anywhere", () => {
  const batches = [
    buildBatch(sampleRecords(3)),
    buildBatch([{ value: utf8("one") }], { baseOffset: 3 }),
    buildBatch(sampleRecords(2), { baseOffset: 4, codec: "lz4" }),
  ];
  const whole = concat(batches);
  const read = (input: Uint8Array | Uint8Array[]) => [...batchesIn(input, "refuse")];
  assertEquals(read(whole).map(({ header }) => header.baseOffset), [0, 3, 4]);
  fc.assert(fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
    const borders = [0, ...cuts.sort((a, b) => a - b), whole.length];
    const slices = borders.slice(1).map((end, i) => whole.subarray(borders[i], end));
    const found = read(slices);
    assertEquals(found.length, 3);
    found.forEach(({ bytes }, i) => assertSameBytes(bytes, batches[i]));
  }));
});

Deno.test("Batch within one slice is a view, not a copy", () => {
  const batch = buildBatch(sampleRecords(3));
  const [first, second] = batchesIn([concat([batch, batch])]);
  assertStrictEquals(first.bytes.buffer, second.bytes.buffer);
  assertEquals(second.bytes.byteOffset, batch.length);
});

Deno.test("Batch that is cut short at the end is left out of a fetch, and refused in a log", () => {
  const batch = buildBatch(sampleRecords(3));
  const whole = concat([batch, batch]);
  for (let length = batch.length + 1; length < whole.length; length++) {
    const cut = whole.subarray(0, length);
    if (length % 97 !== 0 && length > batch.length + 70) continue;
    assertEquals([...batchesIn(cut)].length, 1);
    assertThrows(() => [...batchesIn(cut, "refuse")], RangeError, "cut short");
  }
  assertEquals([...batchesIn([])], []);
  assertEquals([...batchesIn(new Uint8Array(0), "refuse")], []);
});

Deno.test("Batch that announces 2 GB is a cut tail, and nothing is allocated for it", () => {
  const batch = buildBatch(sampleRecords(3));
  putInt32(batch, 8, 0x7fff_ffff);
  const before = Deno.memoryUsage().external;
  assertEquals([...batchesIn([batch.subarray(0, 100), batch.subarray(100)])], []);
  assertEquals(Deno.memoryUsage().external - before < 1024 * 1024, true);
});

Deno.test("Batch whose length is less than a header is refused, in one slice and in several", () => {
  const batch = buildBatch(sampleRecords(1));
  for (const length of [-100, -12, 0, 48]) {
    putInt32(batch, 8, length);
    assertThrows(() => [...batchesIn(batch)], RangeError);
    assertThrows(() => [...batchesIn([batch.subarray(0, 9), batch.subarray(9)])], RangeError);
  }
});

Deno.test("CRC is compared with the bytes", () => {
  const batch = buildBatch(sampleRecords(3));
  checkCrc(batch, readBatchHeader(batch));
  for (const at of [17, 21, 60, batch.length - 1]) {
    const changed = new Uint8Array(batch);
    changed[at] ^= 1;
    const error = assertThrows(() => checkCrc(changed, readBatchHeader(changed)), KafkaError);
    assertEquals(error.kind, "CORRUPT_MESSAGE");
  }
  const cut = batch.subarray(0, batch.length - 1);
  assertThrows(() => checkCrc(cut, readBatchHeader(batch)), KafkaError, "cut short");
});

Deno.test("Records never fail but with RangeError or KafkaError, whatever the batch holds", () => {
  const wholes = CODECS.map((codec) => buildBatch(sampleRecords(12), { codec }));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      fc.constantFrom(...wholes),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      (whole, changes) => {
        const mutated = new Uint8Array(whole);
        for (const [at, byte] of changes) mutated[at % whole.length] = byte;
        sealBatch(mutated);
        try {
          for (const { header, bytes } of batchesIn(mutated)) {
            for (const record of recordsIn(bytes, { outputBytesMax: 1 << 20 })) {
              assertEquals(typeof record.offset, "number");
            }
            checkCrc(bytes, header);
          }
        } catch (error) {
          if (!(error instanceof RangeError || error instanceof KafkaError)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});
