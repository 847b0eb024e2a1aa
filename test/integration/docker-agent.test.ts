import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { until } from '../support/discovery.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { removeCgroups } from '../support/engine-process.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

interface Spec {
  aliases?: string[];
  namespace?: string;
  image?: string;
  labels?: Record<string, string>;
  cpu: { limit: number; quota?: number; period?: number; mask?: string };
  memory: { limit: number };
  processes: { limit?: number };
  has_network: boolean;
}
interface Sample {
  timestamp: string;
  network?: { interfaces?: { name: string; rx_bytes: number; tx_bytes: number }[] };
  filesystem?: { usage: number; base_usage: number }[];
}

interface FirstSamples {
  stats: { filesystem?: { totalUsageBytes: number; baseUsageBytes: number; containter_inode_usage: number } }[];
}

/** An address range of its own per run: another engine may use another one on this machine. */
const subnet = (index: number) => `10.${100 + (process.pid % 100)}.${index}.0/24`;
const PARENT = `/tallyman-test-${process.pid}-parent`;
const STORM = 25;
const ROUNDS = 2;
/** Samples after which a container has opened whatever it will. */
const SETTLED = 10;
/** Connections to the agent and of the agent to the engine that are kept open for the next question. */
const IDLE_CONNECTIONS = 4;
/** What garbage not yet collected may add, kB. */
const MEMORY_ALLOWANCE = 24 * 1024;

/** When a process began, seconds since the epoch, a clock tick after it at most. */
function startOf(pid: number): number {
  const ticks = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]);
  const uptime = Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
  return Date.now() / 1000 - uptime + (ticks + 1) / 100;
}

