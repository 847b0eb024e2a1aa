import { stringify } from 'yaml';
import { nearest } from '../../kernel/config/index.js';
import { defaultPlugins } from '../../plugins/builtins.js';
import { Draft, type Remark } from './draft.js';
import { applyDrivers } from './drivers.js';
import { FLAGS, isDriverFlag, isSwitch } from './flags.js';
import { type Started, startedBy } from './sources.js';
import { applyTogether } from './together.js';
import { flagsOf, type GoFlag } from './words.js';

export interface Imported extends Pick<Draft, 'without' | 'remarks'> {
  /** The equivalent configuration: options that differ from Tallyman's defaults. */
  readonly config: Record<string, unknown>;
  /** Flags that change nothing. */
  readonly notNeeded: readonly string[];
}

/**
 * The configuration that is equivalent to a cAdvisor command line.
 * @param given the command line, its words, or the name of a script, compose file, manifest or unit
 * @throws TallymanError when a file cannot be read or does not run cAdvisor
 */
export function importFlags(given: readonly string[]): Imported {
  const started = startedBy(given);
  const { flags, rest } = flagsOf(started.words, isSwitch);
  const outcomeOf = (some: readonly GoFlag[]) => JSON.stringify(imported(some, rest, started));
  const outcome = outcomeOf(flags);
  const isNeeded = (flag: GoFlag) => outcomeOf(flags.filter((other) => other !== flag)) !== outcome;
  const notNeeded = flags.filter((flag) => !isNeeded(flag)).map(textOf);
  return { ...imported(flags, rest, started), notNeeded };
}

function imported(flags: readonly GoFlag[], rest: readonly string[], started: Started): Omit<Imported, 'notNeeded'> {
  const draft = new Draft(new Set(defaultPlugins.map(({ use }) => use)));
  const values = new Map<string, string>();
  for (const flag of flags) {
    if (/\$[A-Za-z_{(]/.test(flag.value)) {
      draft.without.push({ flag: textOf(flag), text: VARIABLE });
      continue;
    }
    const value = onHost(draft, flag);
    values.set(flag.name, value);
    applyOne(draft, { ...flag, value });
  }
  const given = (name: string) => values.get(name);
  applyTogether(draft, given, started.published);
  applyDrivers(draft, given, [...values.keys()].filter(isDriverFlag));
  for (const word of rest) draft.without.push({ flag: word, text: word.startsWith('$') ? VARIABLE : 'not a flag' });
  return { config: draft.config(), without: draft.without, remarks: draft.remarks };
}

const VARIABLE = 'a variable: write out what it holds';

/** Converts a path below /rootfs, where a container has the host's files, to the path on the host. */
function onHost(draft: Draft, flag: GoFlag): string {
  const value = flag.value.replaceAll(/(^|,|:\/\/)\/rootfs(?=\/)/g, '$1');
  if (value !== flag.value) draft.remarks.push({ flag: textOf(flag), text: `without /rootfs: ${value}` });
  return value;
}

function textOf({ name, value }: GoFlag): string {
  return `--${name}=${/password|secret/.test(name) ? '…' : value}`;
}

function applyOne(draft: Draft, { name, value }: GoFlag): void {
  const flag = textOf({ name, value });
  const rule = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (rule !== undefined) {
    const reason = rule.apply?.(draft, value);
    if (reason !== undefined) draft.without.push({ flag, text: reason });
    return;
  }
  if (isDriverFlag(name)) return;
  const suggestion = nearest(name, Object.keys(FLAGS));
  const advice = suggestion === undefined ? '' : `; did you mean --${suggestion}?`;
  draft.without.push({ flag, text: `cAdvisor has no such flag${advice}` });
}

/** The configuration file, with remarks on flags as comments at its beginning. */
export function renderImported(all: Imported): string {
  const { config, without, remarks, notNeeded } = all;
  const comments = [
    '# Made by `tallyman import-flags` from a cAdvisor command line. What is not said here has its default.',
    ...section('Without an equivalent:', without),
    ...section('Not quite the same:', remarks),
    ...(notNeeded.length === 0 ? [] : ['#', `# ${notNeededLine(all)}`]),
  ];
  const body = Object.keys(config).length === 0 ? '' : stringify(config, { lineWidth: 0 });
  return `${comments.join('\n')}\n${body}`;
}

function section(title: string, remarks: readonly Remark[]): string[] {
  if (remarks.length === 0) return [];
  return ['#', `# ${title}`, ...remarks.map((remark) => `#   ${lineOf(remark)}`)];
}

/** A remark as one line. */
export function lineOf({ flag, text }: Remark): string {
  return onOneLine(`${flag}: ${text}`);
}

/** The flags that change nothing, on one line. */
export function notNeededLine({ notNeeded }: Imported): string {
  return onOneLine(`not needed: ${notNeeded.join(' ')}`);
}

function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
