import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { definePlugin, duration, type Plugin, TallymanError, z } from '../contracts/index.js';
import { type ConfigOverride, type LoadedConfig, type LoadOptions, loadConfig } from './load.js';
import { BrokenPluginError } from './plugin-options.js';
import { ConfigError } from './problems.js';

const OPTIONS = z.strictObject({
  endpoint: z.string().default('unix:///run/a.sock').describe('Socket.'),
  timeout: duration().prefault('5s').meta({ description: 'Limit.', format: 'duration' }),
  nested: z.strictObject({ depth: z.int().min(1).default(3) }).prefault({}),
});

function plugin(name: string, configSchema: z.ZodType = z.strictObject({})): Plugin {
  const create = () => ({ routes: {} });
  return definePlugin({ kind: 'endpoint', name, apiVersion: 1, description: `Gives ${name}.`, configSchema, create });
}

const PLUGINS: Record<string, Plugin> = {
  alpha: plugin('alpha', OPTIONS),
  beta: plugin('beta'),
  gamma: plugin('gamma'),
};
const builtins = Object.fromEntries(Object.entries(PLUGINS).map(([name, value]) => [name, async () => value]));

let home = '';
let working = '';
let system = '';

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`)));
  working = join(home, 'work');
  system = join(home, 'etc');
  mkdirSync(working);
  mkdirSync(system);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function put(path: string, text: string | Uint8Array): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function load(options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  return loadConfig({
    workingDirectory: working,
    systemDirectory: system,
    builtins,
    defaultPlugins: [{ use: 'alpha' }, { use: 'beta', onError: 'probe' }],
    resolvePlugin: async ({ use }) => {
      if (use === './broken.js') throw new BrokenPluginError('broken', { cause: new SyntaxError('odd token') });
      const plugin = PLUGINS[use];
      if (plugin === undefined) throw new TallymanError(`plugin "${use}" is not installed`, { hint: 'npm install' });
      return { plugin, module: use };
    },
    ...options,
  });
}

const loadText = (text: string, options: Partial<LoadOptions> = {}) =>
  load({ named: { file: put('work/x.yaml', text), source: '--config' }, ...options });

async function errorsOf(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => assert.fail('no error'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.message.replaceAll(`${home}/`, '').split('\n');
}

describe('finding the config', () => {
  it('uses the named file, else the working directory, else the system directory, else defaults', async () => {
    assert.equal((await load()).file, undefined);
    const expected = [
      put('etc/tallyman.yaml', 'web: {maxConnections: 1}'),
      put('etc/config.yaml', 'web: {maxConnections: 2}'),
      put('work/.tallymanrc.json', '{"web": {"maxConnections": 3}}'),
      put('work/.tallymanrc', 'web: {maxConnections: 4}'),
      put('work/tallyman.config.yaml', 'web: {maxConnections: 5}'),
    ];
    for (const [index, file] of [...expected.entries()].reverse()) {
      const loaded = await load();
      assert.equal(loaded.file, file);
      assert.equal(loaded.config.web.maxConnections, index + 1);
      rmSync(file);
    }
    const named = put('work/other.conf', 'web: {maxConnections: 6}');
    assert.equal((await load({ named: { file: 'other.conf', source: '--config' } })).file, named);
  });

  it('treats an empty file as defaults', async () => {
    const file = put('work/.tallymanrc', '');
    const loaded = await load();
    assert.equal(loaded.file, file);
    assert.deepEqual(loaded.config, { ...(await load({ workingDirectory: system })).config });
  });

  it('reports a file that is missing, not regular, or a program', async () => {
    const named = (file: string) => errorsOf(load({ named: { file, source: 'TALLYMAN_CONFIG' } }));
    assert.deepEqual(await named('no.yaml'), ['TALLYMAN_CONFIG: work/no.yaml does not exist']);
    assert.deepEqual(await named('.'), ['TALLYMAN_CONFIG: work is not a regular file']);
    put('work/x.mjs', 'globalThis.executed = true');
    assert.match((await named('x.mjs'))[0]!, /^work\/x\.mjs: is a program, which is not executed/);
    assert.equal('executed' in globalThis, false);
    mkdirSync(join(working, '.tallymanrc'));
    assert.deepEqual(await errorsOf(load()), ['work/.tallymanrc: is not a regular file']);
  });

  it('as root, rejects a file that others can write', { skip: process.geteuid?.() !== 0 && 'needs root' }, async () => {
    const file = put('etc/config.yaml', '');
    chmodSync(file, 0o666);
    chmodSync(system, 0o777);
    assert.deepEqual(await errorsOf(load()), [
      'etc: config file refused: running as root, and etc is writable by others (mode 777)'.replace('etc:', 'etc:'),
      '    chmod go-w etc',
      'etc/config.yaml: config file refused: running as root, and etc/config.yaml is writable by others (mode 666)',
      '    chmod go-w etc/config.yaml',
    ]);
  });
});

describe('validation', () => {
  it('reports a budget that is no percentage, too small, or unknown, with its position', async () => {
    const text = 'budget:\n  cpu: 2\n  memory: 1MiB\n  descriptors: 10\n  disk: 1GB\n';
    assert.deepEqual(await errorsOf(loadText(text)), [
      'work/x.yaml:2:8: budget.cpu: expected a percentage such as 2% or 150%, not 2',
      'work/x.yaml:3:11: budget.memory: expected 64MiB or more, found "1MiB"',
      'work/x.yaml:4:16: budget.descriptors: expected 512 or more, found 10',
      'work/x.yaml:5:3: budget.disk: unknown option "disk"; expected one of cpu, memory, descriptors, cgroupLimits',
    ]);
    const { budget } = (await loadText('budget: { cpu: 2.5%, memory: 128MiB, descriptors: 20000 }')).config;
    assert.deepEqual(budget, { cpu: 0.025, memory: 134_217_728, descriptors: 20_000, cgroupLimits: true });
  });

  it('reports all errors at once, with position, path, expectation and nearest name', async () => {
    const errors = await errorsOf(
      loadText(`web:
  listen: [127.0.0.1:1, "foo"]
  urlBasePrefx: x
  maxConnections: 1.5
