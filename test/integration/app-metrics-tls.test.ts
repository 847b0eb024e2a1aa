// Targets that are asked over TLS: certificates are verified when that is asked for, and shown when there are any.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PrometheusCollector } from '../../src/plugins/app-metrics/prometheus/collector.js';
import { prometheusOptions } from '../../src/plugins/app-metrics/prometheus/options.js';
import { AppMetricsBench } from '../support/app-metrics-bench.js';
import { TestAuthority } from '../support/certificates.js';
import { needs } from '../support/needs.js';

const ADDRESS = '127.0.5.1';

describe('targets over TLS', { skip: needs('openssl') }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-tls-'));
  const bench = new AppMetricsBench();
  const servers: Server[] = [];
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let plain: number;
  let demanding: number;

  async function serve(options: object): Promise<number> {
    const { cert, key } = authority.issue('app');
    const server = createServer(
      { cert: readFileSync(cert), key: readFileSync(key), ...options },
      (_request, response) => response.end('by_tls 1\n'),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
    return (server.address() as { port: number }).port;
  }

  before(async () => {
    authority = new TestAuthority(directory);
    stranger = new TestAuthority(directory, 'stranger');
    plain = await serve({});
    demanding = await serve({ requestCert: true, rejectUnauthorized: true, ca: readFileSync(authority.ca) });
  });
  after(() => {
    bench.stop();
    for (const server of servers) server.close().closeAllConnections();
    rmSync(directory, { recursive: true });
  });

  /** Collects by a plugin with these TLS options from a container with a port. */
  async function collect(name: string, port: number, tls: object) {
    const collector = new PrometheusCollector(prometheusOptions.parse({ tls }));
    await collector.start();
    const plugin = bench.use(name, collector);
    const labels = {
      'tallyman.metrics.port': String(port),
      'tallyman.metrics.scheme': 'https',
      // Long, as a collection has nine tenths of it, and a loaded host needs seconds for a handshake.
      'tallyman.metrics.interval': '20s',
    };
    bench.add(`/${name}`, { labels, addresses: [ADDRESS] });
    const { error } = await bench.status(`/${name}`, ({ collections }) => collections > 0);
    bench.keeper.pluginRemoved(plugin);
    bench.remove(`/${name}`);
    return error;
  }

  it('self-signed certificates are accepted by default', async () => {
    assert.equal(await collect('unverified', plain, {}), undefined);
  });

  it('only certificates of the configured authority for the expected name are accepted', async () => {
    assert.equal(await collect('signed', plain, { ca: authority.ca, serverName: 'localhost' }), undefined);
    assert.match((await collect('name', plain, { ca: authority.ca }))!, /IP: 127\.0\.5\.1 is not in the cert's list/);
    assert.match((await collect('foreign', plain, { ca: stranger.ca, serverName: 'localhost' }))!, /certificate/);
    assert.match((await collect('verified', plain, { verify: true }))!, /certificate/);
    assert.equal(await collect('lenient', plain, { ca: stranger.ca, verify: false }), undefined);
  });

  it('the client certificate is sent', async () => {
    const { cert, key } = authority.issue('agent');
    assert.equal(await collect('known', demanding, { cert, key }), undefined);
    assert.match((await collect('unknown', demanding, {}))!, /certificate required|reset|alert/);
  });

  it('an unreadable file is reported when the plugin starts', async () => {
    const collector = new PrometheusCollector(prometheusOptions.parse({ tls: { cert: join(directory, 'none.pem') } }));
    await assert.rejects(collector.start(), /tls\.cert: ENOENT.*none\.pem/);
  });
});
