import { RunningHash } from "./hash.ts";

/** One thing that happened, as a client or a test saw it. */
export interface HistoryEvent {
  /** Virtual time in milliseconds since the start of the simulation. */
  readonly atMs: number;
  /** What happened. */
  readonly kind: string;
  /** To what, and how. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What happened, in order: only ever added to. Two runs of the same seed have the same {@linkcode History.hash}. */
export class History {
  readonly #events: HistoryEvent[] = [];
  readonly #hash = new RunningHash();

  /** An empty one, with this clock. */
  constructor(private readonly nowMs: () => number) {}

  /** Adds an event that happens now. */
  record(kind: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#hash.number(this.nowMs());
    this.#hash.text(kind);
    this.#hash.text(canonicalText(fields));
    this.#events.push({ atMs: this.nowMs(), kind, fields });
  }

  /** All events so far. */
  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  /** The events of one kind. */
  ofKind(kind: string): HistoryEvent[] {
    return this.#events.filter((event) => event.kind === kind);
  }

  /** A hash of everything recorded: times, kinds, fields. */
  get hash(): string {
    return this.#hash.digest;
  }
}

/** One text per value: keys sorted, bytes in hexadecimal, bigints with their `n`. */
export function canonicalText(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (value === undefined) return "undefined";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof Uint8Array) return `0x${value.toHex()}`;
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (value instanceof Map) return `Map${canonicalText([...value])}`;
  if (value instanceof Set) return `Set${canonicalText([...value])}`;
  const fields = value as Readonly<Record<string, unknown>>;
  let text = "";
  for (const name of Object.keys(fields).sort()) {
    text += `${text && ","}${name}:${canonicalText(fields[name])}`;
  }
  return `{${text}}`;
}
