import { type Arrangement, arranged, rowJson, SORT_NAMES, type SortName, UNARRANGED } from '../../client/top/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { requireTarget } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AskFlags } from '../flags.js';
import { Table } from '../top/columns.js';
import { TopFeed } from '../top/feed.js';
import { Live } from '../top/live.js';
import { Screen } from '../top/screen.js';
import { COLOURED, PLAIN, UNCOLOURED } from '../top/style.js';
import { Terminal } from '../top/terminal.js';

export interface TopFlags extends AskFlags {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly sort?: string;
  readonly filter?: string;
  readonly all?: boolean;
  /** Seconds. */
  readonly interval?: string;
}

const TABLE_WIDTH = 132;
const MAX_INTERVAL_S = 3600;
const MIN_INTERVAL_S = 0.2;

export async function top(cli: CliEnvironment, flags: TopFlags): Promise<void> {
  const sort = sortOf(flags.sort ?? 'cpu');
  const intervalS = intervalOf(flags.interval ?? '1');
  const feed = new TopFeed(requireTarget(flags, cli), flags, cli);
  const arrangement = { ...UNARRANGED, sort, filter: flags.filter ?? '', showsAll: flags.all === true };
  if (flags.once === true || flags.json === true)
    return print(feed, flags, { ...arrangement, showsAll: true }, intervalS, cli);
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new TallymanError('standard input and output are not a terminal', { hint: '--once prints the table once' });
  }
  const isColoured = cli.env.NO_COLOR === undefined || cli.env.NO_COLOR === '';
  const screen = new Screen(arrangement, intervalS, isColoured ? COLOURED : UNCOLOURED);
  // An agent that cannot be asked at all is an error of the command; later on it is one to wait for.
  screen.snapshot = await feed.snapshot();
  await new Live(feed, screen, new Terminal(stdin, stdout)).run();
}

async function print(
  feed: TopFeed,
  { json, once }: TopFlags,
  arrangement: Arrangement,
  intervalS: number,
  cli: CliEnvironment,
): Promise<void> {
  do {
    const items = arranged((await feed.snapshot()).rows, arrangement);
    if (json === true) {
      const rows = items.map(({ row }) => rowJson(row));
      cli.out(`${JSON.stringify(rows, undefined, once === true ? 2 : 0)}\n`);
    } else {
      const table = new Table(process.stdout.columns || TABLE_WIDTH, PLAIN);
      cli.out(`${[table.head(), ...items.map((item) => table.line(item))].map((line) => line.trimEnd()).join('\n')}\n`);
    }
    if (once !== true) await new Promise((resolve) => setTimeout(resolve, intervalS * 1000));
  } while (once !== true);
}

function sortOf(name: string): SortName {
  const found = SORT_NAMES.find((each) => each === name);
  if (found !== undefined) return found;
  throw new TallymanError(`--sort ${JSON.stringify(name)} is not one of ${SORT_NAMES.join(', ')}`);
}

function intervalOf(text: string): number {
  const seconds = Number(text.replace(/s$/, ''));
  if (seconds >= MIN_INTERVAL_S && seconds <= MAX_INTERVAL_S) return seconds;
  throw new TallymanError(
    `--interval ${JSON.stringify(text)} is not a number of seconds from ${MIN_INTERVAL_S} to ${MAX_INTERVAL_S}`,
  );
}
