import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { PLUGIN_KINDS, type PluginKind } from '../../src/kernel/contracts/index.js';
import { HttpTarget, until } from '../../src/testing/index.js';
import { projectRoot } from '../project.js';
import { AppContainers } from '../support/app-containers.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { PluginWorkshop } from '../support/plugin-workshop.js';
import { RealCgroup } from '../support/real-cgroup.js';

const workshop = new PluginWorkshop();
after(() => workshop.remove());
const { directory: work } = workshop;
const tallyman = (...args: string[]) => workshop.tallyman(...args);
const write = (name: string, text: string) => workshop.write(name, text);

/** What the commands have left in the folder for temporary files, which is the workshop's own. */
const leftovers = () => readdirSync(workshop.scratch);

const endpoint = (create: string, before = '') =>
  `${before}; export default { $tallyman: 'plugin', kind: 'endpoint', name: 'bad', apiVersion: 1, description: 'A plugin for tests.',
  configSchema: { safeParse: (data) => 'no-such-option' in data ? { success: false, error: { issues: [], message: '' } } : { success: true, data },
  toJSONSchema: () => ({ type: 'object' }) }, create: ${create} };`;

describe('tallyman plugin new', () => {
  const nameOf = (kind: PluginKind) => `new-${kind}`;
  /** All of them at once, each by its own tsconfig.json: the compiler starts once. */
  let built: SpawnSyncReturns<string>;
  before(async () => {
    for (const kind of PLUGIN_KINDS) {
      const made = await tallyman('plugin', 'new', kind, nameOf(kind));
      assert.deepEqual([made.status, made.error], [0, '']);
    }
    const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
    const args = [compiler, '--build', '--singleThreaded', ...PLUGIN_KINDS.map(nameOf)];
    built = spawnSync(process.execPath, args, { cwd: work, encoding: 'utf8' });
  });

  for (const kind of PLUGIN_KINDS) {
    it(`writes a plugin of kind ${kind} that builds, passes its tests and fulfils the contract`, async () => {
      const name = nameOf(kind);
      const cwd = join(work, name);
      assert.equal(built.status, 0, built.stdout);
      const own = spawnSync(process.execPath, ['dist/index.test.js'], {
        cwd,
        encoding: 'utf8',
        env: { PATH: process.env.PATH },
      });
      assert.equal(own.status, 0, own.stdout);
      assert.match(own.stdout, /^(#|ℹ) pass [1-9]/m);
      const checked = await tallyman('plugin', 'test', name);
      assert.equal(checked.status, 0, checked.out);
      assert.match(checked.out, /^pass {2}test case /m);
      assert.match(checked.out, /^All \d\d checks passed\.$/m);
      const sample = await tallyman('check', '--config', join(cwd, 'tallyman.yaml'));
      assert.equal(sample.status, 0, sample.error);
      assert.match(sample.out, new RegExp(`id: ${name}$`, 'm'));
    });
  }

  it('writes to the given folder, and does not overwrite files', async () => {
    assert.equal((await tallyman('plugin', 'new', 'sink', 'elsewhere', '--dir', 'some/where')).status, 0);
    assert.match(readFileSync(join(work, 'some/where/src/index.ts'), 'utf8'), /name: 'elsewhere'/);
    const again = await tallyman('plugin', 'new', 'sink', 'other', '--dir', 'some/where');
    assert.equal(again.status, 1);
    assert.match(again.error, /some\/where is not empty .*\n {4}choose another name/);
  });

  it('rejects invalid names and kinds', async () => {
    assert.match((await tallyman('plugin', 'new', 'sink', 'cpu')).error, /"cpu" cannot be the name of a plugin/);
    const { status, error } = await tallyman('plugin', 'new', 'zink', 'x');
    assert.equal(status, 78);
    assert.match(error, /Allowed choices are .*metric-source/);
  });
});

describe('tallyman plugin test', () => {
  const failing: Record<string, [module: string, args: string[], expected: RegExp]> = {
    'a module that fails': [
      'throw new Error("out of order");',
      [],
      /^FAIL {2}can be loaded\n.*could not be loaded .*out of order\n +Error: out of order\n +at file:.*:1:/m,
    ],
    'a module that is no plugin': ['export default 1;', [], /^FAIL {2}can be loaded\n.*does not export a plugin/m],
    'an endless loop': [
      endpoint('() => { for (;;); }'),
      ['--time-limit', '3s'],
      /^FAIL {2}.*\n +takes longer than 3000 ms$/m,
    ],
    'process.exit': [
      endpoint('() => ({ routes: { "/bad": () => process.exit(5) } })'),
      [],
      /^FAIL {2}answers odd requests\n +the plugin ended the process \(exit status 5\)$/m,
    ],
    'a timer that nobody ends': [
      endpoint('() => ({ routes: { "/bad": () => ({ body() {} }) }, start() { setInterval(() => {}, 1000); } })'),
      [],
      /^FAIL {2}leaves nothing behind\n +after stop there is still a timer/m,
    ],
    'work of the module that never ends': [
      endpoint('() => ({ routes: { "/bad": () => ({ body() {} }) } })', 'setInterval(() => {}, 1000)'),
      [],
      /^FAIL {2}ends\n +something that the plugin left keeps the process running: Timeout$/m,
    ],
  };
  for (const [what, [module, args, expected]] of Object.entries(failing)) {
    it(`reports ${what}`, async () => {
      const file = write(`${what.replaceAll(/\W/g, '-')}.mjs`, module);
      const { status, out } = await tallyman('plugin', 'test', file, ...args);
      assert.equal(status, 1, out);
      assert.match(out, expected);
      assert.match(out, /^[1-9]\d* of \d+ checks? failed\.$/m);
      assert.deepEqual(leftovers(), []);
    });
  }

  it('runs the containers of the test cases, and reports when there are none', async () => {
    const file = write(
      'no-target.mjs',
      endpoint('() => ({ targets: () => [], collect: async () => ({ specs: [], samples: [] }) })').replace(
        "'endpoint'",
        "'app-metrics'",
      ),
    );
    assert.match(
      (await tallyman('plugin', 'test', file)).out,
      /^pass {2}survives targets .*\n +it has no target in any container: write a test case/m,
    );
  });

  it('compares the plugin with its test cases, and updates them on request', async () => {
    const body = (answer: string) =>
      endpoint(
        `(_, { path = '/bad' }) => ({ routes: { [path]: () => ({ contentType: 'text/plain', body: (out) => out.text('${answer}') }) } })`,
      );
    write('cased/package.json', '{ "main": "main.mjs" }');
    write('cased/main.mjs', body('one'));
    write('cased/testcases/first/case.yaml', 'description: Its answer.\nwith: { path: /here }\nrequests: [/here]\n');
    const missing = await tallyman('plugin', 'test', 'cased');
    assert.match(missing.out, /^FAIL {2}test case first\n.*expected\.json is missing\n.*plugin test --update/m);
    assert.equal((await tallyman('plugin', 'test', '--update', 'cased')).status, 0);
    assert.match(readFileSync(join(work, 'cased/testcases/first/expected.json'), 'utf8'), /"body": \[\s*"one"/);
    assert.equal((await tallyman('plugin', 'test', 'cased')).status, 0);
    write('cased/main.mjs', body('two'));
    const { status, out } = await tallyman('plugin', 'test', 'cased');
    assert.equal(status, 1);
    assert.match(out, /^FAIL {2}test case first\n[\s\S]*two[\s\S]*one/m);
  });

  it('leaves no process behind when it is terminated', async () => {
    const file = write('loop.mjs', endpoint('() => { for (;;); }'));
    const command = spawn(process.execPath, [workshop.main, 'plugin', 'test', file], {
      env: workshop.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const line of createInterface(command.stdout)) if (line.includes('refuses options')) break;
    const checking = Number(readFileSync(`/proc/${command.pid}/task/${command.pid}/children`, 'utf8'));
    assert.ok(checking > 1);
    command.kill('SIGTERM');
    assert.deepEqual(await once(command, 'exit'), [null, 'SIGTERM']);
    await until(
      () => !existsSync(`/proc/${checking}`),
      () => `process ${checking} has ended`,
    );
    assert.deepEqual(leftovers(), []);
  });

  it('passes every example', async () => {
    const examples = readdirSync(join(projectRoot, 'plugins-examples'), { withFileTypes: true });
    for (const { name } of examples.filter((entry) => entry.isDirectory())) {
      const { status, out } = await tallyman('plugin', 'test', join(projectRoot, 'plugins-examples', name));
      assert.equal(status, 0, `${name}: ${out}`);
      assert.match(out, /^pass {2}test case /m, name);
    }
  });

  it('reports an invalid flag', async () => {
    assert.match(
      (await tallyman('plugin', 'test', 'cpu', '--time-limit', 'soon')).error,
      /--time-limit is not a duration: soon/,
    );
    assert.match((await tallyman('plugin', 'test', 'cpu', '--with', '[1]')).error, /--with is not a mapping/);
    const refused = await tallyman('plugin', 'test', 'memory', '--with', '{ no: 1 }');
    assert.equal(refused.status, 1);
    assert.match(refused.out, /^FAIL {2}accepts its options/m);
  });
});

describe('tallyman plugin run', { skip: needs('cgroups') }, () => {
  const name = `/tallyman-run-${process.pid}`;
  const cgroup = new RealCgroup(name);
  let target: HttpTarget;
  before(async () => {
    cgroup.create();
    target = await HttpTarget.start({ '/metrics': 'requests_total 12\n', '/lines': '' });
  });
  after(async () => {
    await target?.stop();
    await cgroup.remove();
  });

  /** Runs the plugin that a template makes, with its own name. */
  const runNew = async (kind: PluginKind, ...args: string[]) => tallyman('plugin', 'run', `new-${kind}`, ...args);

  it('prints the kernel’s numbers of a metric source', async () => {
    const { status, out, error } = await runNew('metric-source', '--all');
    assert.deepEqual([status, error], [0, '']);
    const counted = /^unevictable (\d+)/m.exec(cgroup.read('memory', 'memory.stat'))![1];
    assert.ok(out.includes(`${name}\n  new_metric_source.unevictable  ${counted} bytes\n`), out);
  });

  it('prints some containers and the number of others', async () => {
    const { out } = await tallyman('plugin', 'run', 'memory', '--with', '{}');
    assert.match(out, /^\/\n {2}memory\./m);
    const shown = out.split('\n').filter((line) => line.startsWith('/')).length;
    assert.ok(shown <= 5);
    const { out: whole } = await tallyman('plugin', 'run', 'memory', '--with', '{}', '--all');
    const all = whole.split('\n').filter((line) => line.startsWith('/')).length;
    if (all > 5) assert.match(out, /^… and \d+ more containers: --all shows them$/m);
  });

  it('prints the containers that a container handler accepts', async () => {
    const { status, out } = await runNew('container-handler', '--with', `{ cgroups: ['${name}'] }`);
    assert.equal(status, 0);
    assert.ok(out.startsWith(`${name} (${name.slice(1)})\n  namespace: new-container-handler\n`), out);
    assert.equal(
      (await runNew('container-handler', '--with', "{ cgroups: ['/no/such'] }")).out,
      'It takes none of the cgroups of this host.\n',
    );
  });

  it('prints what an app-metrics plugin collects', async () => {
    const entry = `{ name: shop, match: { cgroups: ['${name}'] }, host: 127.0.0.1, port: ${target.port} }`;
    const { status, out } = await tallyman('plugin', 'run', 'app-prometheus', '--with', `{ targets: [${entry}] }`);
    assert.equal(status, 0);
    assert.match(out, new RegExp(`^${name}\n {2}target shop: collected in [\\d.]+ ms\n {2}requests_total 12$`, 'm'));
    const file = workshop.write(
      'configured.yaml',
      `plugins: [{ use: app-prometheus, with: { targets: [${entry}] } }]\n`,
    );
    const configured = await tallyman('plugin', 'run', 'app-prometheus', '--config', file);
    assert.match(configured.out, /^ {2}requests_total 12$/m, configured.error);
    assert.match((await runNew('app-metrics')).out, /^It has no target in any of the \d+ containers of this host\.$/m);
  });

  it('collects from a container by its label, with the engine that the configuration names', {
    skip: needs(...DOCKER_ENGINE, 'ip'),
  }, async () => {
    const containers = await AppContainers.start();
    try {
      const label = ['--label', 'new-app-metrics.port=8000'];
      const path = await containers.serve('shop', { status: '{"requests": 12, "mood": "good"}' }, label);
      const config = write(
        'engine.yaml',
        `plugins: [{ use: docker, with: { endpoint: ${containers.endpoint} } }, { use: podman, enabled: false }]\n`,
      );
      const { status, out, error } = await runNew('app-metrics', '--config', config);
      assert.equal(status, 0, error);
      const values =
        'target new-app-metrics: collected in [\\d.]+ ms\n {2}new_app_metrics_value\\{key="requests"\\} 12';
      assert.match(out, new RegExp(`^${path} \\(shop, [0-9a-f]{64}\\)\n {2}${values}\n$`));
    } finally {
      await containers.stop();
    }
  });

  it('prints what an endpoint and an API version answer', async () => {
    const all = await runNew('endpoint', '--with', '{ count: 1 }');
    assert.match(all.out, /^GET \/new-endpoint: 200 text\/plain; charset=utf-8\n {2}\d+ \S+\n$/);
    const one = await runNew('endpoint', '--request', '/new-endpoint?count=many');
    assert.match(one.out, /^GET \S+: 400 text\/plain; charset=utf-8\n {2}count is a number, not "many"\n$/);
    const api = await runNew('api-version', '--request', `/api/v1.0-new-api-version/container${name}`);
    assert.match(api.out, /^GET \S+: 200 application\/json\n {2}\{\n {4}"name": "\/tallyman-run-/);
  });

  it('pushes once to a sink, and reports what was rejected', async () => {
    const good = await runNew('sink', '--with', `{ url: '${target.url}/lines' }`);
    assert.deepEqual([good.status, good.error], [0, '']);
    assert.ok(target.requests.some(({ url, body }) => url === '/lines' && body.includes(`"id":"${name}"`)));
    const bad = await runNew('sink', '--with', `{ url: '${target.url}/nowhere' }`);
    assert.equal(bad.status, 1);
    assert.match(bad.error, /the receiver did not take the batch: \S+ answers 404/);
  });

  it('sends a batch of a configured sink, and prints the answer of its receiver', async () => {
    const sink = (id: string, path: string) => `{ use: otlp, id: ${id}, with: { endpoint: "${target.url}${path}" } }`;
    const plugins = `[{ use: docker, enabled: false }, ${sink('good', '/lines')}, ${sink('bad', '/nowhere')}]`;
    const file = workshop.write('sinks.yaml', `plugins: ${plugins}\n`);
    const good = await tallyman('--config', file, 'sink', 'test', 'good');
    assert.deepEqual([good.status, good.error], [0, '']);
    assert.match(good.out, /^Sent \d+ data points in \d+ batch(es)? \(\d+ bytes\): the receiver took all of them\.$/m);
    const bad = await tallyman('--config', file, 'sink', 'test', 'bad');
    assert.equal(bad.status, 1);
    assert.match(bad.error, /answers 404.*\n.*it refuses such a batch for good: an agent drops it/);
    const none = await tallyman('--config', file, 'sink', 'test', 'other');
    assert.equal(none.status, 1);
    assert.match(none.error, /the configuration has no sink "other"\n.*it has good, bad/);
  });

  it('reports invalid options, invalid plugins and errors of plugins', async () => {
    const options = await runNew('sink', '--with', '{ url: x, intervall: 3s }');
    assert.equal(options.status, 78);
    assert.match(options.error, /^--with: url: expected /m);
    assert.match(options.error, /^--with: intervall: unknown option "intervall"; did you mean "interval"\?$/m);
    assert.match(
      (await tallyman('plugin', 'run', './none')).error,
      /plugin ".*none" is neither built in nor a module that exists/,
    );
    const file = write(
      'faulty.mjs',
      endpoint('() => ({ routes: { "/bad": () => { throw new Error("no answer"); } } })'),
    );
    const faulty = await tallyman('plugin', 'run', file);
    assert.equal(faulty.status, 1);
    assert.match(faulty.out, /^GET \/bad: 500 /m);
    assert.match(faulty.error, /the plugin failed once; the last time in .*no answer/);
  });
});
