import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { CODECS, compress } from "../../../protocol/compression/mod.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import {
  attributesOf,
  codecOf,
  readBatchHeader,
  TIMESTAMP_MS_MAX,
  timestampType,
} from "../../../protocol/records/batch_header.ts";
import { putBigInt64, putInt16, putInt32 } from "../../../protocol/records/big_endian.ts";
import {
  type BatchOptions,
  buildBatch,
  type RecordDraft,
  sealBatch,
} from "../../../protocol/records/builder.ts";
import { controlBatch } from "../../../protocol/records/control.ts";
import { checkCrc, recordsIn } from "../../../protocol/records/records.ts";
import { RECORD_ERRORS_MAX } from "../../../protocol/records/produce_rules.ts";
import {
  InvalidRecordsError,
  type ProduceRules,
  validateProduced,
} from "../../../protocol/records/validate.ts";
import {
  assertSameBytes,
  concat,
  fixture,
  SAMPLE_TIME_MS,
  sampleRecords,
  utf8,
} from "./samples.ts";

const NOW_MS = SAMPLE_TIME_MS + 1000;

const rules: ProduceRules = {
  requestVersion: 9,
  maxMessageBytes: 1_048_588,
  timestampType: "CreateTime",
  beforeMaxMs: Number(2n ** 63n - 1n),
  afterMaxMs: 3_600_000,
  compacted: false,
  compressionType: "producer",
};

function validate(batch: Uint8Array, changes: Partial<ProduceRules> = {}) {
  return validateProduced([batch], { ...rules, ...changes }, NOW_MS);
}

function assertRefused(kind: string, run: () => unknown, text = ""): KafkaError {
  const error = assertThrows(run, KafkaError, text);
  assertEquals(error.kind, kind, error.message);
  return error;
}

/** A good batch, changed, with a checksum that is right again. */
function changed(change: (batch: Uint8Array) => void, options: BatchOptions = {}): Uint8Array {
  const batch = buildBatch(sampleRecords(3), options);
  change(batch);
  sealBatch(batch);
  return batch;
}

/** A batch around bytes that are not records. */
function withBody(body: Uint8Array, recordCount: number, options: BatchOptions = {}): Uint8Array {
  const header = buildBatch([], {
    ...options,
    baseTimestampMs: SAMPLE_TIME_MS,
    maxTimestampMs: SAMPLE_TIME_MS,
    lastOffsetDelta: recordCount - 1,
  });
  const batch = concat([header, body]);
  putInt32(batch, 8, batch.length - 12);
  putInt32(batch, 57, recordCount);
  sealBatch(batch);
  return batch;
}

for (const codec of CODECS) {
  Deno.test(`Good batch with ${codec} is stored as it came, without a copy`, () => {
    const batch = buildBatch(sampleRecords(), { codec });
    const produced = validate(batch);
    assertStrictEquals(produced.bytes, batch);
    assertEquals(produced.header, readBatchHeader(batch));
    assertEquals(produced.logAppendTimeMs, -1);
  });
}

for (const codec of CODECS.slice(1)) {
  Deno.test(`Batch that Java compressed with ${codec} is stored as it came`, () => {
    const batch = fixture(`java_${codec}.batch`);
    assertStrictEquals(validate(batch).bytes, batch);
  });
}

Deno.test("Batch may come in several slices", () => {
  const batch = buildBatch(sampleRecords());
  const slices = [
    batch.subarray(0, 5),
    batch.subarray(5, 5),
    batch.subarray(5, 99),
    batch.subarray(99),
  ];
  assertSameBytes(validateProduced(slices, rules, NOW_MS).bytes, batch);
});

Deno.test("Produce without records is INVALID_RECORD: null, no slice, no bytes, too few bytes", () => {
  for (const records of [null, [], [new Uint8Array(0)], [new Uint8Array(16)]]) {
    assertRefused("INVALID_RECORD", () => validateProduced(records, rules, NOW_MS));
  }
});

Deno.test("More or less than exactly one batch is INVALID_RECORD", () => {
  const batch = buildBatch(sampleRecords(3));
  assertRefused("INVALID_RECORD", () => validate(concat([batch, batch])), "exactly one");
  assertRefused("INVALID_RECORD", () => validate(concat([batch, new Uint8Array(3)])), "3 bytes");
  assertRefused("INVALID_RECORD", () => validate(batch.subarray(0, batch.length - 1)), "cut short");
  assertRefused("INVALID_RECORD", () => validate(batch.subarray(0, 30)), "cut short");
});

