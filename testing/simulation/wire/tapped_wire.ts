import { correlationIdOf, decodeRequestHeader } from "../../../protocol/frames.ts";
import type { SimulatedProcess } from "../process.ts";
import { FrameCutter } from "./frame_cutter.ts";
import { errorAnswer, isAnswered, type TappedRequest, type Taps } from "./taps.ts";

const SIZE_BYTES = 4;

/** A request that waits for its turn to be answered. */
interface Waiting {
  readonly correlationId: number;
  /** The answer of a tap; null when the broker answers. */
  readonly answer: Uint8Array | null;
  readonly loseAnswer: boolean;
}

/** What a tapped wire does to its connection. */
export interface WireEnds {
  /** Lets what the client sends from now on arrive this much later. */
  holdRequests(byMs: number): void;
  /** Sends bytes to the client that its broker has not written. */
  sendAnswer(bytes: Uint8Array): void;
  reset(): void;
}

/** One connection, as taps see it. */
export class TappedWire {
  readonly #requests = new FrameCutter();
  readonly #answers = new FrameCutter();
  readonly #waiting: Waiting[] = [];

  constructor(
    private readonly taps: Taps,
    private readonly name: string,
    private readonly client: SimulatedProcess,
    private readonly ends: WireEnds,
  ) {}

  /** What of that which the client writes goes on to the broker. */
  requests(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#requests.cut(chunks, this.taps.active)
      .filter(({ bytes, isFrame }) => !isFrame || this.#passes(bytes))
      .map(({ bytes }) => bytes);
  }

  /** What of that which the broker writes goes on to the client, and what is put in behind it. */
  answers(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    // While requests wait that were seen, their answers must be told apart.
    const whole = this.taps.active || this.#waiting.length > 0;
    return this.#answers.cut(chunks, whole).flatMap(({ bytes, isFrame }) =>
      isFrame ? this.#answered(bytes) : [bytes]
    );
  }

  /** Whether a request goes on to the broker. */
  #passes(bytes: Uint8Array): boolean {
    const frame = bytes.subarray(SIZE_BYTES);
    const header = decodeRequestHeader(frame);
    const request: TappedRequest = {
      connection: this.name,
      from: this.client,
      header,
      frame,
      isAnswered: isAnswered(header, frame),
    };
    const effect = this.taps.asked(request);
    if (effect?.kind === "hold") this.ends.holdRequests(effect.holdMs);
    const answer = effect?.kind === "answer" ? errorAnswer(request, effect.error) : null;
    if (request.isAnswered) {
      const { correlationId } = header;
      this.#waiting.push({ correlationId, answer, loseAnswer: effect?.kind === "loseAnswer" });
      if (this.#answers.atBoundary) {
        for (const due of this.#due()) this.ends.sendAnswer(due);
      }
    }
    return answer === null;
  }

  #answered(bytes: Uint8Array): Uint8Array[] {
    const correlationId = correlationIdOf(bytes.subarray(SIZE_BYTES));
    this.taps.answered(this.name, correlationId);
    const place = this.#waiting.findIndex((each) => each.correlationId === correlationId);
    const [asked] = place >= 0 ? this.#waiting.splice(place, 1) : [];
    if (asked?.loseAnswer) {
      this.ends.reset();
      return [];
    }
    return [bytes, ...this.#due()];
  }

  /** The answers of taps whose turn has come: to be put between two frames. */
  #due(): Uint8Array[] {
    const due: Uint8Array[] = [];
    while (this.#waiting[0]?.answer) {
      const { answer, correlationId } = this.#waiting.shift()!;
      this.taps.answered(this.name, correlationId);
      if (answer!.length > 0) due.push(answer!);
    }
    return due;
  }
}
