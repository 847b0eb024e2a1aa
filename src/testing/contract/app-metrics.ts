import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type AppAnswer,
  type AppContainer,
  type AppMetrics,
  type AppTarget,
  type CollectedMetrics,
  type CollectionAccess,
  CollectionError,
  isCollectionError,
} from '../../kernel/contracts/index.js';
import { testContainer } from '../collection.js';
import type { TestContextOptions } from '../context.js';
import { type Check, type CheckOutcome, type CheckSetup, describe, Problems } from './check.js';
import { whileStarted } from './life.js';

/** An aborted collection must settle within this time, ms, because the next one waits for it. */
const ABORT_LIMIT = 1_000;

/** Containers with invalid labels. */
const ODD_CONTAINERS: readonly AppContainer[] = [
  testContainer(),
  testContainer({ labels: { '': '', __proto__: 'x', 'io.cadvisor.metric.x': '', 'tallyman.metrics.port': '-1' } }),
  testContainer({
    labels: { 'tallyman.metrics.port': 'ü', 'io.cadvisor.metric.x': '../../etc/passwd' },
    aliases: [''],
  }),
  { name: '/', description: testContainer().description, labels: {} },
];

/** Invalid answers of targets, and two ways of not answering. */
const ODD_ANSWERS: Readonly<Record<string, string | 'refuse' | 'hang'>> = {
  'is away': 'refuse',
  'never answers': 'hang',
  'answers nothing': '',
  'answers words': 'It works!\n',
  'answers a page': '<!DOCTYPE html><html><body><h1>404</h1></body></html>',
  'answers half': '{"a": {"b": 1, "c": [1, 2',
  'answers null': 'null',
  'answers numbers out of range': '{"a": 1e999}\na 99999999999999999999999\n$9999999\r\na:NaN\r\n',
  'answers bytes': '\u0000\u0001\ufffd\r\n\r\n\t',
  'answers a long line': 'x'.repeat(1_000_000),
};

/** Checks of an app-metrics plugin: its targets, and its handling of faulty targets. */
export function appMetricsChecks(
  setup: CheckSetup,
  services: TestContextOptions,
  containers: readonly AppContainer[],
): Check[] {
  const all = [...ODD_CONTAINERS, ...containers];
  const within = (look: (plugin: AppMetrics, all: readonly AppContainer[]) => CheckOutcome | Promise<CheckOutcome>) =>
    whileStarted(setup, services, ({ instance }) => look(instance as AppMetrics, all));
  return [
    { name: 'finds its targets', run: () => within(targetProblems) },
    { name: 'survives targets that are not well', run: () => within(oddAnswers) },
  ];
}

function targetProblems(plugin: AppMetrics, containers: readonly AppContainer[]): string[] {
  const problems = new Problems();
  for (const container of containers) checkTargets(plugin, container, problems);
  return problems.list();
}

function checkTargets(plugin: AppMetrics, container: AppContainer, problems: Problems): void {
  const targets = problems.attempt('targets', () => plugin.targets(container));
  if (targets === undefined) return;
  if (!Array.isArray(targets)) {
    problems.add('targets does not give a list');
    return;
  }
  if (!isDeepStrictEqual(plugin.targets(container), targets))
    problems.add('targets answers differently when asked twice');
  const names = new Set<string>();
  for (const target of targets as readonly AppTarget[]) {
    if (typeof target.name !== 'string' || target.name === '') problems.add('a target has no name');
    if (names.has(target.name)) problems.add(`two targets of a container have the name ${target.name}`);
    names.add(target.name);
    if (!(target.interval > 0)) problems.add(`target ${target.name}: interval is ${target.interval}`);
    problems.attempt(`target ${target.name} is not plain data: copying it`, () => structuredClone(target));
  }
}

async function oddAnswers(plugin: AppMetrics, containers: readonly AppContainer[]): Promise<CheckOutcome> {
  const found: string[] = [];
  let tried = 0;
  for (const [what, answer] of Object.entries(ODD_ANSWERS)) {
    const problems = new Problems();
    for (const container of containers) {
      for (const target of plugin.targets(container)) {
        tried++;
        await collectFrom(plugin, target, container, answer, problems);
      }
    }
    found.push(...problems.list().map((problem) => `when the target ${what}: ${problem}`));
  }
  if (tried > 0) return found;
  const remark = 'it has no target in any container: write a test case (testcases/<name>/case.yaml) with one that has';
  return { problems: found, remark };
}

async function collectFrom(
  plugin: AppMetrics,
  target: AppTarget,
  container: AppContainer,
  answer: string,
  problems: Problems,
): Promise<void> {
  const abort = new AbortController();
  const collect = async () => plugin.collect(target, oddAccess(container, answer, abort.signal));
  const collecting = Promise.allSettled([collect()]);
  if (answer === 'hang') await Promise.race([collecting, pause(20)]);
  if (answer === 'hang') abort.abort(new CollectionError('the time is over'));
  const outcome = await Promise.race([collecting, pause(ABORT_LIMIT, 'late' as const, { ref: false })]);
  if (outcome === 'late') {
    const hint = answer === 'hang' ? ' after its signal was aborted' : '';
    problems.add(`collect goes on for more than ${ABORT_LIMIT} ms${hint}`);
    return;
  }
  const [result] = outcome;
  if (result.status === 'fulfilled') checkCollected(result.value, problems);
  else if (!isCollectionError(result.reason) && !abort.signal.aborted) {
    problems.add(`collect threw ${describe(result.reason)}: a CollectionError was expected`);
  }
}

/** A container in which every port and file has the same content. */
function oddAccess(container: AppContainer, answer: string, signal: AbortSignal): CollectionAccess {
  const reply = async (): Promise<Buffer> => {
    if (answer === 'refuse') throw new CollectionError('connect ECONNREFUSED');
    if (answer === 'hang')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return Buffer.from(answer);
  };
  return {
    container,
    signal,
    now: Date.now() * 1000,
    limits: { metrics: 1_000, series: 10_000 },
    fetch: async (): Promise<AppAnswer> => ({ status: 200, headers: {}, body: await reply() }),
    readFile: reply,
    connect: async () => (answer === 'hang' ? silentStream(signal) : streamOf(await reply())),
  };
}

/** A connection that sends the bytes and ends, ignoring what is written to it. */
function streamOf(bytes: Buffer): Duplex {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  stream.push(bytes);
  stream.push(null);
  return stream;
}

function silentStream(signal: AbortSignal): Duplex {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  stream.on('error', () => {});
  signal.addEventListener('abort', () => stream.destroy(new CollectionError('the time is over')));
  return stream;
}

function checkCollected({ specs, samples }: CollectedMetrics, problems: Problems): void {
  if (!Array.isArray(specs) || !Array.isArray(samples)) {
    problems.add('collect does not give { specs, samples }');
    return;
  }
  for (const { name, type, format, units } of specs) {
    if (typeof name !== 'string' || name === '') problems.add('a spec has no name');
    if (typeof type !== 'string' || typeof units !== 'string') problems.add(`spec ${name} has no type or units`);
    if (format !== 'int' && format !== 'float') problems.add(`spec ${name}: format is neither int nor float`);
  }
  for (const { name, value, labels = {} } of samples) {
    if (typeof name !== 'string' || name === '') problems.add('a sample has no name');
    if (typeof value !== 'number' && typeof value !== 'bigint')
      problems.add(`sample ${name}: value is ${String(value)}`);
    if (Object.values(labels).some((label) => typeof label !== 'string'))
      problems.add(`sample ${name}: a label is no text`);
  }
}
