/**
 * A setting that cannot be: unknown, of the wrong type or out of range.
 *
 * @module
 */

/** A setting that cannot be. The message is one line that can be shown to a user as it is. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}
