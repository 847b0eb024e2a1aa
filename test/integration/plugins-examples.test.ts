import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Plugin, z } from '../../src/kernel/contracts/index.js';
import { checkContract, runCases, testContainer } from '../../src/testing/index.js';
import { agentMain, projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { startExample } from '../support/example-agent.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const EXAMPLES = join(projectRoot, 'plugins-examples');
const EXAMPLE = join(EXAMPLES, 'memory-stat-extras/index.js');

/** Containers in which the config samples of the examples have targets. */
const CONTAINERS = [
  testContainer({ image: 'nginx:1.22', labels: { 'com.example.app': 'shop' } }),
  testContainer({ image: 'redis:7' }),
];

/** The options that a README must name. */
function optionsOf(schema: Plugin['configSchema']): string[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.keys(properties);
}

const folders = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The plugin of an example's config sample. */
function entryOf(name: string): { use: string; with?: object } {
  const sample = parse(readFileSync(join(EXAMPLES, name, 'tallyman.yaml'), 'utf8')) as { plugins: [{ use: string }] };
  return sample.plugins[0];
}

/** Runs `tallyman check`. */
function check(file: string) {
  return spawnSync(process.execPath, [agentMain, 'check', '--config', file], { encoding: 'utf8' });
}

for (const name of folders) {
  describe(`the example ${name}`, () => {
    const folder = join(EXAMPLES, name);
    const entry = entryOf(name);
    let plugin: Plugin;

    before(async () => {
      plugin = ((await import(pathToFileURL(join(folder, entry.use)).href)) as { default: Plugin }).default;
    });

    it('has a config sample that the agent accepts', () => {
      const { status, stderr } = check(join(folder, 'tallyman.yaml'));
      assert.equal(status, 0, stderr);
    });

    it('keeps the contract', async () => {
      const findings = await checkContract(plugin, { with: { ...entry.with }, containers: CONTAINERS });
      const problems = findings.flatMap(({ check, problems: all }) => all.map((problem) => `${check}: ${problem}`));
      assert.deepEqual(problems, []);
      assert.ok(findings.length > 8, 'it was looked at');
      if (plugin.kind === 'app-metrics') assert.ok(!findings.some(({ remark }) => remark?.includes('no target')));
    });

    it('gives in its test cases what is expected', async () => {
      const findings = await runCases(plugin, folder);
      assert.deepEqual(
        findings.filter(({ problem }) => problem !== undefined),
        [],
      );
      assert.ok(findings.length > 0, 'it has none');
    });

    it('is described: in the index, and with every option in its README', () => {
      const readme = readFileSync(join(folder, 'README.md'), 'utf8');
      for (const option of optionsOf(plugin.configSchema)) {
        assert.ok(readme.includes(`\`${option}\``), `README.md does not name the option ${option}`);
      }
      const index = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
      assert.ok(
        index.includes(`(${name}/README.md)`) && index.includes(plugin.kind),
        `the index does not name ${name}`,
      );
      const linked = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
      for (const target of linked) assert.ok(existsSync(join(folder, target)), `README.md links to ${target}`);
    });
  });
}

it('every example works as a copy elsewhere', () => {
  const copies = mkdtempSync(join(tmpdir(), 'tallyman-test-copies-'));
  try {
    mkdirSync(join(copies, 'node_modules'));
    symlinkSync(projectRoot, join(copies, 'node_modules/tallyman'));
    writeFileSync(join(copies, 'package.json'), '{"type":"module"}');
    const plugins = folders.map((name) => {
      cpSync(join(EXAMPLES, name), join(copies, name), { recursive: true });
      return { ...entryOf(name), use: `./${join(name, entryOf(name).use)}`, onError: 'fail' };
    });
    writeFileSync(join(copies, 'tallyman.yaml'), stringify({ plugins }), { mode: 0o644 });
    const { status, stderr } = check(join(copies, 'tallyman.yaml'));
    assert.deepEqual([status, stderr], [0, '']);
  } finally {
    rmSync(copies, { recursive: true });
  }
});

it('the examples cover every kind of plugin but those that are served or sent by built-in ones', async () => {
  const kinds = new Set<string>();
  for (const name of folders) {
    const file = ['index.js', 'index.cjs'].map((each) => join(EXAMPLES, name, each)).find((each) => existsSync(each))!;
    kinds.add(((await import(pathToFileURL(file).href)) as { default: Plugin }).default.kind);
  }
  assert.deepEqual([...kinds].sort(), ['api-version', 'app-metrics', 'container-handler', 'metric-source']);
});

describe('the example memory-stat-extras on a real cgroup', { skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(`/tallyman-example-${process.pid}`);
  const shared = `/dev/shm/tallyman-example-${process.pid}`;
  let agent: AgentProcess;

  before(async () => {
    cgroup.create();
    agent = await startExample('memory-stat-extras', ['/tallyman-example-*'], {
      housekeeping: { interval: '200ms', maxInterval: '200ms' },
      options: { lines: ['shmem', 'unevictable'] },
    });
  });

  after(async () => {
    await agent?.stop();
    rmSync(shared, { force: true });
    await cgroup.remove();
  });

  it('shows shared memory as the kernel counts it', async () => {
    const script = await cgroup.run(`head -c 300000 /dev/zero > ${shared} && echo done; read x`);
    await script.said('done');
    const shown = async () => {
      const text = await (await fetch(`${agent.url}/metrics`)).text();
      const line = text
        .split('\n')
        .find((each) => /^container_memory_extras_shmem/.test(each) && each.includes(cgroup.name));
      return line === undefined ? undefined : Number(/\} (\S+)/.exec(line)![1]);
    };
    const counted = () => Number(/^shmem (\d+)/m.exec(cgroup.read('memory', 'memory.stat'))![1]);
    const deadline = Date.now() + 60_000;
    while ((await shown()) !== counted() && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(counted() >= 300_000);
    assert.equal(await shown(), counted());
  });

  it('says what is wrong with its options, and where', async () => {
    await assert.rejects(
      AgentProcess.start(`plugins:\n  - { use: '${EXAMPLE}', with: { lines: [nonsense] } }\n`),
      /tallyman\.yaml:2:\d+: plugins\[0\]\.with\.lines\[0\]/,
    );
  });
});
