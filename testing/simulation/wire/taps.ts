import { type ErrorName, KafkaError } from "../../../protocol/errors.ts";
import { encodeResponse, type RequestHeader } from "../../../protocol/frames.ts";
import { decodeMessage } from "../../../protocol/schema/codec.ts";
import { Reader } from "../../../protocol/schema/reader.ts";
import type { Api, RequestContext } from "../../../server/api.ts";
import { APIS } from "../../../server/apis/mod.ts";
import { type Duration, durationMs } from "../duration.ts";
import type { SimulatedProcess } from "../process.ts";
import { joined } from "./frame_cutter.ts";

/** Which requests a tap is about. */
export interface TapOptions {
  /** How many of them. */
  readonly times?: number;
  /** Only those that this process sends. */
  readonly from?: SimulatedProcess;
}

/** A request on its way. */
export interface TappedRequest {
  /** A connection of the simulation, by a name of its own. */
  readonly connection: string;
  /** Whose it is. */
  readonly from: SimulatedProcess;
  /** Which API and version, and its correlation id. */
  readonly header: RequestHeader;
  /** The frame without its size. */
  readonly frame: Uint8Array;
  /** Whether the protocol has an answer to it. */
  readonly isAnswered: boolean;
}

/** Sees what passes. */
export interface WireObserver {
  /** A request was written by its client. */
  asked?(request: TappedRequest): void;
  /** An answer was written by its broker. */
  answered?(connection: string, correlationId: number): void;
}

/** What a tap does to a request. */
type Effect =
  | { readonly kind: "answer"; readonly error: KafkaError }
  | { readonly kind: "hold"; readonly holdMs: number }
  | { readonly kind: "loseAnswer" };

interface Tap {
  readonly key: number;
  readonly from: SimulatedProcess | undefined;
  readonly effect: Effect;
  left: number;
}

const API_BY_KEY: ReadonlyMap<number, Api> = new Map(APIS.map((api) => [api.key, api]));
const PRODUCE = 0;
const PRODUCE_FLEXIBLE_VERSION = 9;

/**
 * Taps on the wire between clients and brokers: they answer, hold back and listen, frame by frame.
 *
 * ```ts
 * simulation.taps.answer("Heartbeat", "REBALANCE_IN_PROGRESS"); // the next one, without asking the broker
 * const letGo = simulation.taps.hold("Produce", "5s"); // every one, until letGo()
 * simulation.taps.loseAnswer("Produce"); // the next one is carried out, and its connection breaks
 * ```
 */
export class Taps {
  #taps: Tap[] = [];
  readonly #observers = new Set<WireObserver>();

  /** @ignore: a simulation has one. */
  constructor(private readonly onEffect: (what: string) => void) {}

  /** Answers the next requests of an API with an error, in the broker's place: it never hears of them. */
  answer(api: string, error: ErrorName, { times = 1, from }: TapOptions = {}): () => void {
    const message = `A tap answers ${api} with ${error}`;
    return this.#add(api, { kind: "answer", error: new KafkaError(error, message) }, times, from);
  }

  /** Lets requests of an API, and all that follows them on their connections, arrive this much later. */
  hold(api: string, delay: Duration, { times = Infinity, from }: TapOptions = {}): () => void {
    return this.#add(api, { kind: "hold", holdMs: durationMs(delay) }, times, from);
  }

  /** Lets the broker carry out the next requests of an API, and resets their connections instead of answering. */
  loseAnswer(api: string, { times = 1, from }: TapOptions = {}): () => void {
    return this.#add(api, { kind: "loseAnswer" }, times, from);
  }

  /** Sees everything that passes from now on, until the function returned is called. */
  observe(observer: WireObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /** @ignore: whether anybody wants to see whole frames. */
  get active(): boolean {
    return this.#taps.length > 0 || this.#observers.size > 0;
  }

  /** @ignore: a request passes. What is to happen to it. */
  asked(request: TappedRequest): Effect | undefined {
    for (const observer of this.#observers) observer.asked?.(request);
    const tap = this.#taps.find(({ key, from }) =>
      key === request.header.apiKey && (from === undefined || from === request.from)
    );
    if (!tap) return undefined;
    if (--tap.left <= 0) this.#remove(tap);
    this.onEffect(`${tap.effect.kind} ${API_BY_KEY.get(tap.key)!.name} of ${request.from.name}`);
    return tap.effect;
  }

  /** @ignore: an answer passes. */
  answered(connection: string, correlationId: number): void {
    for (const observer of this.#observers) observer.answered?.(connection, correlationId);
  }

  #add(name: string, effect: Effect, times: number, from?: SimulatedProcess): () => void {
    const api = APIS.find((each) => each.name === name);
    if (!api) throw new RangeError(`There is no API "${name}"`);
    const tap: Tap = { key: api.key, from, effect, left: times };
    this.#taps.push(tap);
    return () => this.#remove(tap);
  }

  #remove(tap: Tap): void {
    this.#taps = this.#taps.filter((each) => each !== tap);
  }
}

/** Whether a request gets an answer: a Produce with acks=0 does not. */
export function isAnswered(
  { apiKey, apiVersion, bodyOffset }: RequestHeader,
  frame: Uint8Array,
): boolean {
  if (apiKey !== PRODUCE) return true;
  const reader = new Reader(frame, bodyOffset);
  const length = apiVersion < PRODUCE_FLEXIBLE_VERSION ? reader.int16() : reader.uvarint() - 1;
  if (length > 0) reader.view(length); // the transactional id, which stands in front of it
  return reader.int16() !== 0;
}

/** The frame, size included, that answers a request with an error. */
export function errorAnswer({ header, frame }: TappedRequest, error: KafkaError): Uint8Array {
  const { apiKey, apiVersion, correlationId, bodyOffset, clientId } = header;
  const api = API_BY_KEY.get(apiKey)!;
  const body = decodeMessage(api.request, apiVersion, frame.subarray(bodyOffset));
  // What refusals look at, of all that a request comes with.
  const context = { apiVersion, clientId } as RequestContext;
  const draft = api.refuse(body, error, context);
  if (draft === null) return new Uint8Array(0);
  return joined(encodeResponse(api.response, apiVersion, correlationId, draft));
}
