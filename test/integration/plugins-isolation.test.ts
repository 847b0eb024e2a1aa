// Hostile plugins in processes of their own, below the agent as a user runs it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { agentMain, projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { until } from '../support/discovery.js';

interface Status {
  id: string;
  state: string;
  up: boolean;
  errors: number;
  last_error?: string;
  last_error_at?: string;
  isolation?: { pid?: number; restarts: number; memory_bytes: number };
}

type Metrics = Record<string, Record<string, Record<string, { int_value: number }[]>>>;

const HOSTILE = join(projectRoot, 'test/fixtures/plugins/hostile.mjs');
const STUCK = join(projectRoot, 'test/fixtures/plugins/stuck.mjs');

/** The answer that is too large has to be made first. */
const memoryLimitOf = (deed: string) => (deed === 'large' ? '512MiB' : '96MiB');
/** The healthy one may wait long for a CPU beside the others. */
const timeLimitOf = (deed: string) => (deed === 'well' ? '60s' : '2s');
const entry = (deed: string, more = '') =>
  `  - { use: '${HOSTILE}', id: ${deed}, isolate: true, startTimeout: 60s, timeLimit: ${timeLimitOf(deed)}, memoryLimit: ${memoryLimitOf(deed)}, with: { deed: ${deed} }${more} }`;

/** What each deed is named as, in the log and in the API. */
const DEEDS: Readonly<Record<string, RegExp>> = {
  loop: /^isolation: blocked its process for more than 2000 ms \(in collect\)$/,
  overdue: /^isolation: blocked its process for more than 2000 ms \(in collect\)$/,
  heap: /^isolation: used more than its memoryLimit of 96 MiB/,
  huge: /^isolation: used more than its memoryLimit of 96 MiB/,
  buffers: /^isolation: used more than its memoryLimit of 96 MiB/,
  throw: /boom/,
  reject: /^a rejected promise: nobody listens$/,
  callback: /^a callback: in a callback$/,
  exit: /^isolation: ended its process with exit status 3 \(in collect\)$/,
  abort: /^isolation: its process was ended by SIGABRT/,
  kill: /^isolation: its process was ended by SIGKILL/,
  leave: /^isolation: ended its process/,
  nonsense: /collect did not return/,
  large: /bytes at once/,
};

/** What `tallyman check` says of a configuration with errors. */
function check(config: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  const file = join(directory, 'tallyman.yaml');
  writeFileSync(file, config, { mode: 0o644 });
  const { stderr, status } = spawnSync(process.execPath, [agentMain, '--config', file, 'check'], { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  assert.equal(status, 78);
  return stderr;
}

describe('hostile plugins in isolation', () => {
  let agent: AgentProcess;
  const statuses = () => agent.json<Status[]>('/api/plugins');
  const untilStatus = (id: string, fits: (status: Status) => boolean, what: string) =>
    agent.until<Status[]>('/api/plugins', (all) => fits(all.find((status) => status.id === id)!), `${id}: ${what}`);

  before(async () => {
    agent = await AgentProcess.start(`
housekeeping: { interval: 100ms, dynamic: false }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [/none] } }
${['well', ...Object.keys(DEEDS)].map((deed) => entry(deed)).join('\n')}
`);
  });
  after(() => agent.stop());

  for (const [deed, expected] of Object.entries(DEEDS)) {
    it(`${deed} affects that plugin only, and is logged`, async () => {
      await untilStatus(
        deed,
        ({ last_error }) => last_error !== undefined && expected.test(last_error),
        'is not named',
      );
      assert.ok(agent.output.includes(`plugin ${deed} failed in`), 'the log does not name it');
    });
  }

  it('a terminated plugin is started again', async () => {
    await untilStatus('exit', ({ isolation }) => (isolation?.restarts ?? 0) >= 2, 'is not started again');
  });

  it('other plugins are not affected', async () => {
    await untilStatus('well', ({ up }) => up, 'is not up');
    const all = await statuses();
    assert.equal(all.find(({ id }) => id === 'well')!.errors, 0);
    assert.equal(all.find(({ id }) => id === 'memory')!.errors, 0);
    const metrics = await agent.json<Metrics>('/api/v2.0/appmetrics/');
    const pid = all.find(({ id }) => id === 'well')!.isolation!.pid;
    const pids = Object.values(metrics['/']!.pid!).flat();
    assert.ok(pids.some(({ int_value }) => int_value === pid));
  });

  it('sampling continues while a plugin blocks its process', async () => {
    // A housekeeping that is held up takes one sample after each time that the plugin blocks, not several meanwhile.
    let during: number[] = [];
    const hasSampled = async () => {
      const { last_error_at } = (await statuses()).find(({ id }) => id === 'loop')!;
      const ended = Date.parse(last_error_at!);
      const { stats } = await agent.json<{ stats: { timestamp: string }[] }>('/api/v1.3/containers/?num_stats=-1');
      const times = stats.map(({ timestamp }) => Date.parse(timestamp));
      during = times.filter((time) => time > ended - 2000 && time < ended);
      return during.length > 1 || times.every((time) => time > ended);
    };
    await until(hasSampled, () => `${during.length} samples`);
  });
});

describe('isolation of the import', () => {
  it('reports a module that never finishes loading, and starts the agent', async () => {
    const agent = await AgentProcess.start(`
plugins:
  - { use: '${STUCK}', id: stuck, isolate: true, startTimeout: 3s, onError: ignore }
`);
    const [status] = (await agent.json<Status[]>('/api/plugins')).filter(({ id }) => id === 'stuck');
    assert.equal(status!.state, 'failed');
    assert.match(status!.last_error!, /blocked its process for more than 3000 ms \(in load\)/);
    await agent.stop();
  });

  it('reports invalid options with their position in the configuration', () => {
    const output = check(`plugins:\n${entry('well').replace('deed: well', 'deed: wel')}\n`);
    assert.match(output, /tallyman\.yaml:2:\d+: .*deed: expected one of .* did you mean "well"/);
  });

  it('rejects other kinds', () => {
    assert.match(check('plugins:\n  - { use: memory, isolate: true }\n'), /isolate is for app-metrics plugins/);
  });

  it('isolates a built-in plugin, whose process exits with the agent', async () => {
    const agent = await AgentProcess.start('plugins:\n  - { use: app-prometheus, isolate: true }\n');
    const [status] = (await agent.json<Status[]>('/api/plugins')).filter(({ id }) => id === 'app-prometheus');
    assert.equal(status!.state, 'running');
    const { pid } = status!.isolation!;
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), /worker\.js/);
    await agent.stop();
    assert.throws(() => process.kill(pid!, 0), /ESRCH/);
  });
});
