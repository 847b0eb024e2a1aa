import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { messageOf, TallymanError, z } from '../../kernel/contracts/index.js';

/** Text, or the name of a file in the case's folder. */
const content = z.union([z.string(), z.strictObject({ from: z.string() })]);

const answer = z.union([
  content,
  z.strictObject({
    status: z.int().min(100).max(599).default(200),
    headers: z.record(z.string(), z.string()).default({}),
    body: content.default(''),
  }),
]);

const container = z.strictObject({
  name: z.string().startsWith('/'),
  aliases: z.array(z.string()).default([]),
  namespace: z.string().optional(),
  id: z.string().optional(),
  image: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
});

const byPort = <T extends z.ZodType>(answers: T) => z.record(z.string().regex(/^\d+$/), answers).default({});

const caseSchema = z.strictObject({
  description: z.string().min(1).describe('What the case shows.'),
  with: z.record(z.string(), z.unknown()).default({}).describe("The plugin's options."),
  cgroup: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('Version of the cgroup hierarchy.'),
  files: z.record(z.string().startsWith('/'), content).default({}).describe('Files of the host.'),
  containers: z.array(container).default([]).describe('The containers to ask about.'),
  http: byPort(z.record(z.string(), answer)).describe('Port → path → answer of HTTP servers in the containers.'),
  lines: byPort(z.record(z.string(), content)).describe('Port → line → answer of servers that talk in lines.'),
  paths: z.array(z.string()).default([]).describe('Cgroup paths that a container handler is asked about.'),
  agent: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Options of the agent that is asked or whose samples are sent, as in its config file.'),
  requests: z.array(z.string()).default([]).describe('URLs that an API version or endpoint is asked for.'),
  ignore: z.array(z.string()).default([]).describe('Regular expressions of what may differ: it is shown as "…".'),
});

type CaseContent = z.output<typeof caseSchema>;

/** A test case: a folder with `case.yaml`, the files it names, and `expected.json`. */
export interface TestCase extends Omit<CaseContent, 'ignore'> {
  readonly name: string;
  readonly ignore: readonly RegExp[];
  /** File with the expected result. */
  readonly expectedFile: string;
  text(given: z.output<typeof content>): string;
}

/** Names of the cases of a plugin: folders of `testcases` with a `case.yaml`, sorted. */
export function caseNames(folder: string): string[] {
  const all = join(folder, 'testcases');
  if (!existsSync(all)) return [];
  return readdirSync(all)
    .filter((name) => existsSync(join(all, name, 'case.yaml')))
    .sort();
}

/** @throws TallymanError naming file and member when the case is invalid */
export function readCase(folder: string, name: string): TestCase {
  const directory = join(folder, 'testcases', name);
  const file = join(directory, 'case.yaml');
  const parsed = caseSchema.safeParse(readYaml(file));
  if (!parsed.success) throw new TallymanError(`${file}: ${z.prettifyError(parsed.error)}`);
  const { ignore, ...rest } = parsed.data;
  return {
    ...rest,
    name,
    ignore: ignore.map((pattern) => new RegExp(pattern, 'g')),
    expectedFile: join(directory, 'expected.json'),
    text: (given) => (typeof given === 'string' ? given : readText(join(directory, given.from))),
  };
}

function readYaml(file: string): unknown {
  try {
    return parse(readText(file));
  } catch (error) {
    throw new TallymanError(`${file}: ${messageOf(error)}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TallymanError(`a test case names a file that cannot be read: ${messageOf(error)}`);
  }
}
