/**
 * Which stored values tell by themselves whether they are sound.
 *
 * @module
 */
import { decodeHead } from "../../chain/head.ts";
import { keyParts } from "../../kv/key.ts";
import {
  decodeBrokerOverrides,
  decodeCluster,
  decodeDeletedTopic,
  decodeTopic,
} from "../../metadata/values.ts";
import { Chunk } from "../chunk.ts";
import { decodeFormat } from "../format_record.ts";
import { decodeLogStart } from "../log_start.ts";
import { decodePublication } from "../publication.ts";
import { decodeSummary } from "../segment_summary.ts";
import { decodeOpenSegment } from "../shard_catalogue.ts";
import { decodeTombstone } from "../tombstone.ts";

const DECODERS: Readonly<Record<string, (value: Uint8Array) => unknown>> = {
  b: decodeLogStart,
  k: decodePublication,
  m: decodeSummary,
  r: (value) => decodeTombstone(value, 0),
  format: (value) => decodeFormat(value, ""),
  cluster: decodeCluster,
  topic: (value) => decodeTopic("", value),
  deleted: (value) => decodeDeletedTopic("", value),
  broker: decodeBrokerOverrides,
};

/** What tells whether a value of this key is sound; null when others tell (details, parts of batches). */
export function isSoundValue(key: Uint8Array): ((value: Uint8Array) => boolean) | null {
  const [kind, shard] = keyParts(key);
  if (kind === "c") return (value) => Chunk.loaded(value).damage === null;
  const decode = kind === "head"
    ? (value: Uint8Array) => {
      const { state } = decodeHead(value);
      if (shard !== undefined) decodeOpenSegment(state);
    }
    : DECODERS[String(kind)];
  if (!decode) return null;
  return (value) => {
    try {
      decode(value);
      return true;
    } catch {
      return false;
    }
  };
}
