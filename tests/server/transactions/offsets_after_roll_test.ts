/**
 * The offsets of transactions lie in batches without sequence: what the log remembers of their producers must outlive the
 * segment that they lie in.
 */
import { assertEquals } from "@std/assert";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../../protocol/messages/09_offset_fetch.ts";
import { NONE } from "../../../protocol/records/batch_header.ts";
import { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import type { ByteWriter } from "../../../storage/log/binary.ts";
import { ProducerStates } from "../../../storage/log/producer_states.ts";
import { createTopic } from "../group_support.ts";
import { startBrokerOn, type TestBroker, type WireClient } from "../support.ts";
import { WireProducer } from "../transaction_support.ts";

/** In Kafka's versions of the requests: before and since each transaction has an epoch of its own (KIP-890). */
type TransactionVersion = 1 | 2;

const CONFIG = { "log.roll.ms": "1000", "offsets.topic.num.partitions": "1" };
/** The cleaner closes the open segment, and cleans what is closed. */
const CLEANED_MS = 60_000;

/** A producer of a group of its own, with an offset in an open transaction. */
async function begin(
  client: WireClient,
  version: TransactionVersion,
  id: string,
): Promise<WireProducer> {
  const producer = new WireProducer(client, id, "t", `group of ${id}`);
  assertEquals(await producer.init(), 0);
  if (version === 1) assertEquals(await producer.addOffsets(3), 0);
  assertEquals(await producer.commitOffset(version === 1 ? 3 : 5, 42n), 0);
  return producer;
}

async function end(producer: WireProducer, version: TransactionVersion): Promise<void> {
  assertEquals(await producer.end(version === 1 ? 3 : 5, true), 0);
}

/** What a group has committed; and its error, if it has one. */
async function committed(client: WireClient, id: string): Promise<bigint | number> {
  const { groups: [{ errorCode, topics }] } = await client.ask(
    [offsetFetchRequest, offsetFetchResponse],
    8,
    { groups: [{ groupId: `group of ${id}`, topics: [{ name: "t", partitionIndexes: [0] }] }] },
  );
  return errorCode === 0 ? topics[0].partitions[0].committedOffset : errorCode;
}

function complaints({ environment }: TestBroker): string[] {
  return environment.lines
    .filter(({ level }) => level === "error" || level === "warn").map(({ message }) => message);
}

/** Commits offsets in transactions of `ids`, the last one of which stays open while segments are closed and cleaned. */
async function liveOneLife(
  disk: MemoryDisk,
  version: TransactionVersion,
  ids: readonly string[],
): Promise<string[]> {
  await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
  await createTopic(broker, "t");
  using client = broker.connect();
  for (const id of ids.slice(0, -1)) await end(await begin(client, version, id), version);
  await begin(client, version, ids.at(-1)!);
  await broker.environment.advance(CLEANED_MS / 2);
  await end(await begin(client, version, "later"), version);
  await broker.environment.advance(CLEANED_MS / 2);
  return complaints(broker);
}

/** Writes producers as it was done before: a sequence of -1 as one byte that says that another one follows. */
async function writingAsBefore<T>(run: () => Promise<T>): Promise<T> {
  const { encode } = ProducerStates.prototype;
  ProducerStates.prototype.encode = function (writer, undone) {
    const varint = writer.varint;
    const asBefore: ByteWriter["varint"] = (value) => {
      if (value === NONE >>> 0) writer.uint8(NONE);
      else varint.call(writer, value);
    };
    writer.varint = asBefore;
    encode.call(this, writer, undone);
    writer.varint = varint;
  };
  try {
    return await run();
  } finally {
    ProducerStates.prototype.encode = encode;
  }
}

for (const version of [1, 2] as const) {
  for (const ids of [["a"], ["a", "b"], ["a", "b", "c", "d", "e"]]) {
    const who = `${ids.length} transactional ids with TV${version}`;

    Deno.test(`Offsets of transactions outlive a closed segment and a restart: ${who}`, async () => {
      const disk = new MemoryDisk();
      assertEquals(await liveOneLife(disk, version, ids), []);
      await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
      await broker.environment.advance(100); // the coordinators load
      using client = broker.connect();
      for (const id of [...ids.slice(0, -1), "later"]) {
        assertEquals(await committed(client, id), 42n);
      }
      assertEquals(await committed(client, ids.at(-1)!), -1n);
      await broker.environment.advance(CLEANED_MS); // the open one is aborted meanwhile
      assertEquals(complaints(broker), []);
    });

    Deno.test(`Producers that were written unreadable are told by the log: ${who}`, async () => {
      const disk = new MemoryDisk();
      // The cleaner meets them first, then a start.
      assertEquals(await writingAsBefore(() => liveOneLife(disk, version, ids)), []);
      await using broker = await startBrokerOn(disk.openFolder(), CONFIG);
      await broker.environment.advance(100); // the coordinators load
      using client = broker.connect();
      for (const id of [...ids.slice(0, -1), "later"]) {
        assertEquals(await committed(client, id), 42n);
      }
      await broker.environment.advance(2 * CLEANED_MS);
      assertEquals(await committed(client, ids.at(-1)!), -1n);
      assertEquals(complaints(broker), []);
    });
  }
}
