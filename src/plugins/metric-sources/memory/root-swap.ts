import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Column, LinuxHost, RowWriter } from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from '../common/index.js';

const SWAP_TOTAL = Buffer.from('SwapTotal:');
const SWAP_FREE = Buffer.from('SwapFree:');
const KIB = 1024;

/** Swap in use according to the text of `/proc/meminfo`, bytes; NaN when a line is missing. */
export function swapInUse(scanner: ByteScanner): number {
  let total = Number.NaN;
  let free = Number.NaN;
  do {
    if (scanner.literal(SWAP_TOTAL)) total = numberAfterSpaces(scanner);
    else if (scanner.literal(SWAP_FREE)) free = numberAfterSpaces(scanner);
  } while (scanner.nextLine());
  return (total - free) * KIB;
}

function numberAfterSpaces(scanner: ByteScanner): number {
  scanner.skipSpaces();
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** The machine's swap: the v2 root has no `memory.swap.current`. */
export class RootSwapPart implements Part {
  readonly columns: readonly Column[];
  private readonly scanner = new ByteScanner();

  constructor(
    column: Column,
    private readonly host: LinuxHost,
  ) {
    this.columns = [column];
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const length = this.host.readProc('meminfo');
    if (length < 0) return 'ok';
    this.scanner.reset(this.host.buffer, length);
    const used = swapInUse(this.scanner);
    if (!Number.isNaN(used)) row.set(base, used);
    return 'ok';
  }

  close(): void {}
}
