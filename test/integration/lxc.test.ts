// The handler lxc with a container of Debian's LXC on this kernel, compared with what `lxc-info` says of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { resolveHostPaths } from '../../src/kernel/linux/host-paths.js';
import { detectHierarchies } from '../../src/kernel/linux/index.js';
import { until } from '../../src/testing/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { removeCgroups } from '../support/engine-process.js';
import { needs } from '../support/needs.js';

const NAME = `tallyman-test-${process.pid}`;
const MEMORY = 64 * 1024 * 1024;
const V1 = `
lxc.cgroup.memory.limit_in_bytes = ${MEMORY}
lxc.cgroup.cpu.cfs_quota_us = 25000
lxc.cgroup.cpu.cfs_period_us = 100000
`;
const V2 = `
lxc.cgroup2.memory.max = ${MEMORY}
lxc.cgroup2.cpu.max = 25000 100000
`;
const CONFIG = `
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [/, /lxc*] } }
`;

interface Spec {
  readonly aliases?: readonly string[];
  readonly namespace?: string;
  readonly memory?: { readonly limit?: number };
  readonly cpu?: { readonly quota?: number; readonly period?: number };
}

const skip = needs('engine', 'root', 'cgroups', 'mounts', 'lxc-start', 'static busybox');

describe('a container of LXC', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-lxc-'));
  const host = resolveHostPaths();
  const hierarchies = detectHierarchies(host);
  let agent: AgentProcess;
  let cgroup = '';

  const lxc = (command: string, ...args: string[]) =>
    execFileSync(`lxc-${command}`, ['-P', folder, '-n', NAME, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const info = (field: string) => new RegExp(`^${field}: +(.*)$`, 'm').exec(lxc('info'))?.[1];
  /** The container's cgroup, as the kernel says. */
  const cgroupOf = (pid: number) => {
    const line = execFileSync('cat', [`/proc/${pid}/cgroup`], { encoding: 'utf8' }).split('\n')[0]!;
    return line.split(':')[2]!;
  };
  const spec = async (): Promise<Spec> => {
    const url = `/api/v2.1/spec/${NAME}?type=lxc`;
    const isLimited = (answer: Record<string, Spec>) => Object.values(answer)[0]?.cpu?.quota !== undefined;
    return Object.values(await agent.until<Record<string, Spec>>(url, isLimited, NAME))[0]!;
  };
  /** Series of the container by their name and the labels after those of the container. */
  const series = async (name: string, labels = '') => {
    const text = await (await fetch(`${agent.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{id="${cgroup}",`));
    return lines.filter((line) => line.includes(labels)).map((line) => Number(line.split('} ')[1]!.split(' ')[0]));
  };

  before(async () => {
    const config = join(folder, 'base.conf');
    const limits = hierarchies.version === 1 ? V1 : V2;
    writeFileSync(config, `lxc.net.0.type = empty\nlxc.apparmor.profile = unconfined\n${limits}`);
    lxc('create', '-f', config, '-t', 'busybox');
    agent = await AgentProcess.start(CONFIG);
    lxc('start');
    lxc('wait', '-s', 'RUNNING', '-t', '30');
    cgroup = cgroupOf(Number(info('PID'))).replace(/(lxc\.payload\.[^/]+).*/, '$1');
    await until(
      async () => (await series('container_last_seen')).length > 0,
      () => `the first sample of ${cgroup}`,
    );
  });

  after(async () => {
    await agent?.stop();
    if (existsSync(join(folder, NAME))) lxc('destroy', '-f');
    rmSync(folder, { recursive: true, force: true });
    // LXC leaves a cgroup behind through which its monitor left the container's.
    removeCgroups('/lxc.pivot');
  });

  it('has the name, state and limits that lxc-info and its configuration say', async () => {
    assert.equal(info('Name'), NAME);
    assert.equal(info('State'), 'RUNNING');
    const { aliases, namespace, memory, cpu } = await spec();
    assert.deepEqual({ aliases, namespace }, { aliases: [NAME], namespace: 'lxc' });
    assert.equal(memory?.limit, MEMORY);
    assert.deepEqual([cpu?.quota, cpu?.period], [25_000, 100_000]);
    assert.deepEqual(await series('container_state', 'state="running"'), [1]);
  });

  it('has its name in /metrics, and the network of its own first process', async () => {
    const lines = (await (await fetch(`${agent.url}/metrics`)).text()).split('\n');
    const own = lines.filter((line) => line.includes(`{id="${cgroup}",`));
    assert.ok(own.length > 20 && own.every((line) => line.includes(`name="${NAME}"`)));
    await until(
      async () => {
        const stats = await agent.json<Record<string, { network?: { interfaces: { name: string }[] } }[]>>(
          `/api/v2.0/stats/${NAME}?type=lxc&count=1`,
        );
        const interfaces = Object.values(stats)[0]?.at(-1)?.network?.interfaces;
        return interfaces?.every(({ name }) => !name.startsWith('eth')) === true;
      },
      () => 'network counters of the container',
    );
  });

  it('is paused while lxc-freeze has it frozen', async () => {
    lxc('freeze');
    assert.equal(info('State'), 'FROZEN');
    await until(
      async () => (await series('container_state', 'state="paused"'))[0] === 1,
      () => 'the state paused',
    );
    lxc('unfreeze');
    await until(
      async () => (await series('container_state', 'state="running"'))[0] === 1,
      () => 'the state running',
    );
  });

  it('is gone with its cgroup, and its monitor was never there', async () => {
    const all = Object.keys(await agent.json<object>('/api/v2.1/stats?type=name&recursive=true&count=1'));
    assert.ok(all.includes(cgroup));
    assert.deepEqual(
      all.filter((name) => /lxc\.monitor|lxc\.pivot/.test(name)),
      [],
    );
    lxc('stop', '-k');
    await until(
      async () => (await fetch(`${agent.url}/api/v2.1/spec/${NAME}?type=lxc`)).status !== 200,
      () => `${NAME} to be gone`,
    );
  });
});
