// Where the agent goes for metrics: into the container that asks for it, and nowhere else.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { AppContainers } from '../support/app-containers.js';
import { freePort } from '../support/free-port.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

type AppMetrics = Record<string, Record<string, Record<string, { float_value?: number; int_value?: number }[]>>>;

const CGROUP = `/tallyman-test-${process.pid}-app`;

/** A server of the host's that serves one metric and counts who asked. */
class HostServer {
  asked = 0;
  private constructor(readonly server: Server) {}

  static async start(metric: string, where: string | number): Promise<HostServer> {
    const host: HostServer = new HostServer(
      createServer((_request, response) => {
        host.asked++;
        response.end(`${metric} 1\n`);
      }),
    );
    await new Promise<void>((resolve) => {
      if (typeof where === 'string') host.server.listen(where, resolve);
      else host.server.listen(where, '127.0.0.1', resolve);
    });
    return host;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

describe('app metrics are collected from', { skip: needs(...DOCKER_ENGINE, 'ip') }, () => {
  const cgroup = new RealCgroup(CGROUP);
  let containers: AppContainers;
  let agent: AgentProcess;
  let secret: HostServer;
  let daemon: HostServer;
  const servers: HostServer[] = [];

  before(async () => {
    containers = await AppContainers.start();
    secret = await HostServer.start('secret', 0);
    daemon = await HostServer.start('of_the_daemon', 0);
    servers.push(secret, daemon);
    cgroup.create();
    agent = await AgentProcess.start(`
plugins:
  - { use: docker, with: { endpoint: '${containers.endpoint}' } }
  - { use: podman, enabled: false }
  - use: app-prometheus
    with:
      interval: 1s
      targets:
        - { name: daemon, match: { cgroups: ['${CGROUP}'] }, host: 127.0.0.1, port: ${daemon.port} }
        - { name: named, match: { names: ['by-name-*'], images: ['tallyman-test/*'] }, port: 8000, path: /m, metrics: ['a*'] }
  - use: app-regex
    with:
      interval: 1s
      targets:
        - name: pages
          match: { labels: ['page=*'] }
          port: 8000
          path: /page
          metrics: [{ name: pages, format: int, regex: 'pages: (\\d+)' }]
`);
  });
  after(async () => {
    await agent?.stop();
    await containers?.stop();
    await cgroup.remove();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const collected = (name: string, metric: string): Promise<AppMetrics> =>
    agent.until<AppMetrics>(`/api/v2.0/appmetrics${name}`, (all) => all[name]?.[metric] !== undefined, metric);

  const refused = async (name: string, reason: RegExp): Promise<void> => {
    await agent.said(name, reason);
    assert.deepEqual(await agent.json<AppMetrics>(`/api/v2.0/appmetrics${name}`), { [name]: {} });
    assert.equal(secret.asked, 0);
  };

  it('a configured cgroup at a configured host', async () => {
    await collected(CGROUP, 'of_the_daemon');
  });

  it('containers selected by name, image and label, with selected metrics', async () => {
    const name = await containers.serve('by-name-1', { m: 'a 1\nab 2\nb 3\n', page: 'pages: 7' }, ['-l', 'page=x']);
    await collected(name, 'pages');
    const answer = await collected(name, 'a');
    assert.deepEqual(Object.keys(answer[name]!), ['a', 'ab', 'pages']);
  });

  it('a container in the host’s network, on its own port only', async () => {
    const port = await freePort();
    containers.write('hostnet', 'metrics', 'hostnet 1\n');
    const mount = ['--network=host', '-v', `${containers.path('hostnet', '')}:/www:ro`];
    const serving = ['busybox', 'httpd', '-f', '-p', String(port), '-h', '/www'];
    const own = await containers.run('hostnet', [...mount, '-l', `tallyman.metrics.port=${port}`], serving);
    await collected(own, 'hostnet');
    const other = await containers.run('greedy', ['--network=host', '-l', `tallyman.metrics.port=${secret.port}`], []);
    await refused(other, /no process of the container listens on port/);
  });

  it('a container in the network of another, at the other’s address', async () => {
    await containers.serve('owner', { metrics: 'owner 1\n' });
    const labels = ['-l', 'tallyman.metrics.port=8000'];
    const name = await containers.run('guest', ['--network=container:owner', ...labels], []);
    await collected(name, 'owner');
  });

  it('a unix socket inside the container', async () => {
    containers.write('socket', 'x', '');
    servers.push(await HostServer.start('by_socket', containers.path('socket', 'app.sock')));
    const mount = ['--network=none', '-v', `${containers.path('socket', '')}:/run/app`];
    const name = await containers.run('socket', [...mount, '-l', 'tallyman.metrics.socket=/run/app/app.sock'], []);
    await collected(name, 'by_socket');
  });

  it('no unix socket of the host', async () => {
    containers.write('links', 'x', '');
    symlinkSync(containers.endpoint.slice('unix://'.length), containers.path('links', 'link.sock'));
    const mount = ['-v', `${containers.path('links', '')}:/run/app`];
    const name = await containers.run('links', [...mount, '-l', 'tallyman.metrics.socket=/run/app/link.sock'], []);
    await refused(name, /link\.sock in the container: no such file/);
  });

  it('no other host that a file of the image names', async () => {
    const file = (endpoint: string) =>
      JSON.stringify({ endpoint, metrics_config: [{ name: 'x', data_type: 'int', regex: '(.)' }] });
    const files = {
      'a.json': file(`http://127.0.0.1:${secret.port}/`),
      'b.json': file('http://169.254.169.254/latest/meta-data/'),
    };
    const labels = ['a', 'b'].flatMap((name) => ['-l', `io.cadvisor.metric.${name}=/www/${name}.json`]);
    const name = await containers.serve('curious', files, labels);
    await refused(name, /host 169\.254\.169\.254 is not the container's/);
    await refused(name, new RegExp(`:${secret.port}/: nothing listens there`));
  });

  it('all containers of a runtime in one answer, keyed by absolute names', async () => {
    const all = await agent.json<AppMetrics>('/api/v2.0/appmetrics?type=docker&recursive=true');
    const collecting = Object.keys(all).filter((name) => Object.keys(all[name]!).length > 0);
    assert.ok(collecting.length >= 4 && collecting.every((name) => name.includes('/docker/')), collecting.join());
  });
});
