import { messageOf } from '../../kernel/contracts/index.js';
import type { TopFeed } from './feed.js';
import type { Screen } from './screen.js';
import type { Terminal } from './terminal.js';

/** Minimum interval of listing processes, ms: it costs the agent more than the numbers. */
const DETAIL_INTERVAL_MS = 2_000;

/** Requests per update: one for the numbers, one for rows that came into view; keys in between may need another. */
const MAX_ROUNDS = 4;

/** Displays the table until a key or a signal ends it. */
export class Live {
  private timer: NodeJS.Timeout | undefined;
  private isAsking = false;
  private isAskingDetail = false;
  private detailAt = 0;
  private quit: () => void = () => {};

  constructor(
    private readonly feed: TopFeed,
    private readonly screen: Screen,
    private readonly terminal: Terminal,
  ) {}

  async run(): Promise<void> {
    this.terminal.enter();
    try {
      await this.untilQuit();
    } finally {
      clearTimeout(this.timer);
      this.terminal.leave();
    }
  }

  private untilQuit(): Promise<void> {
    const { terminal } = this;
    const ended = new Promise<void>((resolve) => {
      this.quit = resolve;
    });
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, this.quit);
    terminal.onKeys((keys) => this.keys(keys));
    terminal.onResize(() => this.paint());
    this.paint();
    this.schedule();
    return ended;
  }

  private keys(keys: readonly string[]): void {
    const { screen, terminal } = this;
    for (const key of keys) {
      const wish = screen.key(key, terminal.height);
      if (wish === 'quit') this.quit();
      if (wish === 'suspend') terminal.suspend();
      if (wish === 'redraw') terminal.forget();
      if (wish === 'detail') this.detailAt = 0;
    }
    void this.askDetail();
    this.schedule();
    if (this.screen.wanted(terminal.height) === 'nothing') this.paint();
    else void this.ask();
  }

  private paint(): void {
    const { terminal } = this;
    terminal.show(this.screen.lines(terminal.width, terminal.height));
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.tick(), this.screen.intervalS * 1000);
  }

  private async tick(): Promise<void> {
    const { screen } = this;
    if (!screen.isPaused && !this.isAsking) {
      screen.isOutdated = true;
      await this.ask();
      void this.askDetail();
    }
    this.schedule();
  }

  /** Requests what the screen needs, until it has it: the newest numbers may bring other rows into view. */
  private async ask(): Promise<void> {
    if (this.isAsking) return;
    const { screen, terminal } = this;
    this.isAsking = true;
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const wanted = screen.wanted(terminal.height);
        if (wanted === 'nothing') break;
        screen.snapshot = await this.feed.snapshot(wanted === 'everything' ? undefined : wanted);
        screen.isOutdated = false;
        screen.trouble = undefined;
      }
    } catch (error) {
      screen.trouble = messageOf(error);
    }
    this.isAsking = false;
    this.paint();
  }

  private async askDetail(): Promise<void> {
    const { screen } = this;
    const now = performance.now();
    if (screen.view !== 'detail' || screen.isPaused || this.isAskingDetail) return;
    if (this.detailAt > 0 && now - this.detailAt < DETAIL_INTERVAL_MS) return;
    this.detailAt = now;
    this.isAskingDetail = true;
    const { path } = screen;
    try {
      const detail = await this.feed.detail(path);
      if (screen.path === path) screen.detail = detail;
    } catch (error) {
      screen.trouble = messageOf(error);
    }
    this.isAskingDetail = false;
    this.paint();
  }
}
