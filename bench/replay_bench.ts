/**
 * What a group coordinator does on load, without the store: 10 000 committed offsets, each in a batch of its own, as
 * compaction leaves them.
 *
 *     deno bench bench/replay_bench.ts
 *
 * @module
 */
import { GroupTable } from "../actors/group/group_table.ts";
import { offsetRecord, readGroupRecord } from "../actors/group/records.ts";
import { batchesIn } from "../protocol/records/batches.ts";
import { buildBatch } from "../protocol/records/builder.ts";
import { recordReader, recordsIn } from "../protocol/records/records.ts";

const OFFSETS = 10_000;
const GROUPS = 3;
const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ";

const batches = Array.from({ length: OFFSETS }, (_, n) => {
  const place = { topic: "orders", partition: Math.floor(n / GROUPS) };
  const { key, value } = offsetRecord(`group-${n % GROUPS}`, place, {
    offset: BigInt(n),
    leaderEpoch: -1,
    metadata: "",
    commitTimestampMs: 1_790_000_000_000 + n,
    expireTimestampMs: null,
    topicId: TOPIC_ID,
  });
  return buildBatch([{ key, value, timestampMs: 1_790_000_000_000 + n }]);
});

const newTable = () =>
  new GroupTable(() => {
    throw new TypeError("There are no members");
  });

Deno.bench({
  name: `${OFFSETS} batches, headers only`,
  group: "replay",
  fn() {
    for (const { header } of batchesIn(batches, "refuse")) void header;
  },
});

Deno.bench({
  name: `${OFFSETS} committed offsets, by hand`,
  group: "replay",
  baseline: true,
  fn() {
    const table = newTable();
    for (const { header, bytes } of batchesIn(batches, "refuse")) {
      for (const records = recordReader(bytes, header); records.next();) {
        if (!table.replayUsual(records)) throw new Error("Not a committed offset");
      }
    }
  },
});

Deno.bench({
  name: `${OFFSETS} committed offsets, by their schemas`,
  group: "replay",
  fn() {
    const table = newTable();
    for (const { bytes } of batchesIn(batches, "refuse")) {
      for (const { key, value } of recordsIn(bytes)) {
        const record = readGroupRecord({ key: key!, value });
        if (record?.kind !== "offset") throw new Error("Not a committed offset");
        table.obtain(record.group).offsets.set(record.place, record.committed!);
      }
    }
  },
});
