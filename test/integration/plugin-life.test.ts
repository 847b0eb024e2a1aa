// Plugins that hang: while they are loaded, started or stopped, below the agent as a user runs it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';

const directory = mkdtempSync(join(tmpdir(), 'tallyman-life-'));
after(() => rmSync(directory, { recursive: true }));

/** A stranger's endpoint: `first` runs when its module is imported, `members` are those of its instance. */
function plugin(name: string, first: string, members = '', kind = 'endpoint'): string {
  const file = join(directory, `${name}.mjs`);
  writeFileSync(
    file,
    `${first}
     const configSchema = { safeParse: (data) => ({ success: true, data }) };
     export default { $tallyman: 'plugin', kind: '${kind}', name: '${name}', apiVersion: 1, description: 'for a test',
       configSchema, create: () => ({ routes: {}, ${members} }) };`,
    { mode: 0o644 },
  );
  return file;
}

const QUIET = '  - { use: docker, enabled: false }\n  - { use: podman, enabled: false }\n';
const config = (...entries: string[]) => `plugins:\n${QUIET}${entries.map((entry) => `  - { ${entry} }\n`).join('')}`;

/** Runs a command of the program to its end. */
async function command(configuration: string, ...args: string[]) {
  const file = join(directory, 'command.yaml');
  writeFileSync(file, configuration, { mode: 0o644 });
  const child = spawn(process.execPath, [agentMain, '--config', file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, status: status as number | null };
}

describe('a plugin with a top-level await that never settles', () => {
  const hanging = plugin('hanging', 'await new Promise(() => {});');
  const entry = `use: ${hanging}, startTimeout: 300ms`;

  it('is reported in the log, and the agent runs without it', async () => {
    const agent = await AgentProcess.start(config(entry));
    try {
      const [line] = await agent.said('did not end within 300 ms');
      assert.match(line!, /hanging\.mjs/);
      assert.equal((await fetch(`${agent.url}/healthz`)).status, 200);
    } finally {
      await agent.stop();
    }
  });

  it('is an error of `tallyman check` with onError: fail, else a warning', async () => {
    const required = await command(config(`${entry}, onError: fail`), 'check');
    assert.match(required.stderr, /hanging\.mjs.*: its module cannot be loaded: .* did not end within 300 ms/s);
    assert.equal(required.status, 78);
    const optional = await command(config(`${entry}, onError: ignore`), 'check');
    assert.match(optional.stderr, /hanging\.mjs: its module cannot be loaded: .* did not end within 300 ms/);
    assert.equal(optional.status, 0);
  });

  it('fails the reload with its name, and the next reload succeeds', async () => {
    const agent = await AgentProcess.start(config());
    try {
      const reload = async () => (await fetch(`${agent.url}/-/reload`, { method: 'POST' })).text();
      agent.configure(config(`${entry}, onError: fail`));
      const stuck = reload();
      const after = reload();
      assert.match(await stuck, /hanging\.mjs.*did not end within 300 ms/s);
      assert.match(await after, /did not end within 300 ms/);
      agent.configure(`${config()}housekeeping: { interval: 2s }\n`);
      assert.match(await reload(), /housekeeping\.interval 1s → 2s/);
    } finally {
      await agent.stop();
    }
  });
});

describe('a plugin with a CommonJS module that throws', () => {
  it('is a warning of `tallyman check`', async () => {
    writeFileSync(join(directory, 'throws.cjs'), `throw new Error('out of order');`, { mode: 0o644 });
    const { status, stderr } = await command(config(`use: ${plugin('throwing', `import './throws.cjs';`)}`), 'check');
    assert.match(stderr, /^tallyman: plugin \S+throwing\.mjs: its module cannot be loaded: out of order\n$/);
    assert.equal(status, 0);
  });
});

describe('a plugin that leaves a timer and a server open', () => {
  const FIRST = `import { createServer } from 'node:net'; setInterval(() => {}, 1000);`;
  const leaving = plugin('leaving', FIRST, 'start: () => void createServer().listen(0)');

  it('is reported by `tallyman check`, which exits', async () => {
    const { status, stdout, stderr } = await command(config(`use: ${leaving}, id: leaver`), 'check');
    assert.equal(stderr, 'tallyman: plugin leaver left open: 1 timer; the process ends without waiting for it\n');
    assert.equal(status, 0);
    assert.match(stdout, /leaver/);
  });

  it('is reported when the agent stops, and does not delay its exit', async () => {
    const agent = await AgentProcess.start(config(`use: ${leaving}, id: leaver`));
    agent.signal('SIGTERM');
    assert.deepEqual(await agent.ended(), { code: 0, signal: null });
    assert.match(agent.output, /plugin leaver left open: 1 timer, 1 TCP server/);
  });
});

describe('a plugin whose start never settles', () => {
  it('does not delay the exit of the agent', async () => {
    const starting = plugin(
      'starting',
      '',
      `start: () => { console.error('it starts'); return new Promise(() => {}); }`,
    );
    const agent = AgentProcess.launch(config(`use: ${starting}, startTimeout: 1h`), ['--port', '0']);
    await agent.said('it starts');
    agent.signal('SIGTERM');
    assert.deepEqual(await agent.ended(), { code: 0, signal: null });
  });
});

describe('a sink whose receiver is slow', () => {
  it('is flushed on exit although plugins and a request hang', async () => {
    const sent = join(directory, 'sent');
    const slow = plugin(
      'slow-sink',
      `import { writeFileSync } from 'node:fs';`,
      `interval: 60_000, push: async () => {},
       stop: () => new Promise((done) => setTimeout(() => { writeFileSync('${sent}', 'all'); done(); }, 800))`,
      'sink',
    );
    const hanging = [1, 2, 3].map((n) =>
      plugin(
        `hangs-${n}`,
        '',
        `stop: () => new Promise(() => {}), ...(${n} === 1 && { routes: { '/hang': () => new Promise(() => {}) } })`,
      ),
    );
    const agent = await AgentProcess.start(config(...[slow, ...hanging].map((file) => `use: ${file}`)));
    const request = fetch(`${agent.url}/hang`).catch(() => undefined);
    agent.signal('SIGTERM');
    assert.deepEqual(await agent.ended(), { code: 0, signal: null });
    await request;
    assert.equal(readFileSync(sent, 'utf8'), 'all');
    for (const n of [1, 2, 3]) assert.match(agent.output, new RegExp(`hangs-${n}\\.mjs did not stop within`));
  });
});

describe('a plugin in a process of its own', () => {
  it('is imported once for the check and once to run', async () => {
    const imports = join(directory, 'imports');
    const counted = plugin(
      'counted',
      `import { appendFileSync } from 'node:fs'; appendFileSync('${imports}', 'x');`,
      'targets: () => [], collect: async () => ({})',
      'app-metrics',
    );
    const agent = await AgentProcess.start(config(`use: ${counted}, isolate: true`));
    await agent.stop();
    assert.equal(readFileSync(imports, 'utf8'), 'xx');
  });
});
