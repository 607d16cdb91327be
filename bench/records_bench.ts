/**
 * What checking, compressing and inflating record batches costs: `deno bench --allow-read bench/records_bench.ts`.
 *
 * Payload: records of 1 KB, one half text that repeats, one half bytes that do not.
 *
 * @module
 */
import { CODECS, compress, decompress } from "../protocol/compression/mod.ts";
import { buildBatch, type RecordDraft } from "../protocol/records/builder.ts";
import { crc32c } from "../protocol/records/crc32c.ts";
import { recordsIn } from "../protocol/records/records.ts";
import { type ProduceRules, validateProduced } from "../protocol/records/validate.ts";

const NOW_MS = 1_700_000_000_000;
const RECORD_BYTES = 1000;
const SIZES = [["16 KB", 16], ["1 MB", 1000]] as const;

const rules: ProduceRules = {
  requestVersion: 12,
  maxMessageBytes: 1 << 24,
  timestampType: "CreateTime",
  beforeMaxMs: Infinity,
  afterMaxMs: 3_600_000,
  compacted: false,
  compressionType: "producer",
};

function records(count: number): RecordDraft[] {
  let state = 1;
  return Array.from({ length: count }, (_, i) => {
    const value = new Uint8Array(RECORD_BYTES);
    for (let at = 0; at < RECORD_BYTES; at++) {
      state = (Math.imul(state, 1103515245) + 12345) | 0;
      value[at] = at % 200 < 100 ? "a spool of thread ".charCodeAt(at % 18) : state >>> 16;
    }
    return { value, timestampMs: NOW_MS + i };
  });
}

for (const [name, count] of SIZES) {
  const drafts = records(count);
  const plain = buildBatch(drafts);
  const group = `checksum, ${name}`;
  Deno.bench({ name: `crc32c, ${name}`, group, baseline: true, fn: () => void crc32c(plain, 21) });

  for (const codec of CODECS) {
    const batch = buildBatch(drafts, { codec });
    const produced = [batch];
    Deno.bench({
      name: `validate ${codec}, ${name}`,
      group: `validate, ${name}`,
      baseline: codec === "none",
      fn: () => void validateProduced(produced, rules, NOW_MS),
    });
    Deno.bench({
      name: `build ${codec}, ${name}`,
      group: `build, ${name}`,
      baseline: codec === "none",
      fn: () => void buildBatch(drafts, { codec }),
    });
    Deno.bench({
      name: `read records of ${codec}, ${name}`,
      group: `read, ${name}`,
      baseline: codec === "none",
      fn: () => {
        for (const record of recordsIn(batch)) record.value;
      },
    });
    if (codec === "none") continue;
    const body = plain.subarray(61);
    const compressed = compress(codec, body);
    Deno.bench({
      name: `${codec} compress, ${name}`,
      group: `compress, ${name}`,
      fn: () => void compress(codec, body),
    });
    Deno.bench({
      name: `${codec} decompress, ${name}`,
      group: `decompress, ${name}`,
      fn: () => void decompress(codec, compressed),
    });
  }
}
