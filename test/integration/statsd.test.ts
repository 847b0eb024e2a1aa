// The StatsD daemon of Etsy has the values that the sink sent, and takes every line.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import statsd from '../../src/plugins/sinks/statsd/index.js';
import { until } from '../../src/testing/clock.js';
import { testContext } from '../../src/testing/index.js';
import { freePort } from '../support/free-port.js';
import { needs, STATSD_CACHE } from '../support/needs.js';
import { deliveryBench, sampledContainer } from '../support/sink-bench.js';
import { StandaloneServer } from '../support/standalone-server.js';

describe('the statsd daemon', { skip: needs('statsd') }, () => {
  let daemon: StandaloneServer;
  let port: number;
  let managementPort: number;

  before(async () => {
    port = await freePort();
    managementPort = await freePort();
    const main = join(STATSD_CACHE, 'node_modules/statsd/stats.js');
    daemon = new StandaloneServer(process.execPath, (folder) => [main, `${folder}/config.js`], {
      ready: () => asked('health'),
    });
    const address = '127.0.0.1';
    const config = { port, address, mgmt_port: managementPort, mgmt_address: address, backends: [] };
    daemon.write('config.js', JSON.stringify(config));
    await daemon.start();
  });
  after(() => daemon?.remove());

  /** @returns what the daemon's management port answers */
  async function asked(command: string): Promise<string> {
    const socket = connect(managementPort, '127.0.0.1').setEncoding('utf8');
    let answer = '';
    socket.on('data', (text: string) => {
      answer += text;
      if (command === 'health' || answer.includes('END')) socket.destroy();
    });
    socket.write(`${command}\n`);
    await once(socket, 'close');
    return answer;
  }

  /** The gauges that the daemon has, once it has one of this name. */
  async function gaugesWith(name: string): Promise<Record<string, number>> {
    let gauges: Record<string, number> = {};
    await until(
      async () => {
        const answer = await asked('gauges');
        // Printed as JavaScript: `'name': 1.5`.
        const found = answer.matchAll(/'?([\w.-]+)'?: (-?[\d.]+)/g);
        gauges = Object.fromEntries(Array.from(found, ([, key, value]) => [key, Number(value)]));
        return name in gauges;
      },
      () => JSON.stringify(gauges),
    );
    return gauges;
  }

  async function send(options: Record<string, unknown>): Promise<void> {
    const parsed = statsd.configSchema.parse({ address: `127.0.0.1:${port}`, host: 'h', ...options });
    const sink = statsd.create(testContext(), parsed);
    const bench = deliveryBench(sink);
    bench.show(sampledContainer('/a', [1.5, 2 ** 52]), sampledContainer('/b', [-3, 7]));
    await bench.delivery.start();
    await bench.round();
    await bench.delivery.finish(1_000);
    await sink.stop?.();
    assert.deepEqual(bench.faults, []);
  }

  it('has the values of plain gauges, negative ones too', async () => {
    await send({ tags: 'none' });
    const gauges = await gaugesWith('h.b.container_memory_failcnt');
    assert.equal(gauges['h.a.container_cpu_load_average_10s'], 1.5);
    assert.equal(gauges['h.a.container_memory_failcnt'], 2 ** 52);
    assert.equal(gauges['h.b.container_cpu_load_average_10s'], -3);
    assert.equal(gauges['h.b.container_memory_failcnt'], 7);
  });

  it('takes every line', async () => {
    const counters = await asked('counters');
    assert.match(counters, /'?statsd\.bad_lines_seen'?: 0/);
  });
});
