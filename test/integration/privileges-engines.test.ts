// The rows of docs/privileges.md about engines, disks and application metrics: what an agent without root gets of real
// containers with the privilege that the row names, and what it lacks without.
import assert from 'node:assert/strict';
import { chmodSync, chownSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Finding } from '../../src/kernel/contracts/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { AppContainers } from '../support/app-containers.js';
import { CriPods } from '../support/cri-pods.js';
import { removeCgroups } from '../support/engine-process.js';
import { Installation } from '../support/installation.js';
import { CONTAINERD_ENGINE, DOCKER_ENGINE, needs } from '../support/needs.js';
import { PODMAN_IMAGE, PodmanEngine } from '../support/podman-engine.js';

/** A user and a group that are nobody else's. */
const [USER, GROUP] = [61234, 61235];

interface Spec {
  readonly aliases?: readonly string[];
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly has_network: boolean;
}
type AppMetrics = Record<string, Record<string, unknown>>;

interface Rights {
  readonly group?: boolean;
  readonly capabilities?: readonly string[];
}

const skip = needs(...DOCKER_ENGINE, ...CONTAINERD_ENGINE, 'podman', 'curl', 'ip', 'other users', 'setpriv');

/** As an engine installed by a package has it: its directory is passable, its socket for one group. */
function openToGroup(endpoint: string): void {
  const socket = endpoint.slice('unix://'.length);
  chmodSync(dirname(socket), 0o711);
  chownSync(socket, 0, GROUP);
  chmodSync(socket, 0o660);
}

const agents: AgentProcess[] = [];
let installation: Installation;

async function start(plugins: string, { group = false, capabilities = [] }: Rights): Promise<AgentProcess> {
  const list = capabilities.map((name) => `+${name}`).join(',');
  const through = [
    ...['setpriv', `--reuid=${USER}`, `--regid=${USER}`, group ? `--groups=${GROUP}` : '--clear-groups'],
    ...(list === '' ? [] : [`--inh-caps=${list}`, `--ambient-caps=${list}`]),
  ];
  const config = `housekeeping: { interval: 200ms, maxInterval: 200ms }
log: { format: json }
plugins:
${plugins}
`;
  const agent = await AgentProcess.start(config, undefined, {}, { through, main: installation.main });
  agents.push(agent);
  return agent;
}

const report = (agent: AgentProcess) => agent.json<{ findings: Finding[] }>('/-/doctor');
const findings = async (agent: AgentProcess) => (await report(agent)).findings.map(({ id }) => id);
const spec = async (agent: AgentProcess, name: string, fits: (spec: Spec) => boolean): Promise<Spec> =>
  (await agent.until<Record<string, Spec>>(`/api/v2.0/spec${name}`, (all) => fits(all[name]!), 'the spec'))[name]!;

