import { TallymanError } from '../../kernel/contracts/index.js';
import type { ServiceHost } from './host.js';

/** Runs the steps that are needed and prints each. A dry run only prints them. */
export class Procedure {
  /** Whether a step was needed. */
  changed = false;

  constructor(
    readonly host: ServiceHost,
    private readonly isDry: boolean,
    private readonly out: (text: string) => void,
  ) {}

  /**
   * @param what the step in the imperative: `create the user tallyman`
   * @param isDone whether it is not needed
   */
  step(what: string, isDone: boolean, act: () => void): void {
    this.print(isDone ? 'unchanged' : this.isDry ? 'would' : 'done', what);
    if (isDone) return;
    this.changed = true;
    if (!this.isDry) act();
  }

  command(isDone: boolean, program: string, ...args: string[]): void {
    const line = [program, ...args].join(' ');
    this.step(line, isDone, () => {
      const { status, output } = this.host.run(program, ...args);
      if (status !== 0) throw new TallymanError(`${line} failed with status ${status}: ${output}`);
    });
  }

  /** Writes a file, unless it has this text. */
  file(path: string, text: string): void {
    this.step(`write ${path}`, this.host.read(path) === text, () => this.host.write(path, text));
  }

  removal(path: string, isThere: boolean): void {
    this.step(`remove ${path}`, !isThere, () => this.host.remove(path));
  }

  /** Prints why something is not changed. */
  note(what: string): void {
    this.print('note', what);
  }

  private print(mark: string, what: string): void {
    this.out(`${mark.padEnd(9)} ${what}\n`);
  }
}