Deno.test("Old magic is INVALID_RECORD, unknown magic CORRUPT_MESSAGE", () => {
  for (const magic of [0, 1]) {
    assertRefused("INVALID_RECORD", () => validate(changed((b) => b[16] = magic)), "magic");
  }
  for (const magic of [3, 127, 255]) {
    assertRefused("CORRUPT_MESSAGE", () => validate(changed((b) => b[16] = magic)), "magic");
  }
});

Deno.test("Length that is less than a header's is CORRUPT_MESSAGE", () => {
  for (const length of [48, 0, -12, -(2 ** 31)]) {
    assertRefused("CORRUPT_MESSAGE", () => validate(changed((b) => putInt32(b, 8, length))));
  }
});

Deno.test("Wrong CRC is CORRUPT_MESSAGE", () => {
  const batch = buildBatch(sampleRecords(3));
  for (let at = 17; at < batch.length; at += 5) {
    const flipped = new Uint8Array(batch);
    flipped[at] ^= 0x40;
    // Codec bits are looked at before the checksum, as in Kafka: they cannot reach past 61 bytes.
    if (at === 21 || at === 22) continue;
    assertRefused("CORRUPT_MESSAGE", () => validate(flipped), "CRC");
  }
});

Deno.test("zstd before Produce v7 is UNSUPPORTED_COMPRESSION_TYPE", () => {
  const batch = buildBatch(sampleRecords(3), { codec: "zstd" });
  for (const requestVersion of [3, 6]) {
    assertRefused("UNSUPPORTED_COMPRESSION_TYPE", () => validate(batch, { requestVersion }));
  }
  assertStrictEquals(validate(batch, { requestVersion: 7 }).bytes, batch);
});

Deno.test("Codec that is not assigned is UNSUPPORTED_COMPRESSION_TYPE", () => {
  for (const id of [5, 6, 7]) {
    assertRefused("UNSUPPORTED_COMPRESSION_TYPE", () => validate(changed((b) => b[22] = id)));
  }
});

Deno.test("Batch above max.message.bytes is MESSAGE_TOO_LARGE", () => {
  const batch = buildBatch(sampleRecords());
  assertStrictEquals(validate(batch, { maxMessageBytes: batch.length }).bytes, batch);
  assertRefused("MESSAGE_TOO_LARGE", () => validate(batch, { maxMessageBytes: batch.length - 1 }));
});

Deno.test("Batch above segment.bytes is RECORD_LIST_TOO_LARGE", () => {
  const batch = buildBatch(sampleRecords());
  assertStrictEquals(validate(batch, { segmentBytes: batch.length }).bytes, batch);
  assertRefused("RECORD_LIST_TOO_LARGE", () => validate(batch, { segmentBytes: batch.length - 1 }));
});

Deno.test("Base offset that is not 0 is INVALID_RECORD", () => {
  for (const offset of [1n, -1n, 2n ** 53n, -(2n ** 63n)]) {
    assertRefused("INVALID_RECORD", () => validate(changed((b) => putBigInt64(b, 0, offset))));
  }
});

Deno.test("Record count that does not match the last offset delta is INVALID_RECORD", () => {
  for (const [count, delta] of [[3, 3], [3, 1], [0, -1], [0, 0], [-1, -2], [2 ** 31 - 1, 2]]) {
    const batch = changed((b) => {
      putInt32(b, 57, count);
      putInt32(b, 23, delta);
    });
    assertRefused("INVALID_RECORD", () => validate(batch));
  }
});

Deno.test("Record count that the bytes do not bear out is INVALID_RECORD", () => {
  for (const count of [1, 2, 4, 2 ** 31 - 1]) {
    for (const codec of CODECS) {
      const batch = changed((b) => {
        putInt32(b, 57, count);
        putInt32(b, 23, count - 1);
      }, { codec });
      assertRefused("INVALID_RECORD", () => validate(batch));
    }
  }
});

Deno.test("Control batch is INVALID_RECORD from a client, and stored from a coordinator", () => {
  const batch = controlBatch({
    result: "abort",
    producerId: 1n,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    timestampMs: NOW_MS,
  });
  assertRefused("INVALID_RECORD", () => validate(batch), "control");
  assertStrictEquals(validate(batch, { origin: "coordinator" }).bytes, batch);
  const kept = validate(batch, { origin: "coordinator", compressionType: "zstd" });
  assertStrictEquals(kept.bytes, batch);
});

