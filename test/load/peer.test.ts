import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';

/** Takes cAdvisor's flags, and answers with two cgroups from the third request on. */
const STAND_IN = `#!${process.execPath}
const flags = Object.fromEntries(process.argv.slice(2).map((flag) => flag.replace(/^--/, '').split('=')));
let requests = 0;
require('node:http').createServer((request, response) => {
  const parent = flags.raw_cgroup_prefix_whitelist;
  const names = ++requests < 3 ? [''] : ['', '/a', '/b'];
  const lines = (family) => names.map((name) => family + '{id="' + parent + name + '"} 1\\n').join('');
  response.end(['container_cpu_load_average_10s', 'container_last_seen', 'container_start_time_seconds'].map(lines).join(''));
}).listen(Number(flags.port), flags.listen_ip);
`;

interface PeerModule {
  measurePeer(
    binary: string,
    parent: string,
    count: number,
    seconds: number,
    signal: AbortSignal,
    settleSeconds: number,
  ): Promise<{ ready: number; cpu: number; rss: number; metrics: { p50: number; requests: number } }>;
}

describe('a peer of the bench', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-peer-'));
  const binary = join(folder, 'peer');
  const load = () => import(pathToFileURL(join(process.cwd(), 'test/load/peer.mjs')).href) as Promise<PeerModule>;
  after(() => rmSync(folder, { recursive: true }));

  it('is started with cAdvisor’s flags, waited for, measured and ended', async () => {
    writeFileSync(binary, STAND_IN);
    chmodSync(binary, 0o700);
    const { measurePeer } = await load();
    const result = await measurePeer(binary, '/parent', 2, 0.05, new AbortController().signal, 0);
    assert.ok(result.ready > 0 && result.rss > 0 && result.cpu >= 0);
    assert.ok(result.metrics.requests > 0 && result.metrics.p50 > 0);
  });

  it('that ends before it answers is an error which names it', async () => {
    writeFileSync(binary, '#!/bin/sh\nexit 3\n');
    chmodSync(binary, 0o700);
    const { measurePeer } = await load();
    await assert.rejects(
      measurePeer(binary, '/parent', 2, 0.05, new AbortController().signal, 0),
      /peer ended early \(3\)/,
    );
  });
});
