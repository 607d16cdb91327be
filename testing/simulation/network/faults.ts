import type { Range } from "../random.ts";

/** How the simulated network behaves. Probabilities are per event named, from 0 to 1. */
export interface NetworkFaults {
  /** Milliseconds that a segment takes from one end to the other. */
  readonly delayMs: Range;
  /** Segments that take `spikeMs` longer. */
  readonly spikeChance: number;
  /** By how much late segments are later. */
  readonly spikeMs: Range;
  /** Writes that arrive in several pieces. */
  readonly splitChance: number;
  /** Writes in whose course the connection is reset. */
  readonly resetChance: number;
  /** Writes after which nothing gets through any more and nobody is told. */
  readonly halfOpenChance: number;
  /** Dials that are refused although somebody listens. */
  readonly refuseChance: number;
  /** Connections over which little goes at a time, `slowBytesPerMs`. */
  readonly slowChance: number;
  /** How much goes over slow connections. */
  readonly slowBytesPerMs: Range;
  /** Milliseconds after which a dial that nobody answers fails. */
  readonly dialTimeoutMs: number;
  /** Bytes of one direction that are sent and not read before a writer waits. */
  readonly windowBytes: number;
}

/** A quick network that loses nothing; writes are cut up now and then, as they always are. */
export const QUIET_NETWORK: NetworkFaults = {
  delayMs: [0.02, 0.3],
  spikeChance: 0,
  spikeMs: [5, 200],
  splitChance: 0.1,
  resetChance: 0,
  halfOpenChance: 0,
  refuseChance: 0,
  slowChance: 0,
  slowBytesPerMs: [10, 1000],
  dialTimeoutMs: 10_000,
  windowBytes: 64 * 1024,
};

/** A network on a bad day. */
export const ROUGH_NETWORK: NetworkFaults = {
  ...QUIET_NETWORK,
  delayMs: [0.02, 5],
  spikeChance: 0.01,
  splitChance: 0.3,
  resetChance: 0.002,
  halfOpenChance: 0.0003,
  refuseChance: 0.05,
  slowChance: 0.05,
};