Deno.test("Unused attribute bits and the delete horizon are INVALID_RECORD", () => {
  for (let bit = 6; bit < 16; bit++) {
    assertRefused("INVALID_RECORD", () => validate(changed((b) => putInt16(b, 21, 1 << bit))));
  }
});

Deno.test("LogAppendTime from a client is INVALID_TIMESTAMP, whatever the topic's type", () => {
  const batch = changed((b) => putInt16(b, 21, attributesOf({ timestampType: "LogAppendTime" })));
  for (const type of ["CreateTime", "LogAppendTime"] as const) {
    assertRefused("INVALID_TIMESTAMP", () => validate(batch, { timestampType: type }));
  }
});

Deno.test("Producer id without a sequence or an epoch is INVALID_RECORD", () => {
  const batch = (producerId: bigint, producerEpoch: number, baseSequence: number) =>
    buildBatch(sampleRecords(3), { producer: { producerId, producerEpoch, baseSequence } });
  const good = batch(5n, 0, 0);
  assertStrictEquals(validate(good).bytes, good);
  assertRefused("INVALID_RECORD", () => validate(batch(5n, 0, -1)), "sequence");
  assertRefused("INVALID_RECORD", () => validate(batch(5n, -1, 0)), "epoch");
  assertRefused("INVALID_RECORD", () => validate(batch(-2n, 0, 0)), "negative");
});

Deno.test("Transactional batch without a producer id is INVALID_RECORD", () => {
  const batch = buildBatch(sampleRecords(3), { transactional: true });
  assertRefused("INVALID_RECORD", () => validate(batch), "producer id");
});

Deno.test("Timestamps outside of before.max.ms and after.max.ms are INVALID_TIMESTAMP, record by record", () => {
  const at = (...timestamps: number[]) =>
    buildBatch(timestamps.map((timestampMs) => ({ timestampMs, value: utf8("v") })));
  const bounds = { beforeMaxMs: 100, afterMaxMs: 50 };
  validate(at(NOW_MS - 100, NOW_MS, NOW_MS + 50), bounds);
  const batch = at(NOW_MS, NOW_MS - 101, NOW_MS + 50, NOW_MS + 51);
  const error = assertRefused("INVALID_TIMESTAMP", () => validate(batch, bounds));
  assert(error instanceof InvalidRecordsError);
  assertEquals(error.recordErrors.map(({ batchIndex }) => batchIndex), [1, 3]);
  validate(batch, { ...bounds, timestampType: "LogAppendTime" });
});

Deno.test("Records without a timestamp pass", () => {
  const batch = buildBatch([{ value: utf8("a") }, { value: utf8("b") }]);
  assertStrictEquals(validate(batch, { beforeMaxMs: 0, afterMaxMs: 0 }).bytes, batch);
});

Deno.test("Timestamps beyond a safe integer are INVALID_TIMESTAMP", () => {
  const forever = { afterMaxMs: Number(2n ** 63n - 1n) };
  for (const at of [27, 35]) {
    const batch = changed((b) => putBigInt64(b, at, 2n ** 60n));
    assertRefused("INVALID_TIMESTAMP", () => validate(batch, forever));
    batch[90] ^= 1;
    assertRefused("CORRUPT_MESSAGE", () => validate(batch, forever), "CRC");
  }
  // Base and delta are safe, their sum is not.
  const body = Uint8Array.fromHex("18" + "00" + "feffffffffffff1f" + "00" + "01" + "01" + "00");
  body[0] = (body.length - 1) * 2;
  assertRefused("INVALID_TIMESTAMP", () => validate(withBody(body, 1), forever));
});

Deno.test("Timestamps of 2^52 ms and more are INVALID_TIMESTAMP, and up to there they are taken", () => {
  const forever = { beforeMaxMs: Infinity, afterMaxMs: Infinity };
  const at = (...timestamps: number[]) =>
    buildBatch(timestamps.map((timestampMs) => ({ timestampMs, value: utf8("v") })));
  for (const timestampType of ["CreateTime", "LogAppendTime"] as const) {
    const rules = { ...forever, timestampType };
    validate(at(TIMESTAMP_MS_MAX, -TIMESTAMP_MS_MAX), rules);
    for (const bad of [2 ** 52, -(2 ** 52), Number.MAX_SAFE_INTEGER]) {
      assertRefused("INVALID_TIMESTAMP", () => validate(at(bad), rules));
      assertRefused("INVALID_TIMESTAMP", () => validate(at(0, bad), rules));
    }
  }
});

