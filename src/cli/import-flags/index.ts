import { stringify } from 'yaml';
import { nearest } from '../../kernel/config/index.js';
import { defaultPlugins } from '../../plugins/builtins.js';
import { Draft, type Remark } from './draft.js';
import { DRIVER_REASON, FLAGS, isDriverFlag } from './flags.js';
import { commandOf } from './sources.js';
import { applyTogether } from './together.js';
import { flagsOf, type GoFlag } from './words.js';

export interface Imported {
  /** The equivalent configuration: what differs from Tallyman's defaults. */
  readonly config: Record<string, unknown>;
  /** Flags without an equivalent, with the reason. */
  readonly without: readonly Remark[];
  /** Flags whose equivalent is not quite the same. */
  readonly remarks: readonly Remark[];
}

/**
 * The configuration that does what a cAdvisor command line does.
 * @param given the command line, its words, or the name of a compose file, manifest or unit
 * @throws TallymanError when a file cannot be read or holds no cAdvisor
 */
export function importFlags(given: readonly string[]): Imported {
  const { flags, rest } = flagsOf(commandOf(given), (name) => FLAGS[name]?.isSwitch === true);
  const draft = new Draft(new Set(defaultPlugins.map(({ use }) => use)));
  const values = new Map(flags.map(({ name, value }) => [name, value]));
  for (const flag of flags) applyOne(draft, flag);
  applyTogether(draft, (name) => values.get(name));
  for (const word of rest) {
    const isVariable = word.startsWith('$');
    draft.without.push({ flag: word, text: isVariable ? 'a variable: write out what it holds' : 'not a flag' });
  }
  return { config: draft.config(), without: draft.without, remarks: draft.remarks };
}

function applyOne(draft: Draft, { name, value }: GoFlag): void {
  const flag = `--${name}=${value}`;
  const rule = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (rule !== undefined) {
    const reason = rule.apply?.(draft, value);
    if (reason !== undefined) draft.without.push({ flag, text: reason });
    return;
  }
  if (isDriverFlag(name)) {
    draft.without.push({ flag: flag.replace(/(password.*)=.*/, '$1=…'), text: DRIVER_REASON });
    return;
  }
  const suggestion = nearest(name, Object.keys(FLAGS));
  const advice = suggestion === undefined ? '' : `; did you mean --${suggestion}?`;
  draft.without.push({ flag, text: `cAdvisor has no such flag${advice}` });
}

/** The configuration as a file, with what is to be said about flags at its head. */
export function renderImported({ config, without, remarks }: Imported): string {
  const comments = [
    '# Made by `tallyman import-flags` from a cAdvisor command line. What is not said here has its default.',
    ...section('Without an equivalent:', without),
    ...section('Not quite the same:', remarks),
  ];
  const body = Object.keys(config).length === 0 ? '' : stringify(config, { lineWidth: 0 });
  return `${comments.join('\n')}\n${body}`;
}

function section(title: string, remarks: readonly Remark[]): string[] {
  if (remarks.length === 0) return [];
  return ['#', `# ${title}`, ...remarks.map((remark) => `#   ${lineOf(remark)}`)];
}

/** One remark on one line, whatever the flag holds. */
export function lineOf({ flag, text }: Remark): string {
  return `${flag}: ${text}`.replaceAll(/\p{Cc}+/gu, ' ');
}