describe('the agent beside a real Docker engine', { skip: needs(...DOCKER_ENGINE) }, () => {
  let engine: DockerEngine;
  let agent: AgentProcess;

  before(async () => {
    engine = await DockerEngine.start(['--bridge=none', '--iptables=false', '--live-restore']);
    // With little room the collector runs often, so that resident memory shows what is kept and not what is yet to be
    // collected; a leak of the size that the storm looks for ends the agent.
    const room = { NODE_OPTIONS: '--max-old-space-size=64' };
    // On a slow machine the engine answers about a container only seconds after its cgroup was made, when it has started.
    const config = `
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}', grace: 1m } }
  - { use: podman, enabled: false }
  - { use: disk, with: { interval: 200ms } }
  - { use: raw, with: { include: [/] } }
`;
    agent = await AgentProcess.start(config, ['--port', '0'], room);
  });
  after(async () => {
    await agent?.stop();
    await engine?.stop();
    removeCgroups(PARENT);
  });

  const specs = (name: string) => `/api/v2.0/spec/${name}?type=docker`;
  const only = <T>(answer: Record<string, T>): T => Object.values(answer)[0]!;

  /** The spec of a container, once it has one. */
  const spec = async (name: string, fits: (spec: Spec) => boolean = () => true): Promise<Spec> =>
    only(await agent.until<Record<string, Spec>>(specs(name), (answer) => fits(only(answer)), name));

  /** The newest sample of a container that fits. */
  async function sample(name: string, fits: (sample: Sample) => boolean): Promise<Sample> {
    const url = `/api/v2.0/stats/${name}?type=docker&count=1`;
    const answer = await agent.until<Record<string, Sample[]>>(
      url,
      (stats) => only(stats).some((entry) => fits(entry)),
      name,
    );
    return only(answer)[0]!;
  }

  it('finds a container by name, id and the beginning of an id, in every version', async () => {
    const id = await engine.run('--name=found', '-l', 'com.acme.tier=front', IMAGE);
    const { aliases, namespace, image, labels } = await spec('found');
    assert.deepEqual(
      { aliases, namespace, image, labels },
      { aliases: ['found', id], namespace: 'docker', image: IMAGE, labels: { 'com.acme.tier': 'front' } },
    );
    const path = await engine.cgroup(id);
    for (const name of ['found', id, id.slice(0, 12)]) {
      assert.deepEqual(Object.keys(await agent.json<object>(specs(name))), [path]);
      const v1 = await agent.json<Record<string, { name: string }>>(`/api/v1.3/docker/${name}`);
      assert.equal(only(v1).name, path);
    }
    await assert.rejects(
      agent.json(specs('no-such-name')),
      /unable to find container "no-such-name" in "docker" namespace/,
    );
  });

  it('reports a start that is not after the first process began', async () => {
    for (let round = 0; round < 3; round++) {
      const name = `begun${round}`;
      const id = await engine.run(`--name=${name}`, IMAGE);
      const began = startOf(Number(await engine.inspect(name, '.State.Pid')));
      const created = Date.parse(await engine.inspect(name, '.Created')) / 1000;
      const line = new RegExp(`^container_start_time_seconds\\{.*id="[^"]*${id}".*\\} (\\d+)$`, 'm');
      await spec(name);
      const reported = line.exec(await (await fetch(`${agent.url}/metrics`)).text())?.[1];
      assert.ok(Number(reported) <= Math.floor(began), `${reported} is after the start at ${began}`);
      assert.ok(Number(reported) >= Math.floor(created), `${reported} is before the creation at ${created}`);
    }
  });

  it('reads the limits that were asked for, below a parent of the user’s choice', async () => {
    const limits = ['--memory=64m', '--cpu-shares=512', '--cpu-period=50000', '--cpu-quota=25000', '--cpuset-cpus=0'];
    const id = await engine.run('--name=limited', `--cgroup-parent=${PARENT}`, '--pids-limit=77', ...limits, IMAGE);
    // The engine's limits are read within a moment of the container's start.
    const { cpu, memory } = await spec(
      'limited',
      ({ cpu, processes }) => cpu.quota === 25_000 && processes.limit === 77,
    );
    assert.deepEqual([cpu.limit, cpu.quota, cpu.period, cpu.mask], [512, 25_000, 50_000, '0']);
    assert.equal(memory.limit, 64 * 2 ** 20);
    assert.deepEqual(Object.keys(await agent.json<object>(specs('limited'))), [`${PARENT}/${id}`]);
  });

  it('counts the traffic of every network of a container, and shared ones once', async () => {
    await engine.cli('network', 'create', `--subnet=${subnet(1)}`, 'one');
    await engine.cli('network', 'create', `--subnet=${subnet(2)}`, 'two');
    await engine.cli('run', '-d', '--network=one', '--name=networked', IMAGE);
    await engine.cli('network', 'connect', 'two', 'networked');
    await engine.cli('run', '-d', '--network=container:networked', '--name=sharing', IMAGE);
    const names = (entry: Sample) => entry.network?.interfaces?.map(({ name }) => name).join() ?? '';
    const { network } = await sample('networked', (entry) => names(entry) === 'eth0,eth1');
    const pid = await engine.inspect('networked', '.State.Pid');
    for (const { name, rx_bytes } of network!.interfaces!) {
      const line = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
        .split('\n')
        .find((text) => text.trim().startsWith(name))!;
      assert.ok(rx_bytes <= Number(/: *(\d+)/.exec(line)![1]), line);
    }
    assert.equal((await spec('networked')).has_network, true);
    assert.equal((await spec('sharing')).has_network, false);
    await engine.cli('rm', '-f', 'networked', 'sharing');
    await engine.cli('network', 'rm', 'one', 'two');
  });

  it('has the filesystem in the first sample of a container, as clients of cAdvisor expect', async () => {
    for (let round = 0; round < 5; round++) {
      const id = await engine.run(`--name=first${round}`, IMAGE);
      const url = `/api/v2.1/stats/${id}?type=docker&count=-1`;
      const { stats } = only(
        await agent.until<Record<string, FirstSamples>>(url, (a) => (only(a)?.stats?.length ?? 0) > 0, id),
      );
      // The first answer with a sample: every number in it is used without a look whether it is there.
      for (const { filesystem } of stats) {
        assert.ok(filesystem!.totalUsageBytes >= filesystem!.baseUsageBytes);
        assert.ok(filesystem!.baseUsageBytes > 0 && filesystem!.containter_inode_usage > 0, JSON.stringify(filesystem));
      }
      const flat = only(await agent.json<Record<string, Sample[]>>(`/api/v2.0/stats/${id}?type=docker&count=-1`));
      for (const { filesystem } of flat) assert.equal(filesystem!.length, 1);
    }
  });

  it('measures what a container writes', async () => {
    const command = 'dd if=/dev/zero of=/data bs=1k count=2048; sleep 100000';
    await engine.run('--name=writing', IMAGE, 'sh', '-c', command);
    const size = (entry: Sample) => entry.filesystem?.[0]?.base_usage ?? 0;
    const logs = (entry: Sample) => (entry.filesystem?.[0]?.usage ?? 0) - size(entry);
    await sample('writing', (entry) => size(entry) >= 2 * 2 ** 20 && logs(entry) > 0);
  });

  /** Starts and removes as many containers as fast as the engine can; the agent has to see all of them and keep none. */
  async function storm(network: string): Promise<void> {
    const names = Array.from({ length: STORM }, (_, index) => `storm-${index}`);
    const waiting = [...names];
    const starter = async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        await engine.cli('run', '-d', network, `--name=${name}`, IMAGE);
      }
    };
    await Promise.all([starter(), starter(), starter(), starter()]);
    const all = '/api/v2.0/spec/?type=docker&recursive=true';
    const named = (answer: Record<string, Spec>) => {
      const present = new Set(Object.values(answer).map(({ aliases }) => aliases?.[0]));
      return names.filter((name) => present.has(name)).length;
    };
    await agent.until<Record<string, Spec>>(all, (answer) => named(answer) === STORM, 'all are there');
    await engine.cli('rm', '-f', ...names);
    await agent.until<Record<string, Spec>>(all, (answer) => named(answer) === 0, 'none is left');
  }

  it(`misses none of ${STORM} containers started at once and keeps none, ${ROUNDS} times, without growing`, async () => {
    // Docker before 24.0.7 can deadlock for ever when many containers leave one network at once (moby/libnetwork#2649).
    const network = `--network=container:${await engine.run('--name=holder', IMAGE)}`;
    const files = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    const resident = () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))![1]);
    // The files of a container are opened one by one, as the engine and the kernel make them.
    let before = -1;
    for (let samples = 0; samples < SETTLED; samples++) {
      const { timestamp } = await sample('holder', () => true);
      await sample('holder', (entry) => entry.timestamp > timestamp);
      if (files() !== before) [before, samples] = [files(), 0];
    }
    const sizes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await storm(network);
      await until(
        () => files() <= before + IDLE_CONNECTIONS,
        () => `${files()} files are open, ${before} were before the storm`,
      );
      sizes.push(resident());
    }
    // The first round fills what is kept for good: compiled code, buffers, the tombstones of the containers.
    assert.ok(sizes.at(-1)! - sizes[0]! < MEMORY_ALLOWANCE, `resident kB after each round: ${sizes.join(', ')}`);
  });

  it('goes on sampling under the same names while the engine is killed and started again', async () => {
    const id = await engine.run('--name=survivor', IMAGE);
    const before = await sample('survivor', () => true);
    await engine.kill();
    await agent.until<Record<string, Sample[]>>(
      '/api/v2.0/stats/survivor?type=docker&count=64',
      (stats) => only(stats).filter(({ timestamp }) => timestamp > before.timestamp).length > 5,
      'samples go on',
    );
    await engine.launch();
    const during = await sample('survivor', () => true);
    await sample('survivor', ({ timestamp }) => timestamp > during.timestamp);
    assert.deepEqual((await spec('survivor')).aliases, ['survivor', id]);
    assert.match(agent.output, /containers keep their last description, marked stale/);
  });
});
