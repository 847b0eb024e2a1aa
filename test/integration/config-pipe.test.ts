// Configurations that are no regular files: pipes, and files of the kernel that never end.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { agentMain } from '../project.js';

const directory = mkdtempSync(join(tmpdir(), 'tallyman-pipe-'));
after(() => rmSync(directory, { recursive: true }));

function pipe(name: string): string {
  const path = join(directory, name);
  execFileSync('mkfifo', ['-m', '600', path]);
  return path;
}

async function check(file: string, during = () => {}) {
  const child = spawn(process.execPath, [agentMain, '--config', file, 'check'], { stdio: ['ignore', 'pipe', 'pipe'] });
  during();
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, status: status as number | null };
}

describe('a configuration from a pipe', () => {
  it('is read to its end, also when the writer opens it later and writes in pieces', async () => {
    const path = pipe('written');
    // Its opening waits for the reader.
    const script = '{ echo housekeeping:; ls / >/dev/null; echo "  interval: 7s"; echo "  maxInterval: 7s"; } >"$1"';
    const writer = () => void spawn('sh', ['-c', script, 'sh', path], { stdio: 'ignore' });
    const { stdout, stderr, status } = await check(path, writer);
    assert.equal(stderr, '');
    assert.match(stdout, /^ {2}interval: 7s$/m);
    assert.equal(status, 0);
  });

  it('is an error when there is no writer', async () => {
    const { stderr, status } = await check(pipe('silent'));
    assert.match(stderr, /silent: gave no end of its text within 5 s; is it a config file\?/);
    assert.equal(status, 78);
  });

  it('is an error when it never ends', async () => {
    const path = pipe('endless');
    const writer = openSync(path, constants.O_RDWR);
    writeSync(writer, 'log: {}\n');
    const { stderr, status } = await check(path);
    closeSync(writer);
    assert.match(stderr, /endless: gave no end of its text within 5 s/);
    assert.equal(status, 78);
  });
});
