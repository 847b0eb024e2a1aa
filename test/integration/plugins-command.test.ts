import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';

const work = mkdtempSync(join(tmpdir(), 'tallyman-test-plugins-command-'));
after(() => rmSync(work, { recursive: true, force: true }));

function write(name: string, text: string, mode = 0o644): string {
  const file = join(work, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const fine = write(
  'fine.mjs',
  `export default { $tallyman: 'plugin', kind: 'endpoint', name: 'fine', apiVersion: 1, version: '3.2.1', description: 'Fine.',
  configSchema: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({ routes: { '/fine': () => { throw new Error('not so fine'); } } }) };`,
);
const broken = write('broken.mjs', 'throw new Error("out of order");');

/** @param runtime where agents leave their notes */
function plugins(runtime: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, TALLYMAN_RUNTIME_DIRECTORY: runtime };
  const { status, stdout, stderr } = spawnSync(process.execPath, [agentMain, 'plugins', ...args], {
    cwd: work,
    env,
    encoding: 'utf8',
  });
  return { status, out: stdout, error: stderr };
}

/** Where no agent has left a note. */
const nowhere = join(work, 'no-notes');

interface Row {
  readonly id: string;
  readonly state: string;
  readonly version: string;
  readonly kind: string;
  readonly errors?: number;
}

describe('tallyman plugins with an agent', () => {
  const token = write('token', 'sesame-open-please-0123456789\n', 0o600);
  let agent: AgentProcess;
  before(async () => {
    agent = await AgentProcess.start(`
web: { urlBasePrefix: /below, auth: { bearer: { file: ${token} } } }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: ${fine}, id: mine }
  - { use: ${broken} }
`);
    const answer = await fetch(`${agent.url}/below/fine`, {
      headers: { authorization: 'Bearer sesame-open-please-0123456789' },
    });
    assert.equal(answer.status, 500);
  });
  after(() => agent?.stop());

  it('lists running plugins with state, version, cost and last error, and available ones', () => {
    const { status, out, error } = plugins(agent.runtimeDirectory);
    assert.deepEqual([status, error], [0, '']);
    assert.match(
      out,
      /^The agent at http:\/\/127\.0\.0\.1:\d+ has \d+ plugins:\n\nPLUGIN +KIND +VERSION +STATE +CALLS +TIME +PER CALL +ERRORS\n/,
    );
    assert.match(out, /^cpu +metric-source +\d+\.\d+\.\d+ +running +\d+ +[\d.]+ ms +[\d.]+ µs +0$/m);
    assert.match(
      out,
      /^mine +endpoint +3\.2\.1 +running +\d+ +[\d.]+ ms +[\d.]+ µs +1\n {2}last error, \S+Z: .*not so fine$/m,
    );
    assert.match(out, /broken\.mjs +\S* +failed .*\n {2}last error, .*out of order$/m);
    assert.match(out, /^docker +container-handler +\d+\.\d+\.\d+ +available$/m);
  });

  it('asks the agent at --url with the given credentials', () => {
    const url = `${agent.url}/below`;
    const { status, out, error } = plugins(nowhere, '--url', url, '--token-file', token, '--json');
    assert.deepEqual([status, error], [0, '']);
    const rows = JSON.parse(out) as Row[];
    const stateOf = (id: string) => rows.find((row) => row.id === id)?.state;
    assert.deepEqual(['cpu', 'mine', broken, 'docker'].map(stateOf), ['running', 'running', 'failed', 'available']);
    assert.equal(rows.find(({ id }) => id === 'mine')?.errors, 1);
    const refused = plugins(nowhere, '--url', url);
    assert.equal(refused.status, 1);
    assert.match(refused.error, /requires authentication\n.*--token-file/);
  });

  it('reports several running agents, and that none answers', async () => {
    const other = await AgentProcess.start('log: { level: error }\n', ['--port', '0'], {
      TALLYMAN_RUNTIME_DIRECTORY: agent.runtimeDirectory,
    });
    try {
      const { status, error } = plugins(agent.runtimeDirectory);
      assert.equal(status, 1);
      assert.match(error, /several agents run: .*\n {4}choose one with --url/);
      for (const { url, file } of [agent, other]) assert.ok(error.includes(`(${file}, ${url})`), error);
      const chosen = plugins(agent.runtimeDirectory, '--config', other.file);
      assert.ok(chosen.out.startsWith(`The agent at ${other.url} has `), chosen.error);
    } finally {
      await other.stop();
    }
    assert.match(plugins(nowhere, '--url', other.url).error, /no agent answers at /);
  });
});

describe('tallyman plugins without an agent', () => {
  it('lists the plugins that the configuration loads, those that fail to load, and other available ones', () => {
    write(
      'tallyman.config.yaml',
      `plugins: [{ use: ./fine.mjs, id: mine }, { use: ./broken.mjs }, { use: docker, enabled: false }]\n`,
    );
    const { status, out } = plugins(nowhere);
    assert.equal(status, 0);
    assert.ok(out.startsWith(`No agent was found; ${join(work, 'tallyman.config.yaml')} would load:\n\nPLUGIN`), out);
    assert.match(out, /^raw +container-handler +\d+\.\d+\.\d+ +configured$/m);
    assert.match(out, /^mine +endpoint +3\.2\.1 +configured$/m);
    assert.match(out, /^\.\/broken\.mjs +broken\n {2}last error: its module cannot be loaded: out of order$/m);
    assert.match(out, /^docker +container-handler +\d+\.\d+\.\d+ +available$/m);
  });

  it('lists each built-in plugin once, and reports errors of the configuration', () => {
    const { out } = plugins(nowhere, '--config', write('empty.yaml', ''), '--json');
    const ids = (JSON.parse(out) as Row[]).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.includes('otlp') && ids.includes('cpu'));
    const wrong = plugins(nowhere, '--config', write('wrong.yaml', 'plugins: [{ use: cpuu }]\n'));
    assert.equal(wrong.status, 78);
    assert.match(wrong.error, /did you mean "cpu"/);
  });
});
