/** Checks without progress after which the event loop counts as stuck. */
export const STUCK_AFTER_CHECKS = 5;
/** Placeholder for the time in a prepared line. Some log formats print only the part where a time has its hours. */
export const TIME = 'YYYY-MM-DDT@hh:mm@.000Z';
const HOURS = TIME.slice(11, 19);

/** Detects, by a check per second, that an event loop is stuck; reports it once each time. */
export class StuckLoop {
  /** Log lines by number of the plugin whose call runs; 0: no plugin. */
  lines: ReadonlyMap<number, string> = new Map();
  private beats = -1;
  private checksWithoutBeat = 0;

  /** @returns the line to log now */
  check(beats: number, current: number, now: Date): string | undefined {
    if (beats !== this.beats) {
      this.beats = beats;
      this.checksWithoutBeat = 0;
      return undefined;
    }
    if (++this.checksWithoutBeat !== STUCK_AFTER_CHECKS) return undefined;
    const time = now.toISOString();
    const line = this.lines.get(current) ?? this.lines.get(0);
    return line?.replace(TIME, time).replace(HOURS, time.slice(11, 19));
  }
}