/** Names of the series of a container, once it has been sampled. */
async function series(agent: AgentProcess, id: string): Promise<Set<string>> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const metrics = await (await fetch(`${agent.url}/metrics`)).text();
    const lines = metrics.matchAll(new RegExp(`^(\\w+)\\{[^}]*\\bid="${id}"[^}]*\\}`, 'gm'));
    const names = new Set([...lines].map(([, name]) => name!));
    if (names.has('container_cpu_usage_seconds_total')) return names;
    assert.ok(Date.now() < deadline, `${id} is not sampled:\n${agent.output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('what an agent without privileges knows', { skip }, () => {
  before(() => {
    installation = new Installation();
  });
  // Each samples all containers several times a second.
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  });
  after(() => installation?.remove());

  describe('of Docker', () => {
    let containers: AppContainers;
    let name: string;
    const plugins = () => `  - { use: docker, with: { endpoint: '${containers.endpoint}' } }
  - { use: podman, enabled: false }
  - { use: disk, with: { interval: 200ms } }
  - { use: app-prometheus, with: { interval: 200ms } }
  - { use: app-regex, with: { interval: 200ms } }
  - { use: raw, with: { include: ['/', '/docker/*'] } }`;
    before(async () => {
      containers = await AppContainers.start();
      openToGroup(containers.endpoint);
      const labels = ['--label', 'tallyman.metrics.port=8000', '--label', 'tier=front'];
      name = await containers.serve('app', { metrics: 'labelled 1\n' }, labels);
    });
    after(() => containers?.stop());

    it('without the group containers appear by their cgroup and id: no name, labels, image, network', async () => {
      const agent = await start(plugins(), { capabilities: ['dac_read_search', 'sys_ptrace'] });
      const { aliases, namespace, labels, image, has_network } = await spec(agent, name, () => true);
      assert.deepEqual([aliases, namespace], [[basename(name)], 'docker']);
      assert.deepEqual([labels, image, has_network], [undefined, undefined, false]);
      assert.ok((await findings(agent)).includes('docker-denied'));
      const names = await series(agent, name);
      assert.ok(names.has('container_memory_usage_bytes'));
      assert.deepEqual(
        // What it reads and writes is counted by its cgroup.
        [...names].filter((each) => /network|_fs_(?!reads|writes|io)/.test(each)),
        [],
      );
    });

    it('with the group they have all of it, and numbers of their networks', async () => {
      const agent = await start(plugins(), { group: true });
      const { aliases, namespace, labels, has_network } = await spec(
        agent,
        name,
        (each) => each.aliases?.[0] === 'app',
      );
      assert.deepEqual([aliases![0], namespace, labels!.tier, has_network], ['app', 'docker', 'front', true]);
      assert.ok((await series(agent, name)).has('container_network_receive_bytes_total'));
      assert.ok(!(await findings(agent)).includes('docker-denied'));
    });

    it('disk use of containers needs CAP_DAC_READ_SEARCH, that of the machine nothing', async () => {
      const without = await start(plugins(), { group: true });
      const granted = await start(plugins(), { group: true, capabilities: ['dac_read_search'] });
      type Stats = Record<string, { filesystem?: { usage: number }[] }[]>;
      const path = `/api/v2.0/stats${name}?count=1`;
      const measured = (all: Stats) => (all[name]?.[0]?.filesystem ?? []).some(({ usage }) => usage > 0);
      await granted.until<Stats>(path, measured, 'the disk use');
      assert.ok((await series(granted, name)).has('container_fs_usage_bytes'));
      await without.said('is not measured fully: EACCES');
      assert.ok(!measured(await without.json<Stats>(path)));
      assert.ok(!(await series(without, name)).has('container_fs_usage_bytes'));
      assert.ok((await series(without, '/')).has('container_fs_usage_bytes'));
    });

    describe('metrics of applications', () => {
      const server = createServer((_request, response) => response.end('by_socket 1\n'));
      const names: Record<string, string> = {};
      before(async () => {
        const config = { endpoint: 'http://localhost:8000/status' };
        const text = JSON.stringify({ ...config, metrics_config: [{ name: 'n', data_type: 'int', regex: '(\\d+)' }] });
        for (const [kind, mode] of [
          ['open', 0o644],
          ['private', 0o600],
        ] as const) {
          const label = ['--label', 'io.cadvisor.metric.inside=/www/config.json'];
          names[kind] = await containers.serve(kind, { status: '42', 'config.json': text }, label);
          chmodSync(containers.path(kind, 'config.json'), mode);
        }
        containers.write('socket', 'x', '');
        await new Promise<void>((resolve) => server.listen(containers.path('socket', 'app.sock'), resolve));
        const flags = ['--network=none', '--volume', `${containers.path('socket', '')}:/run/app`];
        const label = ['--label', 'tallyman.metrics.socket=/run/app/app.sock'];
        names.socket = await containers.run('socket', [...flags, ...label], []);
      });
      after(() => {
        server.closeAllConnections();
        server.close();
      });

      /** What is collected of each container, once those have been tried that it is not from. */
      async function collected(capabilities: readonly string[], failing: number): Promise<string[]> {
        const agent = await start(plugins(), { group: true, capabilities });
        const metricsOf = async (container: string) => {
          const response = await fetch(`${agent.url}/api/v2.0/appmetrics${container}`);
          // Until the engine has said whose it is, a container is unknown.
          if (response.status === 404) return [];
          return Object.keys(((await response.json()) as AppMetrics)[container] ?? {});
        };
        const all = { app: name, ...names };
        for (const deadline = Date.now() + 60_000; ; ) {
          const got = await Promise.all(
            Object.entries(all).map(async ([kind, container]) =>
              (await metricsOf(container)).length > 0 ? [kind] : [],
            ),
          );
          const failed = new Set([...agent.output.matchAll(/from (\S+) fails/g)].map(([, container]) => container));
          const others = Object.entries(all).filter(([kind]) => !got.flat().includes(kind));
          if (others.length === failing && others.every(([, container]) => failed.has(container))) {
            await agent.stop();
            return got.flat();
          }
          assert.ok(Date.now() < deadline, `${got.flat()}\n${agent.output}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }

      it('need nothing over the network', async () => {
        assert.deepEqual(await collected([], 3), ['app']);
        assert.deepEqual(await collected(['dac_read_search'], 3), ['app']);
      });

      it('need CAP_SYS_PTRACE for files inside, and CAP_DAC_READ_SEARCH for those that only their owner may read', async () => {
        assert.deepEqual(await collected(['sys_ptrace'], 2), ['app', 'open']);
        assert.deepEqual(await collected(['sys_ptrace', 'dac_read_search'], 1), ['app', 'open', 'private']);
      });

      it('need CAP_SYS_PTRACE for sockets inside, which everybody has to be let write to', async () => {
        chmodSync(containers.path('socket', 'app.sock'), 0o666);
        assert.deepEqual(await collected(['sys_ptrace'], 1), ['app', 'open', 'socket']);
      });
    });
  });

  describe('of Podman', () => {
    let engine: PodmanEngine;
    let id: string;
    let name: string;
    const plugins = () => `  - { use: docker, enabled: false }
  - { use: podman, with: { endpoint: '${engine.endpoint}' } }`;
    before(async () => {
      engine = await PodmanEngine.start();
      openToGroup(engine.endpoint);
      id = await engine.run('--name=app', PODMAN_IMAGE);
      name = await engine.cgroup('app');
    });
    after(() => engine?.stop());

    it('without the socket’s group containers appear by their cgroup and id, with it by name', async () => {
      const without = await start(plugins(), { capabilities: ['dac_read_search', 'sys_ptrace'] });
      const granted = await start(plugins(), { group: true });
      // A slow engine has not reported the name yet.
      const named = await spec(granted, name, ({ aliases }) => aliases?.[0] === 'app');
      assert.equal(named.namespace, 'podman');
      const { aliases, namespace } = await spec(without, name, () => true);
      assert.deepEqual([aliases, namespace], [[id], 'podman']);
      assert.ok((await findings(without)).includes('podman-denied'));
      assert.ok(!(await findings(granted)).includes('podman-denied'));
    });
  });

  describe('of containerd and its pods', () => {
    const parent = `/tallyman-test-${process.pid}-kubepods`;
    const namespace = `tallyman-test-${process.pid}`;
    let pods: CriPods;
    let app: string;
    let names: { readonly app: string; readonly web: string };
    before(async () => {
      pods = await CriPods.start(parent);
      const pod = await pods.runPod('web-0');
      app = await pods.run(pod, 'app', { command: ['sleep', '100000'] });
      await pods.containerd.ctr(namespace, 'images', 'import', pods.containerd.archive);
      await pods.containerd.run(namespace, ['--label', 'nerdctl/name=web'], 'c1', 'sleep', '100000');
      names = { app: `${pod.cgroup}/${app}`, web: `/${namespace}/c1` };
      chmodSync(dirname(pods.containerd.socket), 0o711);
      chmodSync(pods.containerd.socket, 0o600);
    });
    after(async () => {
      await pods?.stop();
      removeCgroups(parent);
    });

    it('without permission on the socket they appear by cgroup and id, and get names once it is given', async () => {
      const endpoint = pods.containerd.endpoint;
      const agent = await start(
        `  - { use: containerd, with: { endpoint: '${endpoint}' } }
  - { use: cri, with: { endpoint: '${endpoint}' } }
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/', '${parent}/**', '/${namespace}/**'] } }`,
        { group: true },
      );
      const byId = await spec(agent, names.app, ({ aliases }) => aliases !== undefined);
      assert.deepEqual([byId.aliases, byId.namespace, byId.labels], [[app], 'cri', undefined]);
      const plain = await spec(agent, names.web, () => true);
      assert.deepEqual([plain.aliases, plain.namespace], [undefined, undefined]);
      for (const name of Object.values(names)) {
        assert.ok((await series(agent, name)).has('container_memory_usage_bytes'), name);
      }
      const denied = (await report(agent)).findings.filter(({ id }) => /^(cri|containerd)-/.test(id));
      const path = pods.containerd.socket;
      assert.deepEqual(denied.map(({ id, severity }) => [id, severity]).sort(), [
        ['containerd-denied', 'error'],
        ['cri-denied', 'error'],
      ]);
      for (const { what, mend } of denied) {
        assert.ok(what.includes(`${endpoint}: permission denied`), what);
        assert.ok(mend.startsWith(`chgrp tallyman ${path} && chmod g+rw ${path}`), mend);
      }
      const warnings = await agent.said(`${endpoint}: permission denied`);
      assert.equal(warnings.length, 2, warnings.join('\n'));

      openToGroup(endpoint);
      const known = await spec(agent, names.app, ({ aliases }) => aliases?.[0] === 'shop/web-0/app');
      assert.equal(known.labels!['io.kubernetes.pod.name'], 'web-0');
      const web = await spec(agent, names.web, ({ aliases }) => aliases?.[0] === 'web');
      assert.equal(web.namespace, 'containerd');
      assert.deepEqual(
        (await findings(agent)).filter((id) => /^(cri|containerd)-/.test(id)),
        [],
      );
    });
  });
});
