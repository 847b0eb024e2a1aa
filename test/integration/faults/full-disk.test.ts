// A disk without room for the log and the agent's note, and a log that nobody can write: the agent serves on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../../src/kernel/contracts/index.js';
import { agentMain } from '../../project.js';
import { AgentProcess } from '../../support/agent-process.js';
import { BusyCgroup } from '../../support/busy-cgroup.js';
import { freePort } from '../../support/free-port.js';
import { needs } from '../../support/needs.js';

const CONFIG = `housekeeping: { interval: 100ms, maxInterval: 100ms }
log: { format: json, limit: { alike: 0, perPart: 0 } }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
`;
const BAD_CONFIG = 'housekeeping: { interval: fast }\n';

const busy = new BusyCgroup('disk');

/** A reload that is refused logs a line. */
async function sayAnything(agent: AgentProcess): Promise<void> {
  agent.configure(BAD_CONFIG);
  assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 422);
  agent.configure(CONFIG);
}

async function lostLines(agent: AgentProcess): Promise<number> {
  const metrics = await (await fetch(`${agent.url}/metrics`)).text();
  return Number(/^tallyman_log_lines_lost_total (\d+)/m.exec(metrics)?.[1]);
}

async function finding(agent: AgentProcess): Promise<Finding | undefined> {
  const { findings } = await agent.json<{ findings: Finding[] }>('/-/doctor');
  return findings.find(({ id }) => id === 'log-lost');
}

describe('an agent that cannot write its log', { skip: needs('cgroups') }, () => {
  before(() => busy.start());
  after(() => busy.remove());

  describe('a full disk', { skip: needs('root', 'mounts') }, () => {
    const disk = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
    const run = (...command: [string, ...string[]]) => {
      const [program, ...args] = command;
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    };
    before(() => run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tallyman-test', disk));
    after(() => {
      run('umount', disk);
      rmSync(disk, { recursive: true });
    });

    /** Takes every byte there is. */
    const fill = () => spawnSync('sh', ['-c', `cat /dev/zero > ${disk}/filler`]);
    const logged = () =>
      readFileSync(join(disk, 'log'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as { part: string; msg: string });

    it('loses log lines, and reports their number when there is space', async () => {
      const runtime = join(disk, 'runtime');
      mkdirSync(runtime);
      const stderr = openSync(join(disk, 'log'), 'a');
      const agent = await AgentProcess.start(CONFIG, undefined, { TALLYMAN_RUNTIME_DIRECTORY: runtime }, { stderr });
      closeSync(stderr);
      try {
        await sayAnything(agent);
        assert.deepEqual([await lostLines(agent), await finding(agent)], [0, undefined]);
        const before = logged().length;
        fill();
        for (let i = 0; i < 40; i++) await sayAnything(agent);
        const lost = await lostLines(agent);
        assert.ok(lost > 0, String(lost));
        const found = await finding(agent);
        assert.match(found!.what, /^the log cannot be written to .*\/log: ENOSPC: .*; \d+ lines are lost so far$/);
        assert.equal(
          found!.mend,
          `df -h ${join(disk, 'log')}, and make room; what was lost is counted in the log then`,
        );
        await busy.assertCounted(agent);
        rmSync(join(disk, 'filler'));
        await sayAnything(agent);
        assert.equal(await finding(agent), undefined);
        const lines = logged().slice(before);
        const reported = lines.filter(({ part }) => part === 'log');
        assert.equal(reported.length, 1, JSON.stringify(lines));
        assert.match(reported[0]!.msg, /^\d+ lines? could not be written since \S+Z: ENOSPC: /);
        assert.equal(await lostLines(agent), Number.parseInt(reported[0]!.msg, 10));
        const notes = lines.filter(({ msg }) => msg.includes('may not find this agent'));
        assert.ok(notes.length <= 1, 'said once');
        await busy.assertCounted(agent);
      } finally {
        await agent.stop();
      }
    });
  });

  for (const [name, number] of [
    ['standard error', 2],
    ['standard output', 1],
  ] as const) {
    it(`continues when ${name} is /dev/full`, async () => {
      const through = ['sh', '-c', `exec "$@" ${number}>/dev/full`, 'sh'];
      const port = await freePort();
      const config = `web: { listen: ['127.0.0.1:${port}'] }\n${CONFIG}`;
      const agent = AgentProcess.launch(config, [], {}, { through });
      try {
        await agent.answering(`http://127.0.0.1:${port}`);
        await sayAnything(agent);
        await busy.assertCounted(agent);
        if (number === 2) assert.ok((await lostLines(agent)) > 0);
        else assert.ok(agent.output.includes(`serves http://127.0.0.1:${port}`), 'the log says it instead');
        agent.signal('SIGTERM');
        assert.deepEqual(await agent.ended(), { code: 0, signal: null });
      } finally {
        await agent.stop();
      }
    });
  }

  it('continues when the pipe has no reader, and reports the lost lines to the next reader', async () => {
    const folder = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
    const fifo = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const pipe = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    fillPipe(pipe);
    // Opened anew: whether it blocks is the agent's own matter.
    const stderr = openSync(fifo, constants.O_WRONLY);
    const agent = await AgentProcess.start(CONFIG, undefined, {}, { stderr });
    closeSync(stderr);
    try {
      await sayAnything(agent);
      assert.ok((await lostLines(agent)) > 0);
      assert.match((await finding(agent))!.what, /EAGAIN/);
      await busy.assertCounted(agent);
      drain(pipe);
      await sayAnything(agent);
      assert.match(drain(pipe), /"part":"log","msg":"\d+ lines? could not be written since .*EAGAIN/);
      assert.equal(await finding(agent), undefined);
    } finally {
      await agent.stop();
      closeSync(pipe);
      rmSync(folder, { recursive: true });
    }
  });
});

function fillPipe(pipe: number): void {
  const bytes = Buffer.alloc(4096, '\n');
  assert.throws(
    () => {
      for (;;) writeSync(pipe, bytes);
    },
    { code: 'EAGAIN' },
  );
}

/** What is in a pipe. */
function drain(pipe: number): string {
  const bytes = Buffer.alloc(1 << 20);
  let length = 0;
  assert.throws(
    () => {
      for (;;) length += readSync(pipe, bytes, length, bytes.length - length, null);
    },
    { code: 'EAGAIN' },
  );
  return bytes.toString('utf8', 0, length);
}

it('a command whose output cannot be written fails with an error', () => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `"$@" > /dev/full`, 'sh', process.execPath, agentMain, 'config', 'sample'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 74);
  assert.match(stderr, /^tallyman: standard output cannot be written: ENOSPC/);
});