Deno.test("Compacted topic refuses records without a key, record by record", () => {
  const drafts = sampleRecords(16);
  const error = assertRefused(
    "INVALID_RECORD",
    () => validate(buildBatch(drafts), { compacted: true }),
  );
  assert(error instanceof InvalidRecordsError);
  assertEquals(error.recordErrors.map(({ batchIndex }) => batchIndex), [0, 7, 14]);
  const keyed = buildBatch(drafts.filter(({ key }) => key !== null), { codec: "lz4" });
  assertStrictEquals(validate(keyed, { compacted: true }).bytes, keyed);
});

Deno.test("One bad timestamp makes a batch INVALID_TIMESTAMP, even beside missing keys", () => {
  const drafts = [{ timestampMs: NOW_MS }, { timestampMs: NOW_MS + 9e6, key: utf8("k") }];
  const error = assertRefused(
    "INVALID_TIMESTAMP",
    () => validate(buildBatch(drafts), { compacted: true }),
  );
  assertEquals((error as InvalidRecordsError).recordErrors.length, 2);
});

Deno.test("Refused records are told of up to a bound", () => {
  const drafts: RecordDraft[] = Array.from({ length: 5000 }, () => ({ timestampMs: NOW_MS }));
  const error = assertRefused(
    "INVALID_RECORD",
    () => validate(buildBatch(drafts), { compacted: true }),
    "5000 records",
  );
  assertEquals((error as InvalidRecordsError).recordErrors.length, RECORD_ERRORS_MAX);
});

Deno.test("LogAppendTime topic stamps a copy with the broker's time", () => {
  for (const codec of CODECS) {
    const batch = buildBatch(sampleRecords(), { codec });
    const before = new Uint8Array(batch);
    const produced = validate(batch, { timestampType: "LogAppendTime" });
    assertSameBytes(batch, before, "input");
    assertNotStrictEquals(produced.bytes, batch);
    assertEquals(produced.logAppendTimeMs, NOW_MS);
    assertEquals(produced.header, readBatchHeader(produced.bytes));
    assertEquals(timestampType(produced.header), "LogAppendTime");
    assertEquals(codecOf(produced.header), codec);
    checkCrc(produced.bytes, produced.header);
    assertEquals(
      [...recordsIn(produced.bytes)],
      [...recordsIn(batch)].map((record) => ({ ...record, timestampMs: NOW_MS })),
    );
  }
});

Deno.test("Wrong maximum timestamp is corrected in a copy", () => {
  for (const wrong of [-1, SAMPLE_TIME_MS, NOW_MS]) {
    const batch = buildBatch(sampleRecords(4), { maxTimestampMs: wrong });
    const before = new Uint8Array(batch);
    const produced = validate(batch);
    assertSameBytes(batch, before, "input");
    assertSameBytes(produced.bytes, buildBatch(sampleRecords(4)));
    assertEquals(produced.header.maxTimestampMs, SAMPLE_TIME_MS + 9);
  }
});

Deno.test("Offset deltas that do not run 0, 1, 2 are rewritten", () => {
  for (const codec of CODECS) {
    const drafts = sampleRecords(4).map((draft, i) => ({ ...draft, offsetDelta: [0, 0, 7, 3][i] }));
    const produced = validate(buildBatch(drafts, { codec, lastOffsetDelta: 3 }));
    assertSameBytes(produced.bytes, buildBatch(sampleRecords(4), { codec }));
    assertEquals(produced.header, readBatchHeader(produced.bytes));
  }
});

Deno.test("Topic's compression.type is applied to what comes in another", () => {
  const producer = { producerId: 9n, producerEpoch: 3, baseSequence: 12 };
  for (const source of CODECS) {
    for (const target of CODECS) {
      const batch = buildBatch(sampleRecords(), { codec: source, producer, transactional: true });
      const compressionType = target === "none" ? "uncompressed" : target;
      const produced = validate(batch, { compressionType });
      const expected = buildBatch(sampleRecords(), {
        codec: target,
        producer,
        transactional: true,
      });
      assertSameBytes(produced.bytes, expected, `${source} to ${target}`);
      assertEquals(produced.bytes === batch, source === target);
    }
  }
});

Deno.test("Topic's compression.type and LogAppendTime are applied together", () => {
  const produced = validate(buildBatch(sampleRecords()), {
    compressionType: "gzip",
    compressionLevel: 9,
    timestampType: "LogAppendTime",
  });
  assertEquals(
    [...recordsIn(produced.bytes)].map(({ timestampMs }) => timestampMs),
    Array(120).fill(NOW_MS),
  );
  checkCrc(produced.bytes, produced.header);
  assertEquals(codecOf(produced.header), "gzip");
});

