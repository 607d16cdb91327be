import { keyParts } from "../../kv/key.ts";

/** A key for people: its parts, bytes in hexadecimal. */
export function keyName(key: Uint8Array): string {
  try {
    return keyParts(key).map((part) => part instanceof Uint8Array ? part.toHex() : part).join(" ");
  } catch {
    return key.toHex();
  }
}
