import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SimulatedHost, TestAgent } from '../../../testing/index.js';
import top from './index.js';
import { detail, listing } from './schema.js';

interface Listing {
  readonly since: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (number | null)[])[];
  readonly facts: readonly { readonly id: number; readonly path: string }[];
}

const CPU = (usec: number, throttled = 0) =>
  `usage_usec ${usec}\nuser_usec ${usec}\nsystem_usec 0\nnr_periods 100\nnr_throttled ${throttled}\nthrottled_usec 0\n`;

describe('endpoint top', () => {
  const host = new SimulatedHost(2);
  let agent: TestAgent;

  before(async () => {
    host.write({ 'proc/uptime': '100.00 100.00\n' });
    for (const name of ['/', '/shop', '/shop/web']) {
      host.writeCgroup(name, 'cpu', {
        'cgroup.controllers': 'cpu memory pids\n',
        'cgroup.procs': name === '/shop/web' ? '11\n12\n' : name === '/shop' ? '10\n' : '',
        'cpu.stat': CPU(1_000_000),
        'cpu.max': name === '/shop/web' ? '50000 100000\n' : 'max 100000\n',
        'memory.current': '4096\n',
        'memory.max': name === '/shop/web' ? '8192\n' : 'max\n',
        'memory.stat': 'inactive_file 0\n',
      });
    }
    agent = await TestAgent.start({ root: host.root, plugins: [{ plugin: top }] });
  });
  after(async () => {
    await agent?.stop();
    host.remove();
  });

  const ask = (since = '') => agent.json<Listing>(`/api/top?since=${since}`);
  const rowOf = ({ columns, rows, facts }: Listing, path: string) => {
    const { id } = facts.find((each) => each.path === path)!;
    const row = rows.find(([each]) => each === id)!;
    return Object.fromEntries(columns.map((column, i) => [column, row[i]]));
  };

  it('lists every container once, with limits, and processes with those below', async () => {
    const answer = await ask();
    assert.equal(listing.safeParse(answer).error, undefined);
    assert.deepEqual(
      answer.facts.map(({ path }) => path),
      ['/', '/shop', '/shop/web'],
    );
    const web = rowOf(answer, '/shop/web');
    assert.deepEqual([web.memory, web.memory_limit, web.cpu_limit, web.processes], [4096, 8192, 0.5, 2]);
    assert.deepEqual([rowOf(answer, '/shop').processes, rowOf(answer, '/').processes], [3, 3]);
  });

  it('sends facts again only when they changed', async () => {
    const first = await ask();
    const second = await ask(first.since);
    assert.deepEqual([second.facts, second.rows.length, second.since], [[], 3, first.since]);
    const other = `${'0'.repeat(12)}.${first.since.split('.')[1]}`;
    for (const odd of [other, 'x', `${first.since}.1`, `${first.since.split('.')[0]}.-1`]) {
      assert.ok((await ask(odd)).facts.length === 3 || odd.startsWith(first.since), odd);
    }
  });

  it('has whole rows of the ids that are asked for, and columns of the other containers', async () => {
    const { facts, columns, since } = await ask();
    const [root, shop, web] = facts.map(({ id }) => id);
    type Part = Listing & { readonly others: { columns: string[]; rows: unknown[][] } | null };
    const part = await agent.json<Part>(`/api/top?since=${since}&ids=${web},${web},999999&others=memory,processes`);
    assert.equal(listing.safeParse(part).error, undefined);
    assert.deepEqual([part.columns, part.facts], [columns, []]);
    assert.deepEqual([part.rows.length, rowOf({ ...part, facts }, '/shop/web').memory], [1, 4096]);
    assert.deepEqual(part.others!.columns, ['id', 'memory', 'processes']);
    assert.deepEqual(part.others!.rows.slice(1), [[shop, 4096, 3]]);
    assert.deepEqual(part.others!.rows[0]!.slice(0, 1), [root]);
    const alone = await agent.json<Part>(`/api/top?since=${since}&ids=${shop}`);
    assert.deepEqual([alone.rows.map(([id]) => id), alone.others], [[shop], null]);
    for (const odd of ['ids=x', 'ids=1&others=id', 'ids=1&others=none'])
      assert.equal((await agent.get(`/api/top?${odd}`)).status, 400, odd);
  });

  it('has the history, processes and missing numbers of one container', async () => {
    host.writeCgroup('/shop/web', 'cpu', { 'cpu.stat': CPU(1_500_000, 50) });
    await agent.sample();
    const answer = await agent.json<{ readonly cpu: readonly (number | null)[]; readonly process_count: number }>(
      '/api/top/shop/web',
    );
    assert.equal(detail.safeParse(answer).error, undefined);
    assert.ok(answer.cpu.some((cores) => cores !== null && cores > 0));
    assert.equal(answer.process_count, 2);
    assert.equal((await agent.get('/api/top/none')).status, 404);
  });

  it('has the short history of the containers that are asked for', async () => {
    const { facts } = await ask();
    const { id } = facts.find(({ path }) => path === '/shop/web')!;
    const answer = await agent.json<{ history: Record<string, { memory: (number | null)[]; cpu: unknown[] }> }>(
      `/api/top?history=${id},999999`,
    );
    assert.equal(listing.safeParse(answer).error, undefined);
    assert.deepEqual(Object.keys(answer.history), [String(id)]);
    const { cpu, memory } = answer.history[id]!;
    assert.deepEqual([cpu.length, memory.length, memory.at(-1)], [30, 30, 4096]);
    assert.equal((await agent.get('/api/top?history=x')).status, 400);
  });

  it('sends only what is newer, without processes, and samples the container more often meanwhile', async () => {
    type Series = { readonly times: number[]; readonly interval_ms: number; readonly processes?: unknown };
    const all = await agent.json<Series>('/api/top/shop/web?series=true');
    assert.ok(all.times.length >= 2 && all.processes === undefined);
    assert.equal(all.interval_ms, 500);
    const newer = await agent.json<Series>(`/api/top/shop/web?series=true&since=${all.times.at(-2)}`);
    assert.equal(detail.safeParse(newer).error, undefined);
    assert.equal(newer.times[0], all.times.at(-1));
    for (const odd of ['range=week', 'since=x']) {
      assert.equal((await agent.get(`/api/top/shop/web?${odd}`)).status, 400, odd);
    }
  });

  it('has the minutes of the last hour and day', async () => {
    for (const range of ['hour', 'day']) {
      const answer = await agent.json<{ times: number[]; memory_max: number[] }>(`/api/top/shop/web?range=${range}`);
      assert.equal(detail.safeParse(answer).error, undefined);
      assert.deepEqual([answer.times, answer.memory_max], [[], []], 'no minute ended yet');
    }
  });
});
