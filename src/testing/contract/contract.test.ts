import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Column,
  definePlugin,
  type FieldDescriptor,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Plugin,
  type PluginContext,
  type Probe,
  z,
} from '../../kernel/contracts/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import { checkContract } from './index.js';

const FIELD: FieldDescriptor = {
  name: 'demo.value',
  unit: 'count',
  kind: 'gauge',
  help: 'What it means.',
  source: { any: '/proc/demo' },
};
const COLUMN: Column = { field: FIELD };
const PROBE: Probe = { columns: [COLUMN], sample: () => 'ok', close: () => {} };
const SOURCE: MetricSource = { fields: [FIELD], part: 'other', attach: () => PROBE };

function source(create: (context: PluginContext) => MetricSource, over: Partial<Plugin> = {}): unknown {
  const plugin = definePlugin({
    kind: 'metric-source',
    name: 'demo',
    apiVersion: PLUGIN_API_VERSION,
    description: 'A plugin for tests.',
    configSchema: z.strictObject({ size: z.number().default(1).describe('How large.') }),
    create,
  });
  return { ...plugin, ...over };
}

/** All problems that are found, `check: problem`. */
async function problemsOf(module: unknown, options: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const findings = await checkContract(module, { with: options });
  return findings.flatMap(({ check, problems }) => problems.map((problem) => `${check}: ${problem}`)).join('\n');
}

describe('the contract check', () => {
  it('accepts a valid plugin', async () => {
    assert.equal(await problemsOf(source(() => SOURCE)), '');
  });

  const faults: Record<string, readonly [module: unknown, expected: RegExp]> = {
    'no plugin': [{ default: 1 }, /is a plugin: .*does not export a plugin/],
    'an option without a word': [
      source(() => SOURCE, {
        configSchema: z.strictObject({ a: z.strictObject({ b: z.number().default(1) }).prefault({}) }),
      }),
      /documents its options: option a has no[\s\S]*option a\.b has no/,
    ],
    'options that take anything': [source(() => SOURCE, { configSchema: z.object({}) }), /refuses options/],
    'a timer that stays': [
      source(() => ({ ...SOURCE, start: () => void setInterval(() => {}, 1e6).unref() })),
      /leaves nothing behind: .*a timer/,
    ],
    'work in create': [
      source(() => {
        process.on('SIGUSR2', () => {});
        return SOURCE;
      }),
      /does nothing in create: .*listener of process "SIGUSR2"/,
    ],
    'a stop that hangs': [
      source(() => ({ ...SOURCE, stop: () => new Promise<void>(() => {}) })),
      /starts and stops.*: .*stop did not end/,
    ],
    'a timer that throws': [
      source(({ timers }) => ({
        ...SOURCE,
        async start() {
          timers.after(0, () => {
            throw new Error('tick');
          });
          await new Promise((done) => setTimeout(done, 10));
        },
      })),
      /a timer of round 1 threw Error: tick/,
    ],
    'fields that say nothing': [
      source(() => ({ ...SOURCE, fields: [{ ...FIELD, unit: 'bananas' as 'count', help: '', source: {} }] })),
      /unit "bananas"[\s\S]*help does not say[\s\S]*source does not say/,
    ],
    'columns nobody declared': [source(() => ({ ...SOURCE, fields: [{ ...FIELD, name: 'demo.other' }] })), /not among/],
    'a sample that throws on odd files': [
      source(() => ({
        ...SOURCE,
        attach: ({ cgroup }) => {
          const file = cgroup.file('memory', 'memory.demo');
          if (file === undefined) return { absent: 'no memory.demo' };
          const sample = () => {
            file.read();
            JSON.parse(file.buffer.toString('utf8', 0, 4));
            return 'ok' as const;
          };
          return { ...PROBE, sample, close: () => file.close() };
        },
      })),
      /survives odd files \(cgroup v2\): when files are empty: sample threw SyntaxError/,
    ],
    'a probe that keeps files open': [
      source(() => ({
        ...SOURCE,
        attach: ({ cgroup }) => {
          cgroup.value('memory', 'memory.demo')?.read();
          return PROBE;
        },
      })),
      /closes its files: a probe leaves files open/,
    ],
  };
  for (const [what, [module, expected]] of Object.entries(faults)) {
    it(`reports ${what}`, async () => assert.match(await problemsOf(module), expected));
  }
});

/** Options of plugins that cannot do without. Nobody listens there. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'remote-write': { url: 'http://127.0.0.1:1/api/v1/write' },
  file: { path: '/dev/null' },
  influxdb: { url: 'http://127.0.0.1:1', database: 'test' },
  kafka: { brokers: ['127.0.0.1:1'] },
};

describe('built-in plugins keep the contract', () => {
  for (const [name, load] of Object.entries(builtinPlugins)) {
    it(name, async () => assert.equal(await problemsOf(await load(), NEEDED[name]), ''));
  }
});
