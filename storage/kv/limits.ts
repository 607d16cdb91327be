/**
 * The limits of Deno KV, and how a commit is held against limits before it is tried.
 *
 * Every adapter checks before it starts: an atomic operation of Deno KV that fails part-way still commits its earlier
 * mutations, so none may be started that could fail for its size.
 *
 * @module
 */
import { compareKeys } from "./key.ts";
import type { KvCommit, KvLimits, KvRange } from "./kv.ts";

/**
 * What one call to Deno KV may carry. Source: the limits in Deno's `kv` extension, confirmed by experiment. Only
 * `commitChecksMax` is lower than what a local file takes (100): denokv servers take 10, and a log that stays within
 * that can move to one.
 */
export const DENO_KV_LIMITS: KvLimits = {
  keyBytesMax: 2_048,
  valueBytesMax: 65_536,
  commitBytesMax: 819_200,
  commitKeyBytesMax: 81_920,
  commitMutationsMax: 1_000,
  commitChecksMax: 10,
  getKeysMax: 10,
  listEntriesMax: 1_000,
};

/** What a commit costs towards {@linkcode KvLimits}. */
export interface CommitCost {
  /** Value bytes plus twice the key bytes. */
  readonly bytes: number;
  /** Of all keys, those of checks included. */
  readonly keyBytes: number;
  readonly longestKeyBytes: number;
  readonly longestValueBytes: number;
  readonly mutations: number;
  readonly checks: number;
}

/**
 * The bytes that a key takes as stored. Deno KV wraps each key in a type tag and a terminator and escapes zero bytes
 * with a second byte; limits apply to the result.
 */
export function keyBytes(key: Uint8Array): number {
  let bytes = key.length + 2;
  for (let index = 0; index < key.length; index++) if (key[index] === 0) bytes++;
  return bytes;
}

/** What `commit` costs, to see how much more fits before it is full. */
export function commitCost({ checks = [], sets = [], deletes = [] }: KvCommit): CommitCost {
  let [ofKeys, ofValues, longestKeyBytes, longestValueBytes] = [0, 0, 0, 0];
  const addKey = (key: Uint8Array): void => {
    const bytes = keyBytes(key);
    ofKeys += bytes;
    longestKeyBytes = Math.max(longestKeyBytes, bytes);
  };
  for (const { key } of checks) addKey(key);
  for (const key of deletes) addKey(key);
  for (const { key, value } of sets) {
    addKey(key);
    ofValues += value.length;
    longestValueBytes = Math.max(longestValueBytes, value.length);
  }
  return {
    bytes: ofValues + 2 * ofKeys,
    keyBytes: ofKeys,
    longestKeyBytes,
    longestValueBytes,
    mutations: sets.length + deletes.length,
    checks: checks.length,
  };
}

/** Why a commit of this cost does not fit `limits`; `null` when it does. */
export function excessOf(cost: CommitCost, limits: KvLimits): RangeError | null {
  const found: [what: string, actual: number, max: number][] = [
    ["mutations", cost.mutations, limits.commitMutationsMax],
    ["checks", cost.checks, limits.commitChecksMax],
    ["bytes in its longest key", cost.longestKeyBytes, limits.keyBytesMax],
    ["bytes in its longest value", cost.longestValueBytes, limits.valueBytesMax],
    ["bytes of keys", cost.keyBytes, limits.commitKeyBytesMax],
    ["bytes", cost.bytes, limits.commitBytesMax],
  ];
  const excess = found.find(([, actual, max]) => actual > max);
  if (!excess) return null;
  const [what, actual, max] = excess;
  return new RangeError(`Cannot commit: it has ${actual} ${what}, at most ${max} are possible`);
}

/**
 * Holds a `get` against limits.
 *
 * @throws RangeError when it is beyond them
 */
export function requireGet(keys: readonly Uint8Array[], limits: KvLimits): void {
  if (keys.length > limits.getKeysMax) {
    throw new RangeError(`Cannot get ${keys.length} keys, at most ${limits.getKeysMax}`);
  }
  keys.forEach((key) => requireKey(key, limits));
}

/**
 * Holds a `list` against limits.
 *
 * @throws RangeError when it is beyond them, or its range ends before it starts
 */
export function requireList(range: KvRange, limit: number, limits: KvLimits): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.listEntriesMax) {
    throw new RangeError(`Cannot list ${limit} entries, from 1 to ${limits.listEntriesMax}`);
  }
  requireKey(range.start, limits);
  requireKey(range.end, limits);
  if (compareKeys(range.start, range.end) > 0) {
    throw new RangeError("Cannot list a range that ends before it starts");
  }
}

function requireKey(key: Uint8Array, limits: KvLimits): void {
  const bytes = keyBytes(key);
  if (bytes > limits.keyBytesMax) {
    throw new RangeError(`Cannot read: a key has ${bytes} bytes, at most ${limits.keyBytesMax}`);
  }
}
