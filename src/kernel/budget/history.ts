import type { Reduction } from './control.js';

export interface ShortenedHistory {
  /** Bytes of all samples in memory. */
  readonly bytes: number;
  keep(share: number): void;
}

/** The history is never shorter than this share of what is configured. */
const MIN_SHARE = 1 / 8;

/** Keeps a shorter history, halving it each time. */
export class HistoryReduction implements Reduction {
  /** Share of the configured history that is kept. */
  share = 1;

  constructor(private readonly history: ShortenedHistory) {}

  get isActive(): boolean {
    return this.share < 1;
  }

  giveUp(need: number): number {
    const { bytes } = this.history;
    let saved = 0;
    while (saved < need && this.share > MIN_SHARE && bytes > 0) {
      this.share /= 2;
      saved += (bytes - saved) / 2;
    }
    if (saved > 0) this.history.keep(this.share);
    return saved;
  }

  takeBack(room: number): number {
    let taken = 0;
    // A doubled history takes as much again.
    for (let bytes = Math.max(this.history.bytes, 1); this.isActive && taken + bytes <= room; bytes *= 2) {
      this.share *= 2;
      taken += bytes;
    }
    if (taken > 0) this.history.keep(this.share);
    return taken;
  }
}
