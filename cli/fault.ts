/**
 * What is a fault of this program, and what is not.
 *
 * @module
 */
import { InvariantError } from "../protocol/errors.ts";

/** Errors that only a mistake in the code brings all the way to the user. */
const FAULTS = [InvariantError, TypeError, ReferenceError, RangeError];

/**
 * The message of an error that the user can do something about, with what is behind it, on one line; `null` for a fault of
 * this program.
 *
 * Anything but a {@linkcode FAULTS | fault} (a port in use, a folder of another broker, a wrong setting, a server that
 * does not answer) comes with a message made for the user.
 */
export function userMessage(error: unknown): string | null {
  if (!(error instanceof Error) || FAULTS.some((fault) => error instanceof fault)) return null;
  const { message, cause } = error;
  const reason = cause instanceof Error ? cause.message : "";
  const whole = message.includes(reason) ? message : `${message}: ${reason}`;
  return whole.trim().replaceAll(/\s*\n\s*/g, " ");
}
