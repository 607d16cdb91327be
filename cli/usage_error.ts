/**
 * What a user can put right: shown as one line, exit code 2.
 *
 * @module
 */

/** What a user can put right. The message is one line that says what is wrong and, if it is not obvious, what to do. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}