$import: ./other.yaml
housekeeping: { interval: true, maxInterval: 5, jitter: 2 }
log: { level: wran }
plugins:
  - use: alpha
    with: { endpont: x, timeout: 3, nested: { depth: 0 } }
  - use: gama
  - { use: beta, onEror: fail }
  - 5
`),
    );
    assert.deepEqual(errors, [
      'work/x.yaml:2:25: web.listen[1]: expected host:port, [IPv6 address]:port, :port (all interfaces) or unix:/path, found "foo"',
      'work/x.yaml:3:3: web.urlBasePrefx: unknown option "urlBasePrefx"; did you mean "urlBasePrefix"?',
      'work/x.yaml:4:19: web.maxConnections: expected a whole number, found 1.5',
      'work/x.yaml:5:1: $import: unknown option "$import"; expected one of $schema, web, housekeeping, history, events, recorder, budget, appMetrics, discovery, machine, host, log, plugins',
      'work/x.yaml:6:27: housekeeping.interval: expected a duration such as 500ms, 10s or 1m30s, found true',
      'work/x.yaml:6:46: housekeeping.maxInterval: expected a duration such as 500ms, 10s or 1m30s, not 5',
      'work/x.yaml:6:57: housekeeping.jitter: expected at most 1, found 2',
      'work/x.yaml:7:15: log.level: expected one of debug, info, warn, error, silent, found "wran"; did you mean "warn"?',
      'work/x.yaml:10:13: plugins[0].with.endpont: unknown option "endpont"; did you mean "endpoint"?',
      'work/x.yaml:10:34: plugins[0].with.timeout: expected a duration such as 500ms, 10s or 1m30s, not 3',
      'work/x.yaml:10:54: plugins[0].with.nested.depth: expected 1 or more, found 0',
      'work/x.yaml:11:10: plugins[1].use: plugin "gama" is not installed; did you mean "gamma"?',
      'work/x.yaml:12:18: plugins[2].onEror: unknown option "onEror"; did you mean "onError"?',
      'work/x.yaml:13:5: plugins[3]: expected a mapping (name: value), found 5',
    ]);
  });

  it('checks options that depend on each other', async () => {
    assert.deepEqual(await errorsOf(loadText('housekeeping:\n  interval: 5s\n  maxInterval: 1s\n')), [
      'work/x.yaml:3:16: housekeeping.maxInterval: expected at least housekeeping.interval; maxInterval is 60s where it is not set, so set both',
    ]);
  });

  it('gives one error for an invalid address, and an example of a list', async () => {
    const only = async (text: string) => {
      const [error, ...others] = await errorsOf(loadText(text));
      assert.deepEqual(others, []);
      return error!;
    };
    assert.match(await only('web: { listen: [foo] }'), /listen\[0\]: expected host:port, .*, found "foo"$/);
    assert.match(await only('web: { listen: 9999 }'), /web\.listen: expected a list such as \[a, b\], found 9999$/);
  });

  it('uses only safeParse of a plugin schema', async () => {
    const foreign = { safeParse: (value: unknown) => OPTIONS.safeParse(value) } as z.ZodType;
    const resolvePlugin = async () => ({ plugin: plugin('alpha', foreign), module: 'alpha' });
    const errors = await errorsOf(loadText('plugins: [{use: alpha, with: {endpont: 1}}]', { resolvePlugin }));
    assert.deepEqual(errors, ['work/x.yaml:1:31: plugins[0].with.endpont: unknown option "endpont"']);
    const throwing = plugin(
      'alpha',
      z.unknown().refine(() => {
        throw new TypeError('a fault of the author');
      }),
    );
    assert.deepEqual(
      await errorsOf(
        loadText('plugins: [{use: beta, with: {a: 1}}]', {
          resolvePlugin: async () => ({ plugin: throwing, module: 'x' }),
          defaultPlugins: [],
        }),
      ),
      ['work/x.yaml:1:29: plugins[0].with: the schema of these options failed: a fault of the author'],
    );
    const loaded = await loadText('plugins: [{use: alpha, with: {timeout: 1m}}]', { resolvePlugin });
    assert.deepEqual((loaded.plugins[0]!.options as { timeout: number }).timeout, 60_000);
  });

  it('returns the outcome of loading each plugin, including failures', async () => {
    const { modules } = await loadText(
      'plugins: [{use: ./broken.js}, {use: gamma, id: g}, {use: beta, enabled: false}]',
    );
    const outcomes = await Promise.allSettled(modules.values());
    assert.deepEqual(
      [...modules.keys()].map((id, index) => [id, outcomes[index]!.status]),
      [
        ['alpha', 'fulfilled'],
        ['./broken.js', 'rejected'],
        ['g', 'fulfilled'],
      ],
    );
    assert.equal((await modules.get('g'))?.plugin, PLUGINS.gamma);
  });

  it('returns a config or throws a ConfigError for any input', async () => {
    const isExpected = async (text: string | Uint8Array) => {
      const file = put('work/x.yaml', text);
      await load({ named: { file, source: '--config' } }).then(
        ({ effective }) => assert.ok(effective),
        (error: unknown) => assert.ok(error instanceof ConfigError, String(error)),
      );
    };
    const key = fc.constantFrom(
      'web',
      'listen',
      'plugins',
      'use',
      'with',
      'id',
      'log',
      'level',
      '__proto__',
      'constructor',
      'toString',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>('alpha', 'beta', '1s', '', null, true, 0, 1, -1, 1e300, Number.NaN),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie('tree')), { maxLength: 4 }).map((pairs) => new Map(pairs as [string, unknown][])),
      ),
    }));
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), isExpected), { numRuns: 100 });
    await fc.assert(
      fc.asyncProperty(tree, async (value) => isExpected(yaml(value))),
      { numRuns: 300 },
    );
  });
});

/** A tree as YAML in flow style; unlike JSON.stringify it keeps a key called `__proto__`. */
function yaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yaml).join(', ')}]`;
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${key}: ${yaml(item)}`).join(', ')}}`;
  return JSON.stringify(value);
}

