import { assertEquals } from "@std/assert";
import type { Environment } from "../../environment/environment.ts";
import type { Kv, KvFolder } from "../../storage/kv/kv.ts";
import { MemoryDisk } from "../../storage/kv/memory/memory_folder.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import { MetadataStore } from "../../storage/metadata/metadata_store.ts";
import type { MetadataChange } from "../../storage/metadata/metadata.ts";
import { removeStray } from "../../storage/stray_partitions.ts";
import { appendValues, environmentOf, partitionId, settle, topicId } from "./log/log_world.ts";

const LIVING = partitionId(0, 1);
const DELETED = partitionId(0, 2);
const STRAY = partitionId(3, 3);
const INTERNAL = partitionId(7, 4);

/** Metadata and logs of a folder, opened in the order of a broker's start. */
async function start(disk: MemoryDisk, environment: Environment = environmentOf(1), meta = "meta") {
  const folder = disk.openFolder();
  const kv = await folder.open(meta);
  const metadata = await MetadataStore.open(kv, environment, null);
  const isInternal = (id: string) => id === INTERNAL.topicId;
  const logs = await openLogStore({ folder, environment, internal: { kv, isInternal } });
  return { metadata, logs };
}

function topic(n: number): MetadataChange {
  const more = { partitionCount: 8, replicationFactor: 1, overrides: new Map() };
  return { kind: "topic", topic: { id: topicId(n), name: `t${n}`, ...more } };
}

/** A folder with records of a topic that lives, of one whose deletion is under way, of none, and of an internal one. */
async function disk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { metadata, logs } = await start(disk);
  await metadata.commit([1, 2, 4].map(topic));
  for (const id of [LIVING, DELETED, STRAY, INTERNAL]) {
    await appendValues(await logs.open(id), "v");
  }
  const deleted = { id: DELETED.topicId, name: "t2", partitionCount: 8 };
  await metadata.commit([{ kind: "topicDeleted", ...deleted }]);
  return disk;
}

Deno.test("Records of a topic that the metadata does not know are removed at start, and no others", async () => {
  const kept = await disk();
  const environment = environmentOf(2);
  const { logs, metadata } = await start(kept, environment);
  const removed = removeStray({ logs, metadata, log: environment.log });
  await environment.advance(1_000);
  await removed;
  const told = environment.lines.filter(({ message }) => message.startsWith("Removed"));
  assertEquals(told.map(({ fields }) => fields), [{ topicId: STRAY.topicId, partitions: 1 }]);
  const again = await start(kept);
  const topics = [...again.logs.stored()].map(({ topicId }) => topicId).sort();
  assertEquals(topics, [LIVING, DELETED, INTERNAL].map(({ topicId }) => topicId).sort());
});

Deno.test("Records stay when the metadata was lost, or is older than they are", async () => {
  const kept = await disk();
  await start(kept);
  for (let n = 0; n < 2; n++) {
    const environment = environmentOf(2);
    const { logs, metadata } = await start(kept, environment, "other meta");
    await removeStray({ logs, metadata, log: environment.log });
    await settle();
    assertEquals(environment.lines.map(({ level }) => level), ["warn"]);
    assertEquals([...logs.stored()].length, 3, "those that are not internal");
  }
});

Deno.test("A start that stood still before it took the logs over removes nothing of its successor's (all records were lost)", async () => {
  const folder = shared(new MemoryDisk().openFolder());
  const meta = await folder.open("meta");
  await MetadataStore.open(meta, environmentOf(1), null); // it dies before it opens the logs
  const stood = await MetadataStore.open(meta, environmentOf(1), null);
  const metadata = await MetadataStore.open(meta, environmentOf(2), null);
  const logs = await openLogStore({ folder, environment: environmentOf(2) });
  await metadata.commit([topic(1)]);
  await appendValues(await logs.open(LIVING), "v");
  const environment = environmentOf(3);
  const later = await openLogStore({ folder, environment });
  const removed = removeStray({ logs: later, metadata: stood, log: environment.log });
  await environment.advance(1_000);
  await removed;
  assertEquals([...later.stored()].map(({ topicId }) => topicId), [LIVING.topicId]);
});

/** A folder that several use at once, as no lock keeps them from a store in the network. */
function shared(folder: KvFolder): KvFolder {
  const stores = new Map<string, Promise<Kv>>();
  const open = (name: string) => {
    const store = stores.get(name) ?? folder.open(name);
    stores.set(name, store);
    return store;
  };
  return { name: folder.name, open, freeBytes: () => folder.freeBytes(), close: async () => {} };
}
