import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/clock.js';
import { SimulatedHost } from '../../src/testing/index.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { FakeEngine, fakeContainer } from '../support/fake-engine.js';
import { needs } from '../support/needs.js';

const MAIN = join(projectRoot, '.test-build/src/cli/main.js');
const [WEB, DB] = ['a'.repeat(64), 'b'.repeat(64)];
const HOSTILE = '\x1b[2J\x1b]0;title\x07\u202eevil';

/** A terminal of its own, in which one command runs. */
class TerminalSession {
  private readonly socket = join(mkdtempSync(join(tmpdir(), 'tallyman-test-tmux-')), 'socket');

  start(width: number, height: number, env: Record<string, string>, ...args: string[]): void {
    const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', String(width), '-y', String(height)];
    // tmux may miss the status of a command that ends; the shell does not.
    const shell = ['sh', '-c', '"$@"; echo "status $?"; exec cat', 'sh', process.execPath, MAIN, 'top', ...args];
    this.tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...variables, ...shell);
  }

  keys(...keys: string[]): void {
    this.tmux('send-keys', ...keys);
  }

  resize(width: number, height: number): void {
    this.tmux('resize-window', '-x', String(width), '-y', String(height));
  }

  /** @param attributes with the sequences of colours and attributes */
  screen(attributes = false): string {
    return this.tmux('capture-pane', '-p', ...(attributes ? ['-e'] : []));
  }

  async shows(pattern: RegExp): Promise<string> {
    await until(
      () => pattern.test(this.screen()),
      () => `${pattern} on\n${this.screen()}`,
    );
    return this.screen();
  }

  end(): void {
    spawnSync('tmux', ['-S', this.socket, 'kill-server']);
    rmSync(join(this.socket, '..'), { recursive: true, force: true });
  }

  private tmux(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', this.socket, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }
}

