// The example redis-info, in a process of its own, against a real Redis with a password, in a plain cgroup.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/index.js';
import type { AgentProcess } from '../support/agent-process.js';
import { type AppMetrics, newest } from '../support/app-metrics-answers.js';
import { startExample } from '../support/example-agent.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { ServerProcess } from '../support/server-process.js';

const PROGRAM = '/usr/bin/redis-server';
const PASSWORD = `secret-${process.pid}`;

interface Status {
  id: string;
  errors: number;
  isolation?: { pid: number };
}

describe('the example redis-info', { skip: needs('cgroups', 'redis-server') }, () => {
  const server = new ServerProcess(`tallyman-test-${process.pid}-redis`);
  const name = server.cgroup.name;
  let port: number;
  let agent: AgentProcess;

  /** Sends commands. @returns what Redis says until the answer to the last is there */
  async function redis(...commands: string[]): Promise<string> {
    const socket = connect(server.path('redis.sock'));
    try {
      await once(socket, 'connect');
      socket.write(['', `AUTH ${PASSWORD}`, ...commands, 'ECHO over', ''].join('\r\n'));
      let said = '';
      for await (const chunk of socket.setEncoding('utf8')) {
        said += chunk as string;
        if (said.endsWith('over\r\n')) return said;
      }
      throw new Error(`Redis ended the connection: ${said}`);
    } finally {
      socket.destroy();
    }
  }
  const start = () => server.start(`${PROGRAM} ${server.path('redis.conf')} >/dev/null`, () => redis('PING'));

  before(async () => {
    port = await freePort();
    const lines = ['save ""', 'daemonize no', `dir ${server.directory}`, `requirepass ${PASSWORD}`, 'databases 4'];
    lines.push(`bind 127.0.0.1`, `port ${port}`, `unixsocket ${server.path('redis.sock')}`, 'logfile redis.log');
    server.write('redis.conf', `${lines.join('\n')}\n`);
    await start();
    await redis('SET a 1', 'SET b 1 EX 1000', 'GET a', 'GET nothing', 'SELECT 2', 'SET c 1');
    await redis('ACL SETUSER monitor on >monitoring +info', 'ACL SETUSER blind on >blindness');
    const passwordFile = server.write('password', `${PASSWORD}\n`, 0o600);
    const open = server.write('open', `${PASSWORD}\n`, 0o644);
    const wrong = server.write('wrong', 'not-this-one', 0o600);
    const match = { cgroups: [name] };
    const there = { match, host: '127.0.0.1', port };
    agent = await startExample('redis-info', [name], {
      module: 'index.cjs',
      isolate: true,
      options: {
        interval: '1s',
        targets: [
          { name: 'by-file', ...there, passwordFile },
          { name: 'by-socket', match, socket: server.path('redis.sock'), passwordEnv: 'EXAMPLE' },
          { name: 'by-user', ...there, username: 'monitor', passwordEnv: 'EXAMPLE_MONITOR' },
          { name: 'without', ...there },
          { name: 'refused', ...there, passwordFile: wrong },
          { name: 'for-everybody', ...there, passwordFile: open },
          { name: 'not-allowed', ...there, username: 'blind', passwordEnv: 'EXAMPLE_BLIND' },
        ],
      },
      env: { EXAMPLE: PASSWORD, EXAMPLE_MONITOR: 'monitoring', EXAMPLE_BLIND: 'blindness' },
    });
  });

  after(async () => {
    await agent?.stop();
    await server.remove();
  });

  const says = (target: string, what: RegExp) => agent.said(`"${target}"`, what);

  it('gives the numbers that Redis gives', async () => {
    const path = `/api/v2.0/appmetrics${name}`;
    const answer = await agent.until<AppMetrics>(
      path,
      (now) => newest(now[name]).redis_db_keys !== undefined,
      'its metrics',
    );
    const values = newest(answer[name]);
    const label = (metric: string, db: string) => `__name__=${metric}\ufffddb=${db}`;
    assert.deepEqual(values.redis_db_keys, { [label('redis_db_keys', 'db0')]: 2, [label('redis_db_keys', 'db2')]: 1 });
    assert.equal(values.redis_db_keys_expiring![label('redis_db_keys_expiring', 'db0')], 1);
    assert.equal(values.redis_keyspace_hits_total![''], 1);
    assert.equal(values.redis_keyspace_misses_total![''], 1);
    assert.equal(
      values.redis_config_maxclients![''],
      Number(/\n(\d{3,})\r/.exec(await redis('CONFIG GET maxclients'))![1]),
    );
    const [info] = Object.keys(values.redis_instance_info!);
    const version = /redis_version:(\S+)/.exec(await redis('INFO server'))![1];
    assert.equal(info, `__name__=redis_instance_info\ufffdrole=master\ufffdversion=${version}`);
  });

  it('logs in by file, by environment, and as a user that may do nothing else', async () => {
    const lacks = () => agent.output.split('\n').filter((line) => /"by-(file|socket|user)"/.test(line));
    await says('without', /Redis wants a password/);
    assert.deepEqual(lacks(), []);
  });

  it('says what is wrong with a login', async () => {
    await says('without', /Redis wants a password: write passwordFile or passwordEnv/);
    await says('refused', /Redis refuses the password in .*wrong \(WRONGPASS\)/);
    await says('for-everybody', /everybody may read .*open: chmod o= /);
    await says('not-allowed', /Redis does not answer INFO: NOPERM/);
  });

  it('sees a password that was changed, without a restart', async () => {
    server.write('wrong', PASSWORD, 0o600);
    await says('refused', /works again/);
  });

  it('says when the server is away, and when it is back; numbers that it needs no password for come all the same', async () => {
    await server.end();
    await says('by-file', /nothing listens there \(ECONNREFUSED\)/);
    const mine = (await agent.json<Status[]>('/api/plugins')).find(({ id }) => id.includes('redis-info'))!;
    assert.equal(mine.errors, 0, 'a server that is away is no fault of the plugin');
    assert.ok(mine.isolation!.pid > 0 && mine.isolation!.pid !== agent.pid);
    await start();
    await says('by-file', /works again/);
    await redis('CONFIG SET requirepass ""');
    await says('by-file', /Redis takes no password, and .*password has one/);
    const up = /^tallyman_app_target_up\{[^}]*target="without"[^}]*\} 1$/m;
    await until(
      async () => up.test(await (await fetch(`${agent.url}/metrics`)).text()),
      () => 'nothing is collected without a password',
    );
  });

  it('never shows a password', async () => {
    const metrics = await (await fetch(`${agent.url}/metrics`)).text();
    const missing = JSON.stringify(await agent.json('/api/plugins'));
    for (const text of [agent.output, metrics, missing]) {
      for (const secret of [PASSWORD, 'monitoring', 'blindness', 'not-this-one']) assert.ok(!text.includes(secret));
    }
  });
});
