import type { Row, ShortHistory, Snapshot } from '../../../../client/top/index.js';

/** As many points as the agent answers, and how far they are apart, ms. */
const POINTS = 30;
const STEP_MS = 4000;

interface Course extends ShortHistory {
  readonly cpu: (number | null)[];
  readonly memory: (number | null)[];
  /** When the newest point ends, ms. */
  endsAt: number;
}

/** CPU and memory of the last two minutes of the rows that are or were shown: from the agent at first, then kept current. */
export class Courses {
  private readonly known = new Map<number, Course>();
  private shown: readonly number[] = [];

  /** @param ids of the facts of the rows that are on the page */
  show(ids: readonly number[]): void {
    this.shown = ids;
  }

  /** Those that are shown and have to be asked for. */
  missing(): number[] {
    return this.shown.filter((id) => !this.known.has(id));
  }

  of(id: number): ShortHistory | undefined {
    return this.known.get(id);
  }

  /** Takes an answer in: the newest numbers, and the histories that were asked for. */
  add({ rows, history, time: now }: Snapshot, wanted: readonly number[]): void {
    for (const id of wanted) {
      // What ended has none.
      const { cpu, memory } = history[id] ?? { cpu: [], memory: [] };
      this.known.set(id, { cpu: [...cpu], memory: [...memory], endsAt: now });
    }
    const current = new Map(rows.map((row) => [row.facts.id, row]));
    for (const [id, course] of this.known) {
      const row = current.get(id);
      if (row === undefined) this.known.delete(id);
      else if (history[id] === undefined) follow(course, row, now);
    }
  }
}

/** The newest point follows the newest number; every four seconds another one begins. */
function follow(course: Course, { cpu, memory }: Row, now: number): void {
  for (; now - course.endsAt >= STEP_MS; course.endsAt += STEP_MS) {
    for (const values of [course.cpu, course.memory]) {
      values.push(values.at(-1) ?? null);
      if (values.length > POINTS) values.shift();
    }
  }
  if (course.cpu.length === 0) return;
  course.cpu[course.cpu.length - 1] = cpu;
  course.memory[course.memory.length - 1] = memory;
}