describe('tallyman top', () => {
  const host = new SimulatedHost(2);
  const engine = new FakeEngine();
  let agent: AgentProcess;

  before(async () => {
    host.write({ 'proc/uptime': '100.00 100.00\n', 'proc/meminfo': 'MemTotal: 1024 kB\n' });
    const cgroup = (name: string, usage: number) =>
      host.writeCgroup(name, 'cpu', {
        'cgroup.controllers': 'cpu memory pids\n',
        'cpu.stat': 'usage_usec 1000\nuser_usec 1000\nsystem_usec 0\n',
        'memory.current': `${usage}\n`,
        'memory.stat': 'inactive_file 0\n',
        'memory.max': '1048576\n',
      });
    cgroup('/', 500_000);
    cgroup('/init.scope', 1024);
    cgroup(`/docker/${WEB}`, 1_000_000);
    cgroup(`/docker/${DB}`, 2048);
    const labels = { 'com.docker.compose.project': 'shop', team: HOSTILE };
    const config = { Image: 'shop/web:1', Labels: labels, Env: [] };
    engine.containers.set(WEB, fakeContainer(WEB, 'web', { Config: config }));
    engine.containers.set(
      DB,
      fakeContainer(DB, 'db', { Config: { ...config, Image: `shop/db:${HOSTILE}` }, RestartCount: 4 }),
    );
    await engine.listen();
    agent = await AgentProcess.start(
      `host: { root: ${host.root} }\nhousekeeping: { interval: 200ms }\nplugins: [{ use: docker, with: { endpoint: '${engine.endpoint}' } }]\n`,
    );
    await agent.until<unknown[]>('/api/v1.3/docker/', (all) => Object.keys(all).length === 2, 'two containers');
  });
  after(async () => {
    await agent?.stop();
    await engine.dispose();
    host.remove();
  });

  const env = () => ({ TALLYMAN_RUNTIME_DIRECTORY: agent.runtimeDirectory });

  /** Runs the command without a terminal. The engine answers meanwhile. */
  async function run(args: readonly string[], runtime = agent.runtimeDirectory, command = 'top') {
    const child = spawn(process.execPath, [MAIN, command, ...args], {
      env: { PATH: process.env.PATH, TALLYMAN_RUNTIME_DIRECTORY: runtime },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, error] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      error += text;
    });
    const [status] = await once(child, 'close');
    return { status, out, error };
  }

  it('prints a list of all containers as JSON', async () => {
    const { out, error } = await run(['--once', '--json', '--sort', 'memory']);
    assert.equal(error, '');
    const list = JSON.parse(out) as Record<string, unknown>[];
    const names = list.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 3), ['web', 'db', '/init.scope']);
    assert.ok(names.includes('/'));
    const { name, path, cpu, memory, memory_limit, state, labels } = list[0]!;
    assert.deepEqual(
      [name, path, memory, memory_limit, state],
      ['web', `/docker/${WEB}`, 1_000_000, 1_048_576, 'running'],
    );
    assert.equal((labels as Record<string, string>).team, HOSTILE);
    assert.ok(cpu === null || typeof cpu === 'number');
  });

  it('prints a table without terminal escape sequences', async () => {
    const { out } = await run(['--once', '--filter', 'runtime:docker']);
    const [head, ...rows] = out.trimEnd().split('\n');
    assert.match(head!, /^NAME +STATE +CPU%/);
    assert.deepEqual(
      rows.map((row) => row.split(' ')[0]),
      ['db', 'web'],
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\u202e]/);
  });

  it('has commands beside it that name a container as its runtime does, and say why there is no advice yet', async () => {
    const why = await run(['db'], undefined, 'why');
    assert.equal(why.out.split('\n')[0], `Nothing is wrong with db (/docker/${DB}).`);
    const advice = await run([], undefined, 'advise');
    assert.match(
      advice.out,
      /^All 3 containers have no advice, most of them because: only 0 min of data: ask again in/,
    );
  });

  it('prints how to start an agent when none is running, and reports invalid options', async () => {
    const nowhere = join(host.root, 'nowhere');
    const none = await run([], nowhere);
    assert.deepEqual([none.status, none.out], [1, '']);
    assert.match(none.error, /no agent .* runs on this host\n.*systemctl start tallyman/);
    assert.match((await run([])).error, /not a terminal\n.*--once/);
    assert.match((await run(['--once', '--sort', 'x'])).error, /--sort "x" is not one of cpu, memory/);
    assert.match((await run(['--once', '--interval', '0'])).error, /--interval "0" is not a number of seconds/);
  });

  describe('in a terminal', { skip: needs('tmux') }, () => {
    let terminal: TerminalSession;

    before(() => {
      terminal = new TerminalSession();
    });
    after(() => terminal?.end());

    it('is controlled by keys: moves, sorts, filters, groups, resizes and exits', async () => {
      terminal.start(80, 24, { ...env(), NO_COLOR: '1' }, '--sort', 'memory', '--interval', '0.2');
      const first = await terminal.shows(/^web +run .* 95 .*\ndb +run /m);
      assert.match(first, /^NAME +STAT +CPU% +LIM% +THR% +MEM +LIM% +PSI% +DISK\/s +NET\/s +PROC +RST$/m);
      assert.match(first, /2 running, 0 stopped/);
      assert.doesNotMatch(first, /init\.scope/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: of these it is about
      assert.doesNotMatch(terminal.screen(true), /\x1b\[[34][0-7]m/, 'a colour in spite of NO_COLOR');

      terminal.keys('n');
      await terminal.shows(/^db .*\nweb /m);
      terminal.keys('a');
      await terminal.shows(/^\/init\.scope /m);
      terminal.keys('t');
      await terminal.shows(/^\/ .*\n {2}\/docker .*\n {4}db .*\n {4}web .*\n {2}\/init\.scope /m);
      terminal.keys('t', 'g');
      await terminal.shows(/^- shop \(2\) [\s\S]*^ {2}db .*\n {2}web /m);
      terminal.keys('g', 'g', 'g', 'g', '/');
      await terminal.shows(/filter: _/);
      terminal.keys('label:team', 'Space', '!db', 'Enter');
      const filtered = await terminal.shows(/1 shown by name .*filter: label:team !db/);
      assert.match(filtered, /^web /m);
      assert.doesNotMatch(filtered, /^db /m);
      terminal.keys('Enter');
      const detail = await terminal.shows(/^cpu +[\d.]+%.*of|^memory +977K of 1.0M +█/m);
      assert.match(detail, /^labels +com\.docker\.compose\.project=shop team=\\u001b\[2J/m);
      assert.match(detail, /^image +shop\/web:1/m);
      terminal.keys('Escape');
      await terminal.shows(/^NAME /m);
      terminal.keys('?');
      await terminal.shows(/reverse the order/);
      terminal.keys('x');
      terminal.resize(170, 10);
      await terminal.shows(/^NAME .* IMAGE *$/m);
      terminal.keys('Escape', 'p');
      const wide = await terminal.shows(/PAUSED/);
      assert.match(wide, /^db .* shop\/db:\\u001b\[2J/m);
      terminal.keys('q');
      await terminal.shows(/^status 0$/m);
    });
  });
});
