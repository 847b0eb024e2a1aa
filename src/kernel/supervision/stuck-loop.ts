/** Looks without a beat after which the loop counts as stuck. */
export const PATIENCE = 5;
/** Stands for the time in a prepared line; of it some forms show these characters only, where a time has its hours. */
export const TIME = 'YYYY-MM-DDT@hh:mm@.000Z';
const HOURS = TIME.slice(11, 19);

/** Tells, from looks once a second, that an event loop stands still: once each time. */
export class StuckLoop {
  /** What is said, by the number of the plugin whose call runs; 0: none. */
  lines: ReadonlyMap<number, string> = new Map();
  private beats = -1;
  private silent = 0;

  /** @returns what is to be said now */
  look(beats: number, current: number, now: Date): string | undefined {
    if (beats !== this.beats) {
      this.beats = beats;
      this.silent = 0;
      return undefined;
    }
    if (++this.silent !== PATIENCE) return undefined;
    const time = now.toISOString();
    const line = this.lines.get(current) ?? this.lines.get(0);
    return line?.replace(TIME, time).replace(HOURS, time.slice(11, 19));
  }
}
