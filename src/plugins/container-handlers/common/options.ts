import { duration, glob, labelPattern, z } from '../../../kernel/contracts/index.js';

export interface EnvPattern {
  readonly text: string;
  /** True when the text is only the beginning of the name. */
  readonly prefix: boolean;
}

const envPattern = z.string().transform((input, context): EnvPattern => {
  const match = /^([A-Za-z_][A-Za-z0-9_.-]*)(\*?)$/.exec(input);
  if (match !== null) return { text: match[1]!, prefix: match[2] === '*' };
  context.addIssue({
    code: 'custom',
    message: `expected the name of an environment variable, or its beginning followed by *, such as APP_TIER or APP_*; not ${JSON.stringify(input)}`,
  });
  return z.NEVER;
});

const patterns = (verb: string) =>
  z
    .strictObject({
      names: z.array(glob()).prefault([]).describe(`${verb} containers by name (globs).`),
      images: z
        .array(glob())
        .prefault([])
        .describe(`${verb} containers by image as named at their start (globs; \`**\` crosses slashes).`),
      labels: z
        .array(labelPattern())
        .prefault([])
        .describe(`${verb} containers by label: \`key\` or \`key=value\`, globs.`),
    })
    .prefault({});

/** A glob together with the text the user wrote, for messages. */
export interface NamedGlob {
  readonly text: string;
  readonly pattern: RegExp;
}

function namedGlob() {
  return z.string().transform((input, context): NamedGlob => {
    const parsed = glob().safeParse(input);
    if (parsed.success) return { text: input, pattern: parsed.data };
    context.addIssue({ code: 'custom', message: parsed.error.issues[0]!.message });
    return z.NEVER;
  });
}

/** An option holding the address of a unix socket, `unix:///path` or `/path`; the plugin gets the path. */
export const unixEndpoint = () =>
  z.string().transform((input, context): string => {
    const path = input.replace(/^unix:\/\//, '');
    if (/^\/./.test(path)) return path;
    const message = `expected the address of a unix socket such as unix:///run/example.sock, not ${JSON.stringify(input)}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** An option that is one value or a list of them; the plugin gets the list. */
export const oneOrMore = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .union([schema, z.array(schema).min(1)])
    .transform((value): readonly z.output<Schema>[] => (Array.isArray(value) ? value : [value as z.output<Schema>]));

/** Options of the way to an engine. Times are in ms. */
export const connectionOptions = {
  timeout: duration().prefault('10s').describe('Time limit of every call to the engine.'),
  resyncInterval: duration()
    .prefault('1m')
    .describe('How often the list of all containers is compared with what the events reported.'),
  grace: duration()
    .prefault('2s')
    .describe(
      'How long a cgroup that looks like a container waits for the engine to answer, before it appears by its id (or, unknown to the engine, as a raw cgroup).',
    ),
  tombstoneFor: duration().prefault('5m').describe('How long a container that ended stays visible with its exit code.'),
};

type ConnectionOptions = z.output<z.ZodObject<typeof connectionOptions>>;

/** Options of what is published of its containers. */
export const publishingOptions = {
  include: patterns('Monitor only').describe('Monitor only what these match; an empty list matches everything.'),
  exclude: patterns('Leave out').describe('Leave out what any of these match.'),
  optOutLabel: z
    .string()
    .default('tallyman.enable')
    .describe('Containers that set this label to `false`, `0`, `no` or `off` are not monitored; empty: no such label.'),
  labelAllow: z
    .array(z.string().min(1).pipe(namedGlob()))
    .prefault([])
    .describe('Labels to publish (globs over their names, dots and all); an empty list publishes all.'),
  envAllow: z
    .array(envPattern)
    .prefault([])
    .describe('Environment variables to publish: exact names, or beginnings followed by `*`. Nothing by default.'),
  envKeyCase: z
    .enum(['lower', 'keep'])
    .default('lower')
    .describe('Whether names of published environment variables are put in lower case, as cAdvisor does.'),
};

export type PublishingOptions = z.output<z.ZodObject<typeof publishingOptions>>;

/** What decides how a container is published. */
export interface DescribeRules extends PublishingOptions {
  /** Of its aliases: `docker`, `podman`. */
  readonly namespace: string;
}

/** What every engine is asked and published by. */
export interface EngineOptions extends ConnectionOptions, DescribeRules {}
