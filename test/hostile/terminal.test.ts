// Whoever makes a cgroup chooses its name, and the names are printed: none of them may command a terminal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { LIMIT_MS } from './limit.js';

const TITLE = '\u001b]0;owned\u0007';
/** Sets the title, clears the screen, colours, turns the direction, and goes back to the beginning of the line. */
const NAME = `/tallyman-test-${process.pid}-${TITLE}\u001b[2J\u009b31m\u202e\r`;
const COMMANDS: readonly (readonly string[])[] = [
  ['cardinality', '--url'],
  ['cardinality', '--json', '--url'],
  ['plugins', '--url'],
  ['plugin', 'run', 'memory', '--all'],
];

describe('a cgroup whose name holds control characters', { timeout: LIMIT_MS, skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(NAME);
  let agent: AgentProcess;

  before(async () => {
    cgroup.create(['memory', 'cpu']);
    // No other cgroup of the host: `cardinality` prints the containers with the most series only.
    const plugins = `[{ use: docker, enabled: false }, { use: raw, with: { include: ['/tallyman-test-${process.pid}-*'] } }]`;
    agent = await AgentProcess.start(`log: { format: pretty, level: debug }\nplugins: ${plugins}\n`);
    await agent.until<object>(
      '/api/v1.3/subcontainers/',
      (containers) => JSON.stringify(containers).includes('owned'),
      'the cgroup',
    );
  });
  after(async () => {
    await agent?.stop();
    await cgroup.remove();
  });

  async function run(args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [agentMain, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return out + error;
  }

  it('is printed with control characters escaped by every command', async () => {
    const printed = await Promise.all(
      COMMANDS.map((command) => run(command.at(-1) === '--url' ? [...command, agent.url] : command)),
    );
    for (const [index, command] of COMMANDS.entries()) {
      assert.doesNotMatch(printed[index]!, /[^\P{Cc}\t\n]|\u202e/u, command.join(' '));
      if (!command.includes('plugins')) assert.match(printed[index]!, /\\u001b\]0;owned/, command.join(' '));
    }
  });

  it('is logged with control characters escaped', async () => {
    await agent.stop();
    assert.doesNotMatch(agent.output, /[^\P{Cc}\t\n]|\u202e/u);
  });
});
