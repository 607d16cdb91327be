import { assertEquals } from "@std/assert";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import {
  initProducerIdRequest,
  initProducerIdResponse,
} from "../../protocol/messages/22_init_producer_id.ts";
import { ERROR_CODES } from "../../protocol/errors.ts";
import { after, Member, startGroups, type World } from "./group_support.ts";
import { decodeResponse, encodeRequest } from "../../protocol/mod.ts";

const INVALID_REQUEST = ERROR_CODES.INVALID_REQUEST.code;
/** What stands for a byte that no UTF-8 text has: the codec writes no such text. */
const PLACEHOLDER = "~";
/** As it is read, each of its bytes takes three. */
const TEXT = PLACEHOLDER.repeat(20_000);

/** Makes a text of invalid UTF-8 of the placeholders in a request. */
function spoilt(chunks: readonly Uint8Array[]): Uint8Array[] {
  return chunks.map((chunk) =>
    chunk.map((byte) => byte === PLACEHOLDER.charCodeAt(0) ? 0xff : byte)
  );
}

/** A member of a group that waits for the other one to join again: a crash of the coordinator would send it away. */
async function bystander(world: World): Promise<Disposable & { code: number | null }> {
  const member = new Member(world, { group: "bystander" });
  await after(world, member.join());
  await member.sync({ [member.memberId]: "all" });
  const other = new Member(world, { group: "bystander" });
  const told = {
    code: null as number | null,
    [Symbol.dispose]() {
      member[Symbol.dispose]();
      other[Symbol.dispose]();
    },
  };
  other.join().then(({ errorCode }) => told.code = errorCode, () => {});
  await world.environment.advance(5);
  return told;
}

Deno.test("OffsetCommit for a group whose id is no UTF-8 is refused, and no other group hears of it", async () => {
  await using world = await startGroups({ "offsets.topic.num.partitions": "1" });
  using other = await bystander(world);
  using client = world.connect();
  await client.send(...spoilt(encodeRequest(
    { schema: offsetCommitRequest, version: 6, correlationId: 1, clientId: "c" },
    {
      groupId: TEXT,
      generationIdOrMemberEpoch: -1,
      memberId: "",
      topics: [{
        name: "t",
        partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }],
      }],
    },
  )));
  const { body } = decodeResponse(offsetCommitResponse, 6, (await client.receive())!);
  assertEquals(body.topics[0].partitions[0].errorCode, INVALID_REQUEST);
  await world.environment.advance(1000);
  assertEquals(other.code, null);
  assertEquals(world.environment.lines.filter(({ level }) => level === "error"), []);
});

Deno.test("InitProducerId with a transactional id that is no UTF-8 is refused, and its coordinator goes on", async () => {
  await using world = await startGroups();
  using client = world.connect();
  await client.send(...spoilt(encodeRequest(
    { schema: initProducerIdRequest, version: 1, correlationId: 1, clientId: "c" },
    { transactionalId: TEXT, transactionTimeoutMs: 60_000 },
  )));
  const { body } = decodeResponse(initProducerIdResponse, 1, (await client.receive())!);
  assertEquals(body.errorCode, INVALID_REQUEST);
  assertEquals(world.environment.lines.filter(({ level }) => level === "error"), []);
});
