import { TallymanError } from '../../kernel/contracts/index.js';
import type { ServiceHost } from './host.js';

/** Takes steps one after the other, each only when it is needed, and says what it did. A dry run says what it would do. */
export class Procedure {
  /** Whether a step was taken, or would have been. */
  changed = false;

  constructor(
    readonly host: ServiceHost,
    private readonly isDry: boolean,
    private readonly out: (text: string) => void,
  ) {}

  /**
   * @param what the step in the imperative: `create the user tallyman`
   * @param isDone whether it was taken before
   */
  step(what: string, isDone: boolean, act: () => void): void {
    this.say(isDone ? 'unchanged' : this.isDry ? 'would' : 'done', what);
    if (isDone) return;
    this.changed = true;
    if (!this.isDry) act();
  }

  /** A step that is running a program. */
  command(isDone: boolean, program: string, ...args: string[]): void {
    const line = [program, ...args].join(' ');
    this.step(line, isDone, () => {
      const { status, output } = this.host.run(program, ...args);
      if (status !== 0) throw new TallymanError(`${line} failed with status ${status}: ${output}`);
    });
  }

  /** A step that makes a file say this. */
  file(path: string, text: string, what = ''): void {
    this.step(`write ${path}${what}`, this.host.read(path) === text, () => this.host.write(path, text));
  }

  removal(path: string, isThere: boolean): void {
    this.step(`remove ${path}`, !isThere, () => this.host.remove(path));
  }

  /** Says why something is left as it is. */
  note(what: string): void {
    this.say('note', what);
  }

  private say(mark: string, what: string): void {
    this.out(`${mark.padEnd(9)} ${what}\n`);
  }
}
