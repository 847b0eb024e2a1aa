import { type ContainerDescription, labelsWithGrouping, type OnceLogger } from '../../../kernel/contracts/index.js';
import { type Loose, present, text } from './json.js';
import type { DescribeRules, NamedGlob } from './options.js';
import { whyIgnored } from './selection.js';

/** Characters of one label, key and value, and of all labels of a container. */
const MAX_LABEL = 64 * 1024;
const MAX_LABELS = 256 * 1024;
/** Characters of the key of a label that is left out. */
const SHOWN = 80;

/** A container as published, and why it is not when it is not. */
export interface Described {
  readonly description: ContainerDescription;
  readonly ignored?: string;
  /** Entries of `labelAllow` that miss a label by its spelling only. */
  readonly misspelt?: readonly Misspelt[];
  /** Beginnings of the keys of labels that were left out for their size. */
  readonly oversized?: readonly string[];
}

/** What a user wrote and what was likely meant. */
export interface Misspelt {
  readonly written: string;
  readonly meant: string;
}

/** Description of a container whose engine cannot be asked. */
export function describeById(id: string, namespace: string): ContainerDescription {
  return {
    id,
    aliases: [id],
    namespace,
    labels: {},
    envs: {},
    networkMode: 'none',
    state: { status: 'running' },
    stale: true,
  };
}

type Known = Omit<ContainerDescription, 'aliases' | 'namespace' | 'kind' | 'unpublishedLabels' | 'stale'>;

/** A container as its engine reports it. */
export type Reported = Loose<Known> & {
  readonly id: string;
  /** Empty: it has none. */
  readonly name: string;
  /** Further aliases, behind name and id. */
  readonly otherAliases?: readonly string[];
};

/** A container as the rules have it published. */
export function publish({ name, otherAliases = [], ...reported }: Reported, rules: DescribeRules): Described {
  const { id, image = '', restartCount = 0 } = reported;
  const { kept, left } = bounded(reported.labels);
  const ignored = whyIgnored(rules, {
    name: name || id,
    image,
    labels: labelsWithGrouping({ labels: kept, envs: reported.envs }),
  });
  const labels = allowedLabels(kept, rules.labelAllow);
  const unpublishedLabels = Object.fromEntries(Object.entries(kept).filter(([key]) => !Object.hasOwn(labels, key)));
  if (restartCount > 0) labels.restartcount = String(restartCount);
  const misspelt = misspeltLabels(kept, rules.labelAllow);
  return present({
    description: present({
      ...reported,
      aliases: [...(name === '' ? [] : [name]), id, ...otherAliases],
      namespace: rules.namespace,
      labels,
      unpublishedLabels: Object.keys(unpublishedLabels).length === 0 ? undefined : unpublishedLabels,
      image: image || undefined,
      imageId: reported.imageId || undefined,
    }),
    ignored,
    misspelt: misspelt.length === 0 ? undefined : misspelt,
    oversized: left.length === 0 ? undefined : left,
  });
}

/** Whoever starts a container writes its labels, and they are kept in memory and printed at each scrape. */
function bounded(labels: Readonly<Record<string, string>>): {
  readonly kept: Readonly<Record<string, string>>;
  readonly left: readonly string[];
} {
  const left: string[] = [];
  let total = 0;
  const kept = Object.entries(labels).filter(([key, { length }]) => {
    const size = key.length + length;
    const fits = size <= MAX_LABEL && total + size <= MAX_LABELS;
    if (fits) total += size;
    else left.push(key.slice(0, SHOWN));
    return fits;
  });
  return left.length === 0 ? { kept: labels, left } : { kept: Object.fromEntries(kept), left };
}

/**
 * Says once what of a container’s labels is not published although the user may expect it.
 * @param about the container
 */
export function warnOfLabels({ misspelt = [], oversized = [] }: Described, about: string, once: OnceLogger): void {
  for (const { written, meant } of misspelt) {
    once.warn(`label ${written}`, `labelAllow: nothing is called ${written}; did you mean ${meant}?`);
  }
  const [first] = oversized;
  if (first === undefined) return;
  const others = oversized.length === 1 ? '' : ` and ${oversized.length - 1} more`;
  const limits = `${MAX_LABEL / 1024} KiB each, ${MAX_LABELS / 1024} KiB in all`;
  once.warn(`oversized ${about}`, `labels are left out that exceed ${limits}: ${first}${others}`, about);
}

function allowedLabels(labels: Readonly<Record<string, string>>, allow: readonly NamedGlob[]): Record<string, string> {
  if (allow.length === 0) return { ...labels };
  return Object.fromEntries(Object.entries(labels).filter(([key]) => allow.some(({ pattern }) => pattern.test(key))));
}

/** The environment variables that the user listed. */
export function allowedEnvs(environment: readonly unknown[], rules: DescribeRules): Record<string, string> {
  const envs: Record<string, string> = {};
  for (const entry of environment) {
    const [key, ...rest] = text(entry).split('=');
    if (rest.length === 0) continue;
    if (!rules.envAllow.some(({ text, prefix }) => (prefix ? key!.startsWith(text) : key === text))) continue;
    envs[rules.envKeyCase === 'lower' ? key!.toLowerCase() : key!] = rest.join('=');
  }
  return envs;
}

/**
 * The upper directory of a process’s overlay root, read from its mountinfo; empty when it has none. With the containerd image store
 * the engine does not report it, and storage drivers differ in how they do.
 */
export function upperDirectory(mountinfo: string | undefined): string {
  for (const line of mountinfo?.split('\n') ?? []) {
    const [mount, filesystem] = line.split(' - ', 2);
    if (mount?.split(' ')[4] !== '/' || filesystem?.startsWith('overlay ') !== true) continue;
    const upper = /(?:^|[ ,])upperdir=([^,]*)/.exec(filesystem)?.[1] ?? '';
    return upper.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  }
  return '';
}

/** The common slip: underscores where a label has dots, or other capitals. */
function misspeltLabels(labels: Readonly<Record<string, string>>, allow: readonly NamedGlob[]): Misspelt[] {
  const plain = (word: string) => word.toLowerCase().replace(/[^a-z0-9]/g, '_');
  const keys = Object.keys(labels);
  return allow.flatMap(({ text: written, pattern }) => {
    if (keys.some((key) => pattern.test(key))) return [];
    const meant = keys.find((key) => plain(key) === plain(written));
    return meant === undefined ? [] : [{ written, meant }];
  });
}
