/**
 * OffsetCommit requests that are made once and sent many times, with another offset each time: for more commits than a
 * client that encodes them could send beside the broker.
 *
 * @module
 */
import { encodeRequest } from "../../protocol/frames.ts";
import { offsetCommitRequest } from "../../protocol/messages/08_offset_commit.ts";
import { joined } from "../../protocol/schema/mod.ts";
import type { Wire } from "./wire.ts";

/** The last version whose answer ends with its only error code, and without tagged fields. */
const COMMIT_VERSION = 7;
/** An offset that shows where it lies in the bytes. */
const PLACEHOLDER = 0x5ead_beef_5ead_beefn;

/** One request: the offset of one partition, of a group without members. */
export class CommitFrame {
  /** As it goes over the wire. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #offsetAt: number;

  constructor(groupId: string, topic: string, partitionIndex: number) {
    this.bytes = joined(encodeRequest({
      schema: offsetCommitRequest,
      version: COMMIT_VERSION,
      correlationId: 1,
      clientId: "bench",
    }, {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: "",
      topics: [{
        name: topic,
        partitions: [{ partitionIndex, committedOffset: PLACEHOLDER, committedMetadata: "" }],
      }],
    }));
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    let offsetAt = this.bytes.length - 8;
    while (this.#view.getBigInt64(offsetAt) !== PLACEHOLDER) offsetAt--;
    this.#offsetAt = offsetAt;
  }

  set offset(offset: bigint) {
    this.#view.setBigInt64(this.#offsetAt, offset);
  }
}

/** Sends commits over one connection, `window` of them at a time, and checks every answer. */
export async function commitInWindows(
  wire: Wire,
  frames: readonly CommitFrame[],
  window: number,
): Promise<void> {
  for (let at = 0; at < frames.length; at += window) {
    const together = frames.slice(at, at + window);
    await wire.send([joined(together.map(({ bytes }) => bytes))]);
    for (let left = together.length; left > 0; left--) requireNoError(await wire.receive());
  }
}

function requireNoError(answer: Uint8Array): void {
  const code = answer[answer.length - 2] << 8 | answer[answer.length - 1];
  if (code !== 0) throw new Error(`OffsetCommit was answered ${code}`);
}
