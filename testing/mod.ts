/**
 * Scenarios in virtual time: real brokers and clients on a simulated network, store and clock, with faults, replayable
 * from a seed.
 *
 * @module
 */
export { AnswerOrderChecker } from "./checkers/answer_order_checker.ts";
export { type Attempt, type AttemptHistory, checkAttempts } from "./checkers/attempt_checker.ts";
export { ChainChecker } from "./checkers/chain_checker.ts";
export {
  checkLog,
  type LogHistory,
  type SeenRecord,
  type SentRecord,
} from "./checkers/log_checker.ts";
export {
  Recorder,
  type RecordFacts,
  type SeenFacts,
  type SenderFacts,
  type Sending,
} from "./checkers/recorder.ts";
export { type AuditedStores, auditStores } from "./checkers/store_audit.ts";
export { checkTransactions, type TransactionVerdict } from "./checkers/transactions/checker.ts";
export type {
  GroupPosition,
  LateCopy,
  LateRequest,
  TransactionFacts,
  TransactionHistory,
  TransactionOutcome,
  TransactionRead,
  TransactionVersion,
  TransactionWrite,
} from "./checkers/transactions/history.ts";
export {
  PERMITTED,
  type PermittedAnomaly,
  type PermittedName,
} from "./checkers/transactions/permitted.ts";
export {
  type PositionFacts,
  RecordedTransaction,
  type TransactionOwner,
  TransactionRecorder,
} from "./checkers/transactions/recorder.ts";
export type { Violation, ViolationKind } from "./checkers/violation.ts";
export type {
  Address,
  ByteStream,
  Clock,
  Environment,
  Listener,
  LogLevel,
  LogSink,
  Network,
  RandomSource,
  Timer,
  Timers,
} from "../environment/environment.ts";
export type { Lifetime } from "../environment/lifetime.ts";
export type {
  Kv,
  KvCheck,
  KvCommit,
  KvEntry,
  KvFolder,
  KvLimits,
  KvOutcome,
  KvRange,
} from "../storage/kv/kv.ts";
export type { Broker, BrokerOptions, ByteDuplex, ClientOptions, ListenerOptions } from "../mod.ts";
export type { Feed, FeedOptions, FeedReader } from "../actors/core/feed.ts";
export type { GroupEvent, GroupHappening } from "../actors/group/group_feed.ts";
export type { GroupStateName } from "../actors/group/group_machine.ts";
export type {
  TransactionHappening,
  TransactionHappeningName,
  TransactionStanding,
} from "../actors/transaction/transaction_feed.ts";
export type { ERROR_CODES, ErrorFact, ErrorName } from "../protocol/errors.ts";
export type { Dial } from "../client/mod.ts";
export type { RequestHeader } from "../protocol/frames.ts";
export {
  startTestBroker,
  type TestBroker,
  type TestBrokerOptions,
} from "./real_time/test_broker.ts";
export { SimulatedBroker, type SimulatedBrokerOptions } from "./simulated_broker.ts";
export { type Duration, durationMs, type DurationUnit } from "./simulation/duration.ts";
export { SimulationError } from "./simulation/failure.ts";
export { FaultCounts } from "./simulation/fault_counts.ts";
export { canonicalText, History, type HistoryEvent } from "./simulation/history.ts";
export {
  type CommitFault,
  type CommitObserver,
  type KvFaults,
  QUIET_KV,
  ROUGH_KV,
} from "./simulation/kv/faults.ts";
export { SimulatedStore, type StoreOptions } from "./simulation/kv/store.ts";
export { type NetworkFaults, QUIET_NETWORK, ROUGH_NETWORK } from "./simulation/network/faults.ts";
export { SimulatedNetwork } from "./simulation/network/network.ts";
export { SimulatedClock, START_MS } from "./simulation/clock.ts";
export { type Death, SimulatedProcess } from "./simulation/process.ts";
export { Random, type Range } from "./simulation/random.ts";
export {
  type TapOptions,
  type TappedRequest,
  Taps,
  type WireObserver,
} from "./simulation/wire/taps.ts";
export {
  type ProcessOptions,
  type RunLimits,
  simulate,
  Simulation,
  type SimulationOptions,
} from "./simulation/simulation.ts";