Deno.test("Batch that grows above max.message.bytes when it is stored otherwise is MESSAGE_TOO_LARGE", () => {
  const batch = buildBatch(sampleRecords(), { codec: "zstd" });
  const rule = { maxMessageBytes: batch.length, compressionType: "uncompressed" } as const;
  assertRefused("MESSAGE_TOO_LARGE", () => validate(batch, rule));
});

Deno.test("lz4 with linked blocks, which Java cannot read, is compressed anew", () => {
  const plain = buildBatch(sampleRecords(2));
  const body = plain.subarray(61);
  // One stored block: linked or not, the flag alone makes Java refuse it. 0x4040's header checksum is 0xc0.
  const frame = concat([
    Uint8Array.fromHex("04224d184040c0"),
    Uint8Array.of(body.length, body.length >>> 8, 0, 0x80),
    body,
    new Uint8Array(4),
  ]);
  const batch = withBody(frame, 2, { codec: "lz4" });
  const produced = validate(batch);
  assertEquals(produced.bytes[61 + 4] & 0x20, 0x20);
  assertEquals([...recordsIn(produced.bytes)], [...recordsIn(plain)]);
});

Deno.test("Records that do not inflate are INVALID_RECORD", () => {
  for (const codec of CODECS.slice(1)) {
    const batch = withBody(utf8("this was never compressed"), 1, { codec });
    assertRefused("INVALID_RECORD", () => validate(batch), codec);
  }
});

Deno.test("Records that inflate to too much are MESSAGE_TOO_LARGE", () => {
  for (const codec of CODECS.slice(1)) {
    const batch = withBody(compress(codec, new Uint8Array(1 << 20)), 1, { codec });
    assertRefused("MESSAGE_TOO_LARGE", () => validate(batch, { inflatedBytesMax: 100_000 }));
  }
});

Deno.test("Malformed records are INVALID_RECORD, compressed or not", () => {
  const good = "0c000000010100"; // attributes, two deltas, null key, null value, no headers
  const bad: [what: string, hex: string, count: number][] = [
    ["no record at all", "", 1],
    ["bytes behind the last record", good + "00", 1],
    ["record missing", good, 2],
    ["negative length", "01000000010100", 1],
    ["length beyond the batch", "10000000010100", 1],
    ["length too small", "0a000000010100", 1],
    ["length too large for its fields", "0e00000001010000", 1],
    ["key length -2", "0c000000030100", 1],
    ["key beyond the record", "0c000000040100", 1],
    ["value beyond the record", "0c000000010400", 1],
    ["negative header count", "0c000000010101", 1],
    ["more headers than bytes", "0c0000000101fe", 1],
    ["header without a key", "100000000101020101", 1],
    ["header value beyond the record", "100000000101020008", 1],
    ["varint of six bytes", "18000080808080800001010000", 1],
  ];
  validate(withBody(Uint8Array.fromHex(good), 1));
  for (const [what, hex, count] of bad) {
    const body = Uint8Array.fromHex(hex);
    for (const codec of CODECS) {
      const batch = withBody(compress(codec, body), count, { codec });
      const error = assertThrows(() => validate(batch), KafkaError);
      assertEquals(error.kind, "INVALID_RECORD", `${what}, ${codec}: ${error.message}`);
    }
  }
});

Deno.test("Validation never fails but with a KafkaError, and what it lets through can be read", () => {
  const wholes = CODECS.map((codec) => buildBatch(sampleRecords(12), { codec }));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const inRecords = fc.tuple(fc.nat().map((at) => 61 + at % 400), fc.nat(255));
  fc.assert(
    fc.property(
      fc.constantFrom(...wholes),
      fc.array(fc.oneof(change, inRecords), { minLength: 1, maxLength: 4 }),
      fc.constantFrom("producer", "uncompressed", "lz4") as fc.Arbitrary<"producer" | "lz4">,
      fc.boolean(),
      (whole, changes, compressionType, sealed) => {
        const mutated = new Uint8Array(whole);
        for (const [at, byte] of changes) mutated[at % whole.length] = byte;
        if (sealed) sealBatch(mutated);
        try {
          const produced = validate(mutated, { compressionType, inflatedBytesMax: 1 << 20 });
          checkCrc(produced.bytes, produced.header);
          const offsets = [...recordsIn(produced.bytes)].map(({ offset }) => offset);
          assertEquals(offsets, Array.from({ length: produced.header.recordCount }, (_, i) => i));
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
        }
      },
    ),
    { numRuns: 4000 },
  );
});
