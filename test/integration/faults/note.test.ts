// A note that the agent cannot renew: `tallyman reload` says all the same how the reload ended, or at once that it cannot.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { until } from '../../../src/testing/index.js';
import { agentMain } from '../../project.js';
import { AgentProcess } from '../../support/agent-process.js';
import { needs } from '../../support/needs.js';

const config = (more = '', address = '127.0.0.1:0') => `web: { listen: ['${address}'] }
log: { format: json }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/'] } }
${more}`;
const LONGER = 'history: { duration: 5m }\n';
/** Less than the command waits for an agent that says nothing. */
const PROMPT_MS = 30_000;

describe('tallyman reload when the record of the running agent cannot be updated', {
  skip: needs('root', 'mounts'),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  const disk = join(folder, 'disk');
  const succeeds = (program: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  before(() => mkdirSync(disk));
  beforeEach(() => succeeds('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tallyman-test', disk));
  afterEach(() => succeeds('umount', disk));
  after(() => rmSync(folder, { recursive: true }));

  /** An agent that has written its note, which it does once it serves. */
  async function start(text: string): Promise<AgentProcess> {
    const agent = await AgentProcess.start(text, [], env);
    await until(
      () => existsSync(join(disk, `agent-${agent.pid}.json`)),
      () => agent.output,
    );
    return agent;
  }

  const env = { TALLYMAN_RUNTIME_DIRECTORY: disk };
  const FAULTS = {
    'because the disk is full': () => void spawnSync('sh', ['-c', `cat /dev/zero > ${disk}/filler`]),
    'because the disk is read-only': () => succeeds('mount', '-o', 'remount,ro', disk),
  };

  function reload() {
    const options = { env: { ...process.env, ...env }, encoding: 'utf8', timeout: PROMPT_MS } as const;
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [agentMain, 'reload'], options);
    assert.equal(signal, null, 'it waits, and says nothing');
    return { status, out: stdout, error: stderr };
  }

  for (const [why, breakIt] of Object.entries(FAULTS)) {
    it(`${why} asks the agent for the result`, async () => {
      const agent = await start(config());
      try {
        breakIt();
        agent.configure(config(LONGER));
        const good = reload();
        assert.equal(good.out, `${agent.file} is active: history.duration 2m → 5m\n`, good.error);
        assert.match(good.error, /^tallyman: .*\/agent-\d+\.json stays as it was: .*; the agent at http:\S+ was asked/);
        assert.equal(good.status, 0);
        assert.equal(reload().out, `${agent.file} is active: nothing has changed\n`, 'not the outcome from before');
        agent.configure('housekeeping: { interval: fast }\n');
        const bad = reload();
        assert.equal(bad.status, 78, bad.error);
        assert.match(bad.error, /the configuration from before stays active: .*housekeeping\.interval: expected/);
      } finally {
        await agent.stop();
      }
    });

    it(`${why} and the agent is unreachable reports it at once`, async () => {
      const socket = join(folder, 'http.sock');
      const agent = await start(config('', `unix:${socket}`));
      try {
        rmSync(socket);
        breakIt();
        const { status, error } = reload();
        assert.equal(status, 1, error);
        assert.match(
          error,
          /process \d+ was signalled to reload; the outcome is not known: .*stays as it was: .*ENOENT/,
        );
        await agent.said('SIGHUP: ');
      } finally {
        await agent.stop();
      }
    });
  }
});
