import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { appContainer } from '../../kernel/app-metrics/index.js';
import {
  type AppMetricSample,
  type AppMetrics,
  type ContainerHandler,
  type MetricSource,
  messageOf,
  type Plugin,
  type Sink,
  TallymanError,
} from '../../kernel/contracts/index.js';
import { deliverOnce } from '../../kernel/delivery/index.js';
import { systemClock } from '../clock.js';
import { type Collected, collectAll } from '../collection.js';
import { testContext } from '../context.js';
import { HandlerBench } from '../handler-bench.js';
import { sampleOf } from '../probe.js';
import { caseNames, readCase, type TestCase } from './case-file.js';
import { CaseWorld } from './case-world.js';

export interface CaseFinding {
  readonly name: string;
  /** The difference from the expected result; `undefined`: none. */
  readonly problem?: string;
  /** The expected result was updated. */
  readonly updated?: true;
}

export interface CaseOptions {
  /** Write the result as the expected result. */
  readonly update?: boolean;
  /** Called with the name of each case before it runs. */
  readonly onCase?: (name: string) => void;
}

/**
 * Runs the test cases of a plugin: folders of `testcases`, each with `case.yaml` and `expected.json`.
 * @param folder the plugin's
 */
export async function runCases(plugin: Plugin, folder: string, options: CaseOptions = {}): Promise<CaseFinding[]> {
  const findings: CaseFinding[] = [];
  for (const name of caseNames(folder)) {
    options.onCase?.(name);
    findings.push(await runCase(plugin, folder, name, options));
  }
  return findings;
}

async function runCase(plugin: Plugin, folder: string, name: string, options: CaseOptions): Promise<CaseFinding> {
  try {
    const testCase = readCase(folder, name);
    const outcome = ignoring(await outcomeOf(plugin, testCase), testCase.ignore);
    const { expectedFile } = testCase;
    if (options.update === true) {
      writeFileSync(expectedFile, `${JSON.stringify(outcome, undefined, 2)}\n`);
      return { name, updated: true };
    }
    const hint = `tallyman plugin test --update writes what comes out as what is expected`;
    if (!existsSync(expectedFile)) throw new TallymanError(`${expectedFile} is missing`, { hint });
    assert.deepEqual(outcome, JSON.parse(readFileSync(expectedFile, 'utf8')));
    return { name };
  } catch (error) {
    const hint = error instanceof TallymanError ? error.hint : undefined;
    return { name, problem: hint === undefined ? messageOf(error) : `${messageOf(error)}\n${hint}` };
  }
}

/** As it would be read from a file, without the parts that may differ. */
function ignoring(outcome: unknown, patterns: readonly RegExp[]): unknown {
  const replaced = (text: string) => patterns.reduce((rest, pattern) => rest.replace(pattern, '…'), text);
  const text = JSON.stringify(outcome, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return typeof value === 'string' ? replaced(value) : value;
  });
  return JSON.parse(text) as unknown;
}

async function outcomeOf(plugin: Plugin, testCase: TestCase): Promise<unknown> {
  const world = await CaseWorld.create(testCase);
  try {
    switch (plugin.kind) {
      case 'api-version':
      case 'endpoint':
        return await askRequests(plugin, world);
      case 'sink':
        return await pushOnce(plugin, world);
      default:
        return await withInstance(plugin, world);
    }
  } finally {
    await world.remove();
  }
}

async function withInstance(plugin: Plugin, world: CaseWorld): Promise<unknown> {
  const context = testContext({ id: plugin.name, clock: systemClock, linux: world.host.linux });
  const instance = plugin.create(context, parsedOptions(plugin, world));
  try {
    if (plugin.kind === 'container-handler') return await identifyAll(instance as ContainerHandler, world);
    if (plugin.kind === 'app-metrics') return await collectEverywhere(instance as AppMetrics, world);
    const source = instance as MetricSource;
    await source.start?.();
    return sampleAll(source, world);
  } finally {
    await (instance as { stop?(): Promise<void> | void }).stop?.();
    context.dispose();
  }
}

function parsedOptions({ configSchema }: Plugin, world: CaseWorld): unknown {
  const parsed = configSchema.safeParse(world.options());
  if (parsed.success) return parsed.data;
  throw new TallymanError(`the case's options are not valid: ${parsed.error.message}`);
}

async function identifyAll(handler: ContainerHandler, world: CaseWorld): Promise<unknown> {
  const bench = new HandlerBench(handler);
  await bench.start();
  for (const path of world.testCase.paths) await bench.settled(path);
  return Object.fromEntries(bench.verdicts);
}

async function collectEverywhere(plugin: AppMetrics, world: CaseWorld): Promise<unknown> {
  await plugin.start?.();
  const { host } = world;
  const found: Record<string, unknown> = {};
  for (const { name, description } of world.containers()) {
    const container = appContainer(name, { ...description, networkMode: 'own', addresses: ['127.0.0.1'] });
    const collected = await collectAll(plugin, container, { host, portOf: world.realPort });
    found[name] = Object.fromEntries(Object.entries(collected).map(([target, outcome]) => [target, readable(outcome)]));
  }
  return found;
}

/** Samples as lines: `name{label="value"} 12`. */
function readable(outcome: Collected): unknown {
  if ('error' in outcome) return outcome;
  return { ...outcome, samples: outcome.samples.map(sampleLine) };
}

function sampleLine({ name, labels = {}, value, time }: AppMetricSample): string {
  const pairs = Object.entries(labels).map(([key, label]) => `${key}=${JSON.stringify(label)}`);
  const shown = pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
  return `${shown} ${value}${time === undefined ? '' : ` @${time}`}`;
}

/** A sample of each container, or why it is absent. */
function sampleAll(source: MetricSource, world: CaseWorld): unknown {
  const entries = world.containers().map(({ name, description }) => {
    const probe = source.attach(world.host.target(name, description));
    if ('absent' in probe) return [name, { absent: probe.absent }];
    try {
      return [name, sampleOf(probe) ?? 'ended'];
    } finally {
      probe.close();
    }
  });
  return Object.fromEntries(entries);
}

async function askRequests(plugin: Plugin, world: CaseWorld): Promise<unknown> {
  const agent = await world.startAgent([{ plugin, with: world.options() }]);
  try {
    const entries: [string, unknown][] = [];
    for (const path of world.testCase.requests) {
      const { status, contentType, text } = await agent.get(path);
      const isJson = contentType.startsWith('application/json');
      entries.push([path, { status, contentType, body: isJson ? JSON.parse(text) : text.split('\n') }]);
    }
    return Object.fromEntries(entries);
  } finally {
    await agent.stop();
  }
}

/** What a sink sends for the samples of an agent on the case's host. */
async function pushOnce(plugin: Plugin, world: CaseWorld): Promise<unknown> {
  const agent = await world.startAgent();
  const context = testContext({ id: plugin.name, clock: systemClock, linux: world.host.linux, agent: agent.view });
  const sink = plugin.create(context, parsedOptions(plugin, world)) as Sink;
  try {
    await sink.start?.();
    await deliverOnce(sink, context, context.signal);
    await sink.stop?.();
    const requests = [...world.http].map(([port, { requests }]) => [
      port,
      requests.map(({ method, url, body }) => ({ method, url, body: body.split('\n') })),
    ]);
    return {
      ...Object.fromEntries(requests),
      lines: Object.fromEntries([...world.lines].map(([p, { lines }]) => [p, lines])),
    };
  } finally {
    context.dispose();
    await agent.stop();
  }
}
