const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

/** Names of the keys that are sent as a sequence. */
const SEQUENCES: Readonly<Record<string, string>> = {
  '\x1b[A': 'up',
  '\x1bOA': 'up',
  '\x1b[B': 'down',
  '\x1bOB': 'down',
  '\x1b[C': 'right',
  '\x1bOC': 'right',
  '\x1b[D': 'left',
  '\x1bOD': 'left',
  '\x1b[5~': 'page-up',
  '\x1b[6~': 'page-down',
  '\x1b[H': 'home',
  '\x1b[1~': 'home',
  '\x1bOH': 'home',
  '\x1b[F': 'end',
  '\x1b[4~': 'end',
  '\x1bOF': 'end',
  '\x1b': 'escape',
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'interrupt',
  '\x1a': 'suspend',
  '\x0c': 'redraw',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are sent as control characters
const KEY = /\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu;

/** The keys in a piece of input, by name or as the character. Unknown sequences are skipped. */
export function keysIn(input: string): string[] {
  return (input.match(KEY) ?? []).flatMap(
    (key) => SEQUENCES[key] ?? (key >= ' ' && [...key].length === 1 ? [key] : []),
  );
}

/** The terminal of this process in full-screen mode. */
export class Terminal {
  private shown: string[] = [];
  private isEntered = false;
  private readonly onExit = () => this.leave();

  constructor(
    private readonly input: NodeJS.ReadStream,
    private readonly output: NodeJS.WriteStream,
  ) {}

  get width(): number {
    return this.output.columns || 80;
  }

  get height(): number {
    return this.output.rows || 24;
  }

  enter(): void {
    if (this.isEntered) return;
    this.isEntered = true;
    this.shown = [];
    process.once('exit', this.onExit);
    this.input.setRawMode(true);
    this.input.resume();
    this.output.write(ENTER);
  }

  leave(): void {
    if (!this.isEntered) return;
    this.isEntered = false;
    process.removeListener('exit', this.onExit);
    this.output.write(LEAVE);
    this.input.setRawMode(false);
    this.input.pause();
  }

  /** Writes the lines that differ from those shown. */
  show(lines: readonly string[]): void {
    const { shown } = this;
    let text = shown.length === 0 ? '\x1b[2J' : '';
    for (let i = 0; i < this.height; i++) {
      const line = lines[i] ?? '';
      if (shown[i] === line) continue;
      // Erased first: after a full line, the cursor is still on its last character.
      text += `\x1b[${i + 1};1H\x1b[2K${line}`;
    }
    this.shown = Array.from({ length: this.height }, (_, i) => lines[i] ?? '');
    if (text !== '') this.output.write(text);
  }

  /** Makes the next `show` write everything. */
  forget(): void {
    this.shown = [];
  }

  onKeys(listener: (keys: readonly string[]) => void): void {
    this.input.setEncoding('utf8').on('data', (text: string) => listener(keysIn(text)));
  }

  onResize(listener: () => void): void {
    this.output.on('resize', () => {
      this.forget();
      listener();
    });
  }

  /** Restores the terminal and stops the process until the shell continues it. */
  suspend(): void {
    this.leave();
    process.once('SIGCONT', () => {
      this.enter();
      this.output.emit('resize');
    });
    process.kill(process.pid, 'SIGTSTP');
  }
}
