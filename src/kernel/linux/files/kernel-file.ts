import { closeSync, existsSync, openSync } from 'node:fs';
import type { ByteScanner } from '../../contracts/bytes/index.js';
import { codeOf, isGone, type KernelFile, type KernelValue, messageOf } from '../../contracts/index.js';
import type { DescriptorBudget, DescriptorHolder } from './descriptor-budget.js';

const NONE = -1;
/** Far before the first round, and small enough to take no memory of its own. */
const NEVER = -1_000_000;
const NEWLINE = 0x0a;
const MAX = Buffer.from('max');
const TWO_64 = 2 ** 64;

/** The path of a file in parts that many files have in common, so that no file keeps a text of its own. */
export interface FilePath {
  readonly mount: string;
  /** From there to the directory of the cgroup; empty for the root. */
  readonly cgroup: string;
  readonly name: string;
}

/** A file that is read repeatedly, with a kept descriptor if the budget allows. See `KernelFile`. */
export class BudgetedFile implements KernelFile, DescriptorHolder {
  failure: string | undefined;
  place = 0;
  readRound = NEVER;
  private descriptor = NONE;
  private state: 'reopened' | 'kept' | 'ended' = 'reopened';

  private readonly mount: string;
  private readonly cgroup: string;
  private readonly name: string;
  /** `path`, while the file is opened for each read. */
  private openedPath: string | undefined;

  private constructor(
    { mount, cgroup, name }: FilePath,
    private readonly budget: DescriptorBudget,
  ) {
    this.mount = mount;
    this.cgroup = cgroup;
    this.name = name;
    budget.reopened++;
  }

  /** @returns undefined when the file does not exist or is not readable */
  static open(path: FilePath, budget: DescriptorBudget): BudgetedFile | undefined {
    // An exception costs as much as three opened files: what another cgroup lacks is looked for first.
    const { name } = path;
    const wasAbsent = budget.absentNames.has(name);
    if (wasAbsent && !existsSync(`${path.mount}${path.cgroup}/${name}`)) return undefined;
    const file = new BudgetedFile(path, budget);
    const descriptor = file.openOnce();
    if (descriptor !== NONE) {
      if (wasAbsent) budget.absentNames.delete(name);
      file.keepOrClose(descriptor);
      return file;
    }
    if (isExhaustion(file.failure)) return file;
    if (file.failure === 'ENOENT') budget.rememberAbsent(name);
    file.close();
    return undefined;
  }

  get path(): string {
    return `${this.mount}${this.cgroup}/${this.name}`;
  }

  get buffer(): Buffer {
    return this.budget.scratch.bytes;
  }

  read(): number {
    if (this.state === 'kept') return this.readKept();
    return this.state === 'ended' ? NONE : this.readReopened();
  }

  close(): void {
    if (this.state === 'kept') this.giveUp();
    if (this.state === 'reopened') this.budget.reopened--;
    this.state = 'ended';
    this.failure ??= 'closed';
  }

  private readKept(): number {
    this.readRound = this.budget.round;
    try {
      const length = this.budget.scratch.fill(this.descriptor);
      this.failure = undefined;
      if (this.budget.overdrawn) this.giveUp();
      return length;
    } catch (error) {
      this.failed(error);
      return NONE;
    }
  }

  private readReopened(): number {
    const descriptor = this.openOnce();
    if (descriptor === NONE) {
      if (isGone(this.failure)) this.close();
      return NONE;
    }
    let length = NONE;
    try {
      length = this.budget.scratch.fill(descriptor);
      this.failure = undefined;
      this.keepOrClose(descriptor);
      this.readRound = this.budget.round;
    } catch (error) {
      closeSync(descriptor);
      this.failed(error);
    }
    return length;
  }

  private openOnce(): number {
    try {
      this.openedPath ??= this.path;
      return openSync(this.openedPath, 'r');
    } catch (error) {
      this.failure = codeOf(error) ?? messageOf(error);
      if (isExhaustion(this.failure)) this.budget.exhausted();
      return NONE;
    }
  }

  private keepOrClose(descriptor: number): void {
    if (!this.budget.take(this)) {
      closeSync(descriptor);
      return;
    }
    this.descriptor = descriptor;
    this.openedPath = undefined;
    this.state = 'kept';
    this.budget.reopened--;
  }

  giveUp(): void {
    closeSync(this.descriptor);
    this.descriptor = NONE;
    this.state = 'reopened';
    this.budget.release(this);
    this.budget.reopened++;
  }

  private failed(error: unknown): void {
    this.failure = codeOf(error) ?? messageOf(error);
    if (isGone(this.failure)) this.close();
  }
}

/** A file with one number. See `KernelValue`. */
export class BudgetedValue implements KernelValue {
  value = Number.NaN;
  residual = 0;
  private isInvalid = false;

  constructor(
    private readonly file: KernelFile,
    private readonly budget: DescriptorBudget,
  ) {}

  get path(): string {
    return this.file.path;
  }

  get failure(): string | undefined {
    return this.isInvalid ? 'does not contain a number' : this.file.failure;
  }

  read(): boolean {
    const length = this.file.read();
    this.isInvalid = false;
    if (length < 0) return false;
    const { scanner } = this.budget;
    scanner.reset(this.file.buffer, length);
    if (!readUnsigned(scanner)) {
      this.isInvalid = true;
      return false;
    }
    this.value = scanner.value;
    this.residual = scanner.residual;
    return true;
  }

  close(): void {
    this.file.close();
  }
}

function isExhaustion(failure: string | undefined): boolean {
  return failure === 'EMFILE' || failure === 'ENFILE';
}

/**
 * Parses the unsigned integer from the scanner's position to the end of the line; `max` is 2^64 − 1.
 * @returns false for anything else; the scanner may have moved, but not beyond the line
 */
export function readUnsigned(scanner: ByteScanner): boolean {
  if (scanner.integer()) return scanner.value >= 0 && atLineEnd(scanner);
  if (!scanner.literal(MAX)) return false;
  scanner.value = TWO_64;
  scanner.residual = -1;
  return atLineEnd(scanner);
}

function atLineEnd(scanner: ByteScanner): boolean {
  const next = scanner.peek();
  return next === NEWLINE || next < 0;
}
