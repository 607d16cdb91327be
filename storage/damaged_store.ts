/**
 * What is told when a data folder cannot be opened because stored bytes are not what was written.
 *
 * @module
 */

/** A data folder cannot be used as it is. The message is one line that says what to do. */
export class DamagedStoreError extends Error {
  override readonly name = "DamagedStoreError";

  constructor(folder: string, cause: Error) {
    const what = cause.message.replace(/\.$/, "");
    super(
      `Cannot open the data in "${folder}": ${what}. Stop, keep a copy, and run: odradek check --data ${folder}`,
      { cause },
    );
  }
}

/** What SQLite says of a file that is none, or that was written over, in the words that reach us through Deno KV. */
const NOT_A_DATABASE = /malformed|file is not a database|disk image/i;

/**
 * Awaits the opening of a store, and has damage told as such.
 *
 * @throws DamagedStoreError when the opening fails with a RangeError (malformed bytes), or SQLite finds its file damaged.
 */
export async function openingUndamaged<T>(folder: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    const isDamage = error instanceof RangeError ||
      error instanceof Error && NOT_A_DATABASE.test(error.message);
    throw isDamage ? new DamagedStoreError(folder, error) : error;
  }
}
