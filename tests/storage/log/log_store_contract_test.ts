import { testPartitionLogContract } from "../../contract/partition_log_contract.ts";
import type { LogOptions } from "../../../storage/log/log_store.ts";
import { LogWorld } from "./log_world.ts";

function subject(name: string, options: LogOptions): void {
  testPartitionLogContract({
    name,
    place() {
      const world = new LogWorld(options);
      return Promise.resolve({
        open: () => world.start(),
        kill: () => Promise.resolve(void world.disk.openFolder()),
        remove: () => Promise.resolve(),
      });
    },
  });
}

subject("Log store", {});
subject("Log store with one shard and tiny segments", {
  files: 1,
  shardsPerFile: 1,
  segmentBytes: 1_000,
});
subject("Log store with hardly any cache", { cacheBytesMax: 2_000, segmentBytes: 100_000 });
