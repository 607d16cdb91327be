/**
 * The hash by which Java's producer, and those that follow it, choose the partition of a key.
 *
 * @module
 */

const MULTIPLIER = 0x5bd1e995;

/** MurmurHash2 of a key with Kafka's seed, as a signed 32-bit number. Source: `Utils.murmur2`. */
export function murmur2(key: Uint8Array): number {
  const length = key.length;
  const whole = length & ~3;
  let hash = 0x9747b28c ^ length;
  for (let at = 0; at < whole; at += 4) {
    const word = key[at] | (key[at + 1] << 8) | (key[at + 2] << 16) | (key[at + 3] << 24);
    const mixed = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> 24), MULTIPLIER);
  }
  if (length > whole) {
    for (let at = whole; at < length; at++) hash ^= key[at] << (8 * (at - whole));
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** The partition of a key among `partitions`. Source: `BuiltInPartitioner.partitionForKey`. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