describe('the plugin list', () => {
  const ids = (loaded: LoadedConfig) => loaded.config.plugins.map(({ id }) => id);

  it('is the default list with the changes of the file', async () => {
    assert.deepEqual(ids(await load()), ['alpha', 'beta']);
    const loaded = await loadText(`plugins:
  - use: gamma
  - { use: beta, startTimeout: 1s }
  - { use: alpha, enabled: false }
`);
    assert.deepEqual(loaded.config.plugins, [
      { use: 'beta', id: 'beta', with: {}, onError: 'probe', startTimeout: 1000, isolate: false },
      { use: 'gamma', id: 'gamma', with: {}, onError: 'retry', startTimeout: 10_000, isolate: false },
    ]);
  });

  it('replaces `with` as a whole and fills in defaults', async () => {
    const defaultPlugins = [{ use: 'alpha', with: { endpoint: 'a', nested: { depth: 9 } } }];
    const loaded = await loadText('plugins: [{use: alpha, with: {timeout: 1s, nested: }}]', { defaultPlugins });
    assert.deepEqual(loaded.plugins[0]!.options, {
      endpoint: 'unix:///run/a.sock',
      timeout: 1000,
      nested: { depth: 3 },
    });
    assert.deepEqual(loaded.config.plugins[0]!.with, { timeout: '1s' });
    assert.deepEqual((loaded.effective as { plugins: unknown[] }).plugins[0], {
      use: 'alpha',
      with: { endpoint: 'unix:///run/a.sock', timeout: '1s', nested: { depth: 3 } },
      onError: 'retry',
      startTimeout: '10s',
      isolate: false,
    });
  });

  it('accepts several instances of a plugin and rejects duplicate ids', async () => {
    const entries = 'plugins: [{use: gamma}, {use: gamma}, {use: alpha, id: a2}, {use: gamma, id: alpha}]';
    assert.deepEqual(ids(await loadText(entries)), ['alpha', 'beta', 'gamma', 'gamma#2', 'a2']);
    assert.deepEqual(await errorsOf(loadText('plugins: [{use: gamma, id: x}, {use: beta, id: x}]')), [
      'work/x.yaml:1:48: plugins[1].id: "x" is the id of an earlier entry',
    ]);
  });

  it('rejects disabling a misspelt plugin', async () => {
    assert.deepEqual(await errorsOf(loadText('plugins: [{use: bta, enabled: false}]')), [
      'work/x.yaml:1:17: plugins[0].use: there is no plugin "bta" to disable; did you mean "beta"?',
    ]);
    assert.deepEqual(ids(await loadText('plugins: [{use: gamma, enabled: false}]')), ['alpha', 'beta']);
  });

  it('ignores a module that fails to load unless onError is fail', async () => {
    const loaded = await loadText('plugins: [{use: ./broken.js}]');
    assert.deepEqual(loaded.warnings, ['plugin ./broken.js: its module cannot be loaded: odd token']);
    assert.deepEqual(ids(loaded), ['alpha', 'beta', './broken.js']);
    assert.deepEqual(await errorsOf(loadText('plugins: [{use: ./broken.js, onError: fail}]')), [
      'work/x.yaml:1:17: plugins[0].use: plugin ./broken.js: its module cannot be loaded: odd token',
    ]);
  });

  it('gives an effective config that loads to the same config', async () => {
    const first = await loadText('housekeeping: {interval: 2s}\nplugins: [{use: alpha, id: b, with: {timeout: 2s}}]');
    const second = await loadText(JSON.stringify(first.effective), { defaultPlugins: [] });
    assert.deepEqual(second.config, first.config.plugins ? { ...first.config, plugins: second.config.plugins } : {});
    assert.deepEqual(second.effective, first.effective);
  });
});

