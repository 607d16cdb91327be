import { buildBatch } from "../../protocol/records/builder.ts";
import { environment } from "../support/wire.ts";

const BATCH_RECORDS = 60;
const VALUE_BYTES = 1_000;

/** Batches of some 64 KB: one record of 1 KB for each of so many keys (a multiple of 60). */
export function keyedBatches(keys: number): Uint8Array[] {
  const encoder = new TextEncoder();
  const record = (key: number) => ({
    key: encoder.encode(`key-${key}`),
    value: environment.random.bytes(VALUE_BYTES),
    timestampMs: environment.clock.now(),
  });
  return Array.from(
    { length: keys / BATCH_RECORDS },
    (_, batch) =>
      buildBatch(
        Array.from({ length: BATCH_RECORDS }, (_, at) => record(batch * BATCH_RECORDS + at)),
      ),
  );
}
