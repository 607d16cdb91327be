/**
 * Where a group, a transactional id or a share partition lives in its internal topic.
 *
 * @module
 */

/** The hash code that Java gives a string, as a signed 32-bit number: over its UTF-16 units. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * The partition of `__consumer_offsets` that holds a group, of `__transaction_state` that holds a transactional id, of
 * `__share_group_state` that holds `groupId:topicId:partition`. Source: `Utils.abs`, which makes 0 of the least number.
 */
export function coordinatorPartition(id: string, partitions: number): number {
  const hash = javaHash(id);
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions;
}
