import type { Timer } from "../../environment/environment.ts";

/** Something that happens at a moment of virtual time. */
export interface ScheduledEvent extends Timer {
  readonly atMs: number;
  /** Position among all events ever scheduled: of two at the same moment the earlier scheduled one happens first. */
  readonly order: number;
  readonly run: () => void;
}

class HeapEvent implements ScheduledEvent {
  /** Whether it is not to happen (any more). */
  cancelled = false;
  constructor(
    readonly atMs: number,
    readonly order: number,
    readonly run: () => void,
    private readonly heap: EventHeap,
  ) {}

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.heap.noteCancelled();
  }
}

/** Fewer cancelled events than this are not worth a clean-up. */
const CANCELLED_KEPT = 1024;

/** Events in order of time: a binary heap. Cancelled ones are dropped when they come up, or when they are too many. */
export class EventHeap {
  #events: HeapEvent[] = [];
  #scheduled = 0;
  #cancelled = 0;

  /** Adds an event. */
  add(atMs: number, run: () => void): ScheduledEvent {
    const event = new HeapEvent(atMs, this.#scheduled++, run, this);
    this.#events.push(event);
    this.#siftUp(this.#events.length - 1);
    return event;
  }

  /** The next event, still in the heap; null if there is none. */
  peek(): ScheduledEvent | null {
    while (this.#events.length > 0 && this.#events[0].cancelled) {
      this.#cancelled--;
      this.#removeFirst();
    }
    return this.#events[0] ?? null;
  }

  /** Takes the next event out. */
  pop(): ScheduledEvent | null {
    const event = this.peek();
    if (event) {
      this.#removeFirst();
      (event as HeapEvent).cancelled = true; // too late to cancel it
    }
    return event;
  }

  /** Called by an event in the heap that is cancelled. */
  noteCancelled(): void {
    this.#cancelled++;
    if (this.#cancelled < CANCELLED_KEPT || this.#cancelled * 2 < this.#events.length) return;
    this.#events = this.#events.filter((event) => !event.cancelled);
    this.#cancelled = 0;
    for (let index = (this.#events.length >> 1) - 1; index >= 0; index--) this.#siftDown(index);
  }

  #removeFirst(): void {
    const last = this.#events.pop()!;
    if (this.#events.length === 0) return;
    this.#events[0] = last;
    this.#siftDown(0);
  }

  #siftUp(index: number): void {
    const event = this.#events[index];
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(this.#events[parent], event)) break;
      this.#events[index] = this.#events[parent];
      index = parent;
    }
    this.#events[index] = event;
  }

  #siftDown(index: number): void {
    const event = this.#events[index];
    const { length } = this.#events;
    for (let child; (child = 2 * index + 1) < length; index = child) {
      if (child + 1 < length && isBefore(this.#events[child + 1], this.#events[child])) child++;
      if (isBefore(event, this.#events[child])) break;
      this.#events[index] = this.#events[child];
    }
    this.#events[index] = event;
  }
}

function isBefore(left: ScheduledEvent, right: ScheduledEvent): boolean {
  return left.atMs < right.atMs || left.atMs === right.atMs && left.order < right.order;
}
