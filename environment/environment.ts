/**
 * The outside world of one broker or one client.
 *
 * Everything in this project that is not a pure function runs on an {@linkcode Environment} *instance*: nothing reads a
 * clock, sets a timer, draws a random number or touches the network by any other way (a lint rule holds this). That is
 * what lets the same production code run on Deno, in virtual time with injected faults, and one day elsewhere.
 *
 * Disposing an environment means that its timers never fire again and its pending reads and writes never settle: to the
 * code that runs on it, the process was killed.
 *
 * @module
 */

/** The outside world of one broker or one client. */
export interface Environment {
  /** What time it is. */
  readonly clock: Clock;
  /** What happens later. */
  readonly timers: Timers;
  /** What nobody can guess. */
  readonly random: RandomSource;
  /** Who else is there. */
  readonly network: Network;
  /** What people are told. */
  readonly log: LogSink;
}

/** Wall clock and monotonic clock. */
export interface Clock {
  /** Wall-clock time in whole milliseconds since the Unix epoch. May jump in both directions. */
  now(): number;
  /** Monotonic time in milliseconds (fractions allowed) since an arbitrary start. Never goes back. */
  monotonicMs(): number;
}

/** One-shot timers. */
export interface Timers {
  /** Calls `callback` once, `delayMs` from now (0 is legal and still asynchronous). */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** A scheduled callback. */
export interface Timer {
  /** Prevents the callback from being called; does nothing if it was called already. */
  cancel(): void;
}

/** A source of randomness. */
export interface RandomSource {
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array;
  /** A random number in [0, 1), for jitter and sampling: never for secrets. */
  next(): number;
}

/** Where to listen or to dial: `port` 0 asks for any free port. */
export interface Address {
  /** A name, or an IP address. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** Plain byte duplexes. What goes wrong is a `NetworkError`. */
export interface Network {
  /** Opens a listening port. Throws when the port is taken or the address is not of this machine. */
  listen(address: Address): Promise<Listener>;
  /** Opens a connection. Throws when nobody answers. */
  dial(address: Address): Promise<ByteStream>;
}

/** A listening port. */
export interface Listener {
  /** The real address, with the port that was given if 0 was asked for. */
  readonly address: Address;
  /** The next incoming connection; `null` once the listener is closed. */
  accept(): Promise<ByteStream | null>;
  /** Accepts no more; a pending accept answers `null`. Idempotent. */
  close(): void;
}

/** One connection: an ordered duplex of bytes. */
export interface ByteStream {
  /** This end. */
  readonly local: Address;
  /** The other end. */
  readonly remote: Address;
  /** Reads at least one byte into `buffer` and returns how many; `null` at the end of the stream. Throws on a reset. */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes all chunks, in order; settles when the next write may follow (back pressure). One write at a time. Throws on
   * a reset. The chunks must not change until it settles.
   */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Closes both directions; pending reads answer `null` or throw. Idempotent. */
  close(): void;
}

/** Severity, mildest first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where log lines go. */
export interface LogSink {
  /** One event: a short sentence, and its context as flat fields. */
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}
