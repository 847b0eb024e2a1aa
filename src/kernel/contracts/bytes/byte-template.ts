import { ByteScanner } from './byte-scanner.js';

/** The position of a number in a file. */
export interface TemplateSlot {
  /** Offset of the number's first byte. */
  readonly at: number;
  /** Index into `values`; −1: the word is skipped. */
  readonly target: number;
}

/**
 * A remembered shape of a file: everything but the numbers. As long as a file keeps its shape (the same devices,
 * interfaces, nodes in the same order), reading it is a comparison of bytes plus the numbers, without any string.
 */
export class ByteTemplate {
  private readonly skeleton: Uint8Array;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private readonly targets: Int32Array;
  private readonly tail: number;
  private readonly scanner = new ByteScanner();

  /**
   * @param bytes the file as it is now; copied
   * @param length how much of `bytes` is the file
   * @param slots in ascending order of `at`
   */
  constructor(bytes: Uint8Array, length: number, slots: readonly TemplateSlot[]) {
    const skeleton = new Uint8Array(bytes.subarray(0, length));
    this.skeleton = skeleton;
    this.starts = new Int32Array(slots.length);
    this.ends = new Int32Array(slots.length);
    this.targets = new Int32Array(slots.length);
    this.scanner.reset(skeleton, skeleton.length);
    let from = 0;
    for (const [i, slot] of slots.entries()) {
      this.starts[i] = from;
      this.ends[i] = withoutTrailingSpaces(skeleton, from, slot.at);
      this.targets[i] = slot.target;
      this.scanner.position = slot.at;
      this.takeSlot(slot.target);
      from = this.scanner.position;
    }
    this.tail = from;
  }

  /**
   * Reads the numbers of a file of this shape. Spaces before a number may vary in number, columns being padded.
   * @returns false when the file has another shape; `values` and `residuals` are then partly filled
   */
  match(bytes: Uint8Array, length: number, values: Float64Array, residuals: Int16Array): boolean {
    const { scanner, skeleton, starts, ends, targets } = this;
    scanner.reset(bytes, length);
    for (let i = 0; i < targets.length; i++) {
      if (!scanner.literal(skeleton, starts[i], ends[i])) return false;
      scanner.skipSpaces();
      const target = targets[i]!;
      if (!this.takeSlot(target)) return false;
      if (target >= 0) {
        values[target] = scanner.value;
        residuals[target] = scanner.residual;
      }
    }
    return scanner.literal(skeleton, this.tail) && scanner.position === scanner.end;
  }

  private takeSlot(target: number): boolean {
    if (target >= 0) return this.scanner.number();
    this.scanner.skipWord();
    return true;
  }
}

function withoutTrailingSpaces(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0x09)) end--;
  return end;
}
