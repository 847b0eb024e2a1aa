import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { FakeContainer } from '../../../../../test/conformance/world/fake-agent.js';
import { keptEvents } from '../../../../../test/conformance/world/recorded-events.js';
import { column } from '../../../../../test/conformance/world/samples.js';
import { busy, capsuleOf, PagesBench, processIn, sinkFailing } from '../../../../../test/support/pages-bench.js';
import type { PluginStatus } from '../../../../kernel/contracts/index.js';

describe('the page of a container', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('has numbers, limits, tables, and links below the prefix', async () => {
    const limits = {
      hasCpu: true,
      hasMemory: true,
      cpu: { limit: 512n, quota: 50_000n, period: 100_000n, mask: '0-1' },
      memory: { limit: 4n * 2n ** 20n },
    };
    const containers = [
      busy('/', 1, 1, { children: ['/a'] }),
      busy('/a', 0.25, 2 ** 20, {
        limits,
        children: ['/a/b c', '/a/gone'],
        description: { labels: { team: 'fruit' } },
      }),
      busy('/a/b c', 0.1, 2 ** 19),
    ];
    const get = await bench.serve(
      { containers, processes: [processIn('/a', 7, 'sh'), processIn('/other', 8, 'no')] },
      '/pre',
    );
    const { status, headers, body } = await get('/pre/containers/a');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.match(
      headers['content-security-policy'] as string,
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    assert.match(body, /<dd data-series="0" data-value="0.25">0.25 cores<\/dd>/);
    assert.match(body, /<dd data-series="0" data-value="1048576">1 MiB<\/dd>/);
    for (const text of [
      '0.5 cores (50000 µs in 100000 µs)',
      '1 MiB of 4 MiB (25 %)',
      'fruit',
      '<code class="command">sh</code>',
    ]) {
      assert.ok(body.includes(text), text);
    }
    assert.ok(!body.includes('>no</code>'), 'a process of another container');
    assert.ok(body.includes('<a href="/pre/containers/a/b%20c" title="/a/b c">/b c</a>'));
    assert.ok(body.includes('<code>/a/gone</code>'), 'a cgroup that nobody monitors has no page');
    assert.ok(body.includes('data-url="/pre/api/top/a"'));
    for (const link of ['v2.0/stats', 'v2.0/spec', 'why', 'advise']) {
      assert.ok(body.includes(`<a href="/pre/api/${link}/a">`), link);
    }
    for (const [, path] of body.matchAll(/(?:href|src)="([^"]+)"/g)) assert.match(path!, /^(\/pre\/|\?|#main|#why)/);
    assert.doesNotMatch(body, / style="|<style|<script>|javascript:| on\w+="/);
  });

  it('links only containers that are there', async () => {
    const events = keptEvents(
      ['/a', '/gone'].map((containerName) => ({ containerName, time: 1e15, type: 'containerDeletion' as const })),
    );
    const processes = [processIn('/a', 7, 'sh'), processIn('/elsewhere', 8, 'no')];
    const pending = [{ name: '/late', handler: 'docker', reason: 'unknown', since: 0 }];
    const get = await bench.serve({ containers: [busy('/', 1, 1), busy('/a', 1, 1)], events, processes, pending });
    const { body } = await get('/host/');
    for (const name of ['/gone', '/elsewhere', '/late']) {
      assert.ok(body.includes(name) && !body.includes(`/containers${name}`), name);
    }
    assert.equal(body.split('<a href="/containers/a">/a</a>').length, 3, 'an event and a process');
  });

  it('has no row of dashes for a mount that is gone', async () => {
    const host: FakeContainer = {
      name: '/',
      samples: [
        {
          time: 1,
          cells: [
            [column('filesystem.capacity', ['/dev/there']), 2048],
            [column('filesystem.usage', ['/dev/there']), 1024],
            [column('filesystem.capacity', ['overlay_gone']), Number.NaN],
            [column('filesystem.usage', ['overlay_gone']), Number.NaN],
          ],
        },
      ],
    };
    const { body } = await (await bench.serve({ containers: [host] }))('/host/');
    assert.ok(body.includes('/dev/there'));
    assert.ok(!body.includes('overlay_gone'));
  });

  it('has a table of the sinks on the page of the host', async () => {
    const get = await bench.serve({
      containers: [busy('/', 1, 1), busy('/a', 1, 1)],
      plugins: [
        { id: 'store', state: 'running', up: true, sink: sinkFailing('nothing listens there') } as PluginStatus,
      ],
    });
    const { body } = await get('/host/');
    const [, section = ''] = /<section id="sinks".*?(<tbody>.*?)<\/section>/s.exec(body) ?? [];
    const cells = section
      .replace(/<[^>]+>/g, '|')
      .split(/[|\n]+/)
      .filter((text) => text !== '');
    assert.deepEqual(cells.toSpliced(3, 1), [
      'store',
      '70',
      '2 KiB of 1 MiB',
      '20 s',
      '500',
      '3 refused, 4 queue_full',
      '2.5 ms',
      'nothing listens there; queue in memory: nothing listens there',
    ]);
    assert.match(cells[3]!, /^\d+ s$/);
    assert.ok(!(await get('/containers/a')).body.includes('id="sinks"'));
  });

  it('has metrics of the application with exact values, labels and units', async () => {
    const series = [
      { name: 'hits', labels: { path: '<b>' }, label: '', format: 'int' },
      { name: 'load', labels: {}, label: '', format: 'float' },
    ] as const;
    const values = Float64Array.of(2 ** 62, 0.5);
    const appMetrics = {
      specs: [{ name: 'hits', type: 'COUNTER', format: 'int', units: 'requests' }],
      at: () => [{ time: 1e15, series, values, residuals: Int16Array.of(-3, 0) }],
      history: () => [],
      targets: [],
    } as const;
    const get = await bench.serve({ containers: [busy('/a', 1, 1, { appMetrics })] });
    const { body } = await get('/containers/a');
    assert.ok(body.includes('<code>path=&lt;b&gt;</code>') && body.includes('4611686018427387901 requests</td>'));
    assert.ok(body.includes('Application metrics <small>2</small>') && body.includes('>0.5 </td>'));
  });

  it('says what is wrong, with evidence and what mends it, and what was looked at', async () => {
    const rule = { id: 'cpu-throttled', title: 'CPU quota' };
    const finding = {
      rule: rule.id,
      severity: 'error' as const,
      harm: 90,
      what: 'throttled <hard>',
      meaning: 'it waits',
      evidence: [{ text: 'in 9 of 10 periods', values: {}, start: 0, end: 0 }],
      mend: 'Raise it.',
      lines: [{ tool: 'docker' as const, line: 'docker update --cpus 2 web' }],
    };
    const notLookedAt = [{ rule: { id: 'x', title: 'the disk' }, reason: 'no numbers' }];
    const get = await bench.serve({
      containers: [busy('/a', 1, 1), busy('/b', 1, 1)],
      diagnoses: {
        '/a': { findings: [finding], lookedAt: [rule], notLookedAt },
        '/b': { findings: [], lookedAt: [rule] },
      },
    });
    const { body } = await get('/containers/a');
    for (const text of [
      'throttled &lt;hard&gt;',
      'in 9 of 10 periods',
      'Raise it.',
      'docker update --cpus 2 web</pre>',
      'the disk: no numbers',
    ]) {
      assert.ok(body.includes(text), text);
    }
    assert.ok((await get('/containers/b')).body.includes('Nothing is wrong.'));
  });

  it('advises limits, or says why it does not', async () => {
    const { body } = await (await bench.serve({ containers: [busy('/a', 1, 1)] }))('/containers/a');
    assert.match(body, /<h2>Advice<\/h2><p class="quiet">No advice yet: only 0 min of data/);
  });

  it('is that of a container that ended, with the reason and its capsules, as long as it is remembered', async () => {
    const state = { status: 'exited' as const, exitCode: 137, reason: 'Error', finishedAt: 2e15 };
    const description = {
      aliases: ['job'],
      namespace: 'docker',
      labels: {},
      envs: {},
      networkMode: 'none' as const,
      state,
    };
    const get = await bench.serve({ departed: [{ name: '/job', description }], capsules: [capsuleOf('job')] });
    const { status, body } = await get('/containers/job');
    assert.equal(status, 200);
    for (const text of ['job <small>ended</small>', 'exited, exit code 137', 'href="/api/capsules/job"']) {
      assert.ok(body.includes(text), text);
    }
    assert.equal((await get('/containers/other')).status, 404);
  });

  it('is renewed without the charts and the table, which renew themselves', async () => {
    const get = await bench.serve({ containers: [busy('/a', 1, 1, { children: ['/a/b'] }), busy('/a/b', 1, 1)] });
    const { body } = await get('/containers/a?renew=1');
    assert.ok(body.includes('id="identity"') && !body.includes('<figure') && !body.includes('id="containers"'));
    assert.ok((await get('/containers/a?renew=1&table=1')).body.includes('id="containers"'));
  });

  it('refuses unknown and ambiguous names as the recorded agent does', async () => {
    const get = await bench.serve({
      containers: [busy('/a', 1, 1, { namespace: 'docker', aliases: ['web-1', 'web-2'] })],
    });
    const { status, headers, body } = await get('/docker/web');
    assert.deepEqual([status, headers['content-type']], [404, 'text/plain; charset=utf-8']);
    assert.equal(
      body,
      'failed to get container "/web" with error: unable to find container. Container "web" is not unique\n',
    );
    assert.equal(
      (await get('/containers/b/')).body,
      'failed to get container "/b" with error: unknown container "/b"\n',
    );
  });

  it('leads back from a name that is unknown', async () => {
    const get = await bench.serve({ containers: [busy('/a', 1, 1)] }, '/pre');
    for (const path of ['/pre/containers/b<i>', '/pre/docker/b<i>']) {
      const { status, headers, body } = await get(path, { accept: 'text/html,*/*;q=0.8' });
      assert.deepEqual([status, headers['content-type']], [404, 'text/html; charset=utf-8']);
      assert.ok(body.includes('<a href="/pre/containers/">All containers</a>'), body);
      assert.ok(
        /class="error">[^<]*b&lt;i&gt;|class="error">unable to find/.test(body) && !body.includes('b<i>'),
        body,
      );
    }
  });
});
