// The example nginx-status against a real nginx, in a plain cgroup.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { AgentProcess } from '../support/agent-process.js';
import { type AppMetrics, newest } from '../support/app-metrics-answers.js';
import { startExample } from '../support/example-agent.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { ServerProcess } from '../support/server-process.js';

const PROGRAM = '/usr/sbin/nginx';
describe('the example nginx-status', { skip: needs('cgroups', 'nginx') }, () => {
  const server = new ServerProcess(`tallyman-test-${process.pid}-nginx`);
  const name = server.cgroup.name;
  let port: number;
  let agent: AgentProcess;

  const page = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/status`);
    return answer.text();
  };
  /** Requests as nginx counts them, this one included. */
  const counted = async () => Number(/\n \d+ \d+ (\d+)/.exec(await page())![1]);
  const start = () => {
    // nginx does not take the place of the socket of one that was killed.
    rmSync(server.path('nginx.sock'), { force: true });
    return server.start(`${PROGRAM} -p ${server.directory} -c ${server.path('nginx.conf')}`, page);
  };
  /** A value of the newest collection. */
  const shown = async (metric: string) =>
    newest((await agent.json<AppMetrics>(`/api/v2.0/appmetrics${name}`))[name])[metric]?.[''];

  before(async () => {
    port = await freePort();
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${of};`);
    server.write(
      'nginx.conf',
      `daemon off; master_process off; pid nginx.pid; error_log error.log;
events {}
http {
  access_log off; ${temporary.join(' ')}
  server {
    listen 127.0.0.1:${port}; listen unix:${server.path('nginx.sock')};
    location = /status { stub_status; }
    location / { return 200 "something else\\n"; }
  }
}`,
    );
    await start();
    const match = { cgroups: [name] };
    agent = await startExample('nginx-status', [name], {
      options: {
        interval: '1s',
        targets: [
          { name: 'by-port', match, host: '127.0.0.1', port, path: '/status' },
          { name: 'by-socket', match, socket: server.path('nginx.sock'), path: '/status' },
          { name: 'other-page', match, host: '127.0.0.1', port, path: '/' },
        ],
      },
    });
  });

  after(async () => {
    await agent?.stop();
    await server.remove();
  });

  it('gives the numbers that nginx gives', async () => {
    for (let i = 0; i < 10; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    const least = await counted();
    await agent.until<AppMetrics>(
      `/api/v2.0/appmetrics${name}`,
      (answer) => (newest(answer[name]).nginx_http_requests_total?.[''] ?? 0) > least,
      'a collection after the requests',
    );
    const value = (await shown('nginx_http_requests_total'))!;
    const most = await counted();
    assert.ok(value > least && value < most, `${least} < ${value} < ${most}`);
    assert.ok((await shown('nginx_connections_active'))! >= 1);
    assert.equal(await shown('nginx_connections_writing'), 1, 'the collection itself');
  });

  it('are in /metrics, with the container that they belong to', async () => {
    const text = await (await fetch(`${agent.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`nginx_http_requests_total{id="${name}"`));
    assert.equal(lines.length, 1, 'of three targets that give it, the first');
    assert.match(lines[0]!, /\} \d+ \d+$/);
  });

  it('says of another page that it is another page, once', async () => {
    const reported = await agent.said('"other-page"');
    assert.match(reported[0]!, /is not the page of stub_status, it begins with .*something else.*write .*stub_status;/);
    assert.equal(reported.length, 1);
  });

  it('says when the server is away, and when it is back', async () => {
    await server.end();
    await agent.said('"by-port"', /nothing listens there \(ECONNREFUSED\)/);
    await start();
    await agent.said('"by-port"', /works again/);
  });
});
