/**
 * Bounds of what is decoded.
 *
 * @module
 */

/** Most bytes of a string, as in Kafka: both length forms are held to what an int16 can say. */
export const STRING_BYTES_MAX = 32_767;

/** What one message may make the decoder build. */
export interface DecodeLimits {
  /**
   * Array elements of the whole message, all arrays together. A count is checked against the bytes that remain as
   * well, but one byte on the wire can become an object a hundred times its size. Unknown tagged fields, which nothing
   * else bounds in all structs together, count as elements.
   */
  readonly elementsMax: number;
  /** Unknown tagged fields of one struct. */
  readonly unknownTagsMax: number;
  /** Unknown tagged fields are left out of what is decoded: nobody looks at them. */
  readonly dropsUnknownTags?: boolean;
}

/** Enough for the metadata of 200 000 partitions. */
export const DEFAULT_LIMITS: DecodeLimits = { elementsMax: 1 << 20, unknownTagsMax: 1024 };

/** What a request that anybody may have sent is decoded with. */
export const REQUEST_LIMITS: DecodeLimits = { ...DEFAULT_LIMITS, dropsUnknownTags: true };
