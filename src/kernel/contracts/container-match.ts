import type { AppContainer } from './app-metrics.js';
import { labelsWithGrouping } from './grouping.js';
import { glob } from './options.js';
import { z } from './zod.js';

/** Matches a label by its key and, when given, its value. */
export interface LabelPattern {
  readonly key: RegExp;
  readonly value?: RegExp;
}

/** An option for a label to match: `key` or `key=value`, both globs. */
export const labelPattern = () =>
  z.string().transform((input, context): LabelPattern => {
    const [key, ...rest] = input.split('=');
    const parts = (rest.length === 0 ? [key!] : [key!, rest.join('=')]).map((part) => glob().safeParse(part));
    for (const part of parts) {
      if (part.success) continue;
      context.addIssue({ code: 'custom', message: `in ${JSON.stringify(input)}: ${part.error.issues[0]!.message}` });
      return z.NEVER;
    }
    return { key: parts[0]!.data!, ...(parts[1] === undefined ? {} : { value: parts[1].data! }) };
  });

/** Whether any label matches any pattern. */
export function matchesLabels(patterns: readonly LabelPattern[], labels: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(labels);
  return patterns.some(({ key, value }) =>
    entries.some(([name, content]) => key.test(name) && (value === undefined || value.test(content))),
  );
}

/** Selects containers. In each given list, at least one entry must match. */
export interface ContainerMatch {
  readonly names: readonly RegExp[];
  readonly images: readonly RegExp[];
  readonly labels: readonly LabelPattern[];
  readonly cgroups: readonly RegExp[];
}

/** An option that selects containers; its value is a `ContainerMatch`. */
export const containerMatch = () =>
  z
    .strictObject({
      names: z.array(glob()).default([]).describe('Names that the runtime gave (globs).'),
      images: z.array(glob()).default([]).describe('Images as named at the start (globs; `**` crosses slashes).'),
      labels: z
        .array(labelPattern())
        .default([])
        .describe('Labels: `key` or `key=value`, globs; those of groupings too (`compose.project=shop`).'),
      cgroups: z
        .array(glob())
        .default([])
        .describe('Paths of cgroups (globs): systemd units (`/system.slice/nginx.service`) and raw cgroups.'),
    })
    .refine((match) => Object.values(match).some((list) => list.length > 0), {
      error: 'expected at least one of names, images, labels and cgroups: without any, every container would be meant',
    });

export function matchesContainer(match: ContainerMatch, { name, description, labels }: AppContainer): boolean {
  const { names, images, cgroups } = match;
  const fits = (patterns: readonly RegExp[], values: readonly string[]): boolean =>
    patterns.length === 0 || values.some((value) => patterns.some((pattern) => pattern.test(value)));
  return (
    fits(names, description.aliases) &&
    fits(images, description.image === undefined ? [] : [description.image]) &&
    fits(cgroups, [name]) &&
    (match.labels.length === 0 || matchesLabels(match.labels, labelsWithGrouping({ labels, envs: description.envs })))
  );
}
