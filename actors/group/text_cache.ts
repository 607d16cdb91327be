const SLOTS = 1024;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Texts by their bytes: names that come again and again are decoded once, and are one string in memory. It holds a bounded
 * number of them: of two that fall on one place the later stays.
 */
export class TextCache {
  readonly #slots: (Slot | null)[] = new Array(SLOTS).fill(null);

  /** @param decode makes the text of bytes that are given whole. */
  constructor(private readonly decode: (bytes: Uint8Array) => string) {}

  /** The text of the bytes from `start` to before `end`. */
  at(bytes: Uint8Array, start: number, end: number): string {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0x0100_0193);
    const slot = (hash ^ hash >>> 15) & (SLOTS - 1);
    const held = this.#slots[slot];
    if (held !== null && isSame(held.bytes, bytes, start, end)) return held.text;
    const own = bytes.slice(start, end);
    const text = this.decode(own);
    this.#slots[slot] = { bytes: own, text };
    return text;
  }
}

function isSame(held: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (held.length !== end - start) return false;
  for (let at = 0; at < held.length; at++) if (held[at] !== bytes[start + at]) return false;
  return true;
}