describe('overrides', () => {
  const level = (source: string, value: unknown): ConfigOverride => ({
    source,
    path: ['log', 'level'],
    change: () => value,
  });

  it('take precedence over the file, and later ones over earlier ones', async () => {
    const overrides = [level('TALLYMAN_LOG_LEVEL', 'warn'), level('--log-level', 'error')];
    const loaded = await loadText('log: {level: debug, format: json}', { overrides });
    assert.deepEqual(loaded.config.log, { level: 'error', format: 'json', limit: { alike: 20, perPart: 300 } });
  });

  it('are named in errors, next to the errors of the file', async () => {
    const refuse = () => {
      throw new TallymanError('not like this');
    };
    const overrides = [level('--log-level', 'loud'), { source: '--port', path: ['web', 'listen'], change: refuse }];
    assert.deepEqual(await errorsOf(loadText('web: {accessLog: 1}', { overrides })), [
      '--port: not like this',
      '--log-level: expected one of debug, info, warn, error, silent, found "loud"',
      'work/x.yaml:1:18: web.accessLog: expected true or false, found 1',
    ]);
    assert.deepEqual(await errorsOf(loadText('log: 5', { overrides: [level('--log-level', 'info')] })), [
      'work/x.yaml:1:6: log: expected a mapping (name: value), found 5',
    ]);
  });
});
