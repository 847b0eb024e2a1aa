/** Something that is due at a time. */
export interface Due {
  /** Monotonic ms. */
  due: number;
  /** Its place in the queue, −1 outside; kept by the queue. */
  place: number;
}

/** How much later than its time a sample may be taken: this part of the interval, so many ms at most. */
const STEP = { part: 1 / 10, mostMs: 1000 };

/** The time that passes between the moments at which containers with this interval are sampled, ms. */
export function stepOf(interval: number): number {
  return Math.min(interval * STEP.part, STEP.mostMs);
}

/** The first of those moments that is not before `due`: the same for all, so that one wake-up serves many. */
export function nextStep(due: number, interval: number): number {
  const step = stepOf(interval);
  return Math.ceil(due / step) * step;
}

/** A binary heap by `due`, from which any member can be removed. */
export class DueQueue<T extends Due> {
  private readonly heap: T[] = [];

  get size(): number {
    return this.heap.length;
  }

  /** The member due first, without taking it out. */
  first(): T | undefined {
    return this.heap[0];
  }

  /** Puts a member in, or moves it to its new `due`. */
  schedule(item: T): void {
    if (item.place < 0) {
      item.place = this.heap.length;
      this.heap.push(item);
    }
    this.rise(item);
    this.sink(item);
  }

  remove(item: T): void {
    if (item.place < 0) return;
    const last = this.heap.pop()!;
    if (last !== item) {
      this.put(last, item.place);
      this.rise(last);
      this.sink(last);
    }
    item.place = -1;
  }

  private put(item: T, place: number): void {
    this.heap[place] = item;
    item.place = place;
  }

  private rise(item: T): void {
    let place = item.place;
    while (place > 0) {
      const parent = this.heap[(place - 1) >> 1]!;
      if (parent.due <= item.due) break;
      this.put(parent, place);
      place = (place - 1) >> 1;
    }
    this.put(item, place);
  }

  private sink(item: T): void {
    let place = item.place;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && this.heap[child + 1]!.due < this.heap[child]!.due) child++;
      if (this.heap[child]!.due >= item.due) break;
      this.put(this.heap[child]!, place);
      place = child;
    }
    this.put(item, place);
  }
}
