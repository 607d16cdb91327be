import { assertEquals } from "@std/assert";
import { ERROR_CODES, type ErrorName } from "../../protocol/errors.ts";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import { keyParts } from "../../storage/kv/key.ts";
import type { Kv, KvFolder } from "../../storage/kv/kv.ts";
import { MemoryDisk } from "../../storage/kv/memory/memory_folder.ts";
import { settle } from "../support/manual_environment.ts";
import { createTopic } from "./group_support.ts";
import { startBrokerOn, type TestBroker } from "./support.ts";

const code = (name: ErrorName): number => ERROR_CODES[name].code;

/** A folder in which whoever gets a chunk waits until `gate` settles. */
function slowFolder(folder: KvFolder, gate: Promise<void>): KvFolder {
  const isChunk = (key: Uint8Array) => keyParts(key)[0] === "c";
  return {
    name: folder.name,
    async open(name) {
      const kv = await folder.open(name);
      const slow: Kv = {
        limits: kv.limits,
        get: async (keys) => {
          if (keys.some(isChunk)) await gate;
          return await kv.get(keys);
        },
        list: (range, options) => kv.list(range, options),
        commit: (commit) => kv.commit(commit),
        close: () => kv.close(),
      };
      return slow;
    },
    freeBytes: () => folder.freeBytes(),
    close: () => folder.close(),
  };
}

/** The error of the group, and what it has committed. */
async function fetched(broker: TestBroker): Promise<[number, bigint | undefined]> {
  using client = broker.connect();
  const { groups: [{ errorCode, topics }] } = await client.ask(
    [offsetFetchRequest, offsetFetchResponse],
    8,
    { groups: [{ groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] }] },
  );
  return [errorCode, topics[0]?.partitions[0]?.committedOffset];
}

Deno.test("A group whose coordinator is loading is told so, and answered when it has loaded", async () => {
  const disk = new MemoryDisk();
  {
    await using broker = await startBrokerOn(disk.openFolder());
    await createTopic(broker, "t");
    using client = broker.connect();
    const { topics } = await client.ask([offsetCommitRequest, offsetCommitResponse], 7, {
      groupId: "g",
      generationIdOrMemberEpoch: -1,
      memberId: "",
      topics: [{
        name: "t",
        partitions: [{ partitionIndex: 0, committedOffset: 42n, committedMetadata: "" }],
      }],
    });
    assertEquals(topics[0].partitions[0].errorCode, 0);
  }
  const gate = Promise.withResolvers<void>();
  await using broker = await startBrokerOn(slowFolder(disk.openFolder(), gate.promise));
  assertEquals(await fetched(broker), [code("COORDINATOR_LOAD_IN_PROGRESS"), undefined]);
  gate.resolve();
  for (let turn = 0; turn < 20; turn++) await settle();
  assertEquals(await fetched(broker), [0, 42n]);
});
