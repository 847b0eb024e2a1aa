// A real Prometheus scrapes a recorded answer of cAdvisor v0.60.5 and what Tallyman answers with the samples recorded at the
// same moment, both three times with counters advanced alike: the queries of dashboards and rules give the same results.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';
import { containerFromInfo, containerFromSpec, type FakeContainer } from '../conformance/world/fake-agent.js';
import { golden, goldenObject, goldenText } from '../conformance/world/golden.js';
import { metricsWorld } from '../conformance/world/metrics-world.js';
import { machineFromJson } from '../conformance/world/recorded-agent.js';
import { type Json, type JsonObject, sampleFromJson } from '../conformance/world/recorded-samples.js';
import { column, type FakeSample } from '../conformance/world/samples.js';
import { projectRoot } from '../project.js';
import { metricsEndpoint } from '../support/exposition.js';
import { needs } from '../support/needs.js';
import { PrometheusServer, type QueryResult } from '../support/prometheus-server.js';

interface Catalog {
  /** By the dashboard or the set of rules that asks. */
  readonly queries: Readonly<Record<string, readonly string[]>>;
  /** Queries whose results differ on purpose, with the words of docs/compatibility.md that say so. */
  readonly differ: Readonly<Record<string, string>>;
}

const RECORDINGS = 'golden-0.60';
const catalog = JSON.parse(readFileSync(join(projectRoot, 'test/fixtures/dashboards/queries.json'), 'utf8')) as Catalog;
/** By what the counters of each scrape are multiplied. */
const GROWTH = [1, 1.25, 1.75];
/** Between the times of samples. ms */
const STEP = 20_000;
/** Samples are of a time to come, after the scrapes: what has no time of its own is then known when queries ask. ms */
const AHEAD = 120_000;
/** When cAdvisor was scraped. ms since the epoch */
const SCRAPED_AT = 1_795_716_502_650;
const HEALTHY = { status: 'healthy', failingStreak: 0 } as const;
const COUNTER = /^\w+_total[{ ]/;
/** Of these series only the scrape is recorded, not the samples. */
const ONLY_SCRAPED = /name="g6-paused"|^container_(fs_(?!(reads|writes)_bytes)|tasks_state).*name="g6-health"/;
const PODS = ['g6-limits', 'g6-health'];

describe('queries of dashboards, asked of cAdvisor v0.60.5 and of Tallyman', { skip: needs('prometheus') }, () => {
  const bodies = new Map<string, readonly string[]>();
  const served = new Map<string, number>();
  let everythingServed = (): void => {};
  const scraped = new Promise<void>((resolve) => {
    everythingServed = resolve;
  });
  const server = createServer((request, response) => {
    const texts = bodies.get(request.url!)!;
    const count = served.get(request.url!) ?? 0;
    served.set(request.url!, count + 1);
    response.setHeader('Content-Type', 'text/plain; version=0.0.4').end(texts[Math.min(count, texts.length - 1)]);
    // A target is asked again when its answer has been stored.
    if ([...bodies.keys()].every((path) => (served.get(path) ?? 0) > GROWTH.length)) everythingServed();
  });
  const first = Date.now() + AHEAD;
  const last = first + (GROWTH.length - 1) * STEP;
  let prometheus: PrometheusServer;

  before(async () => {
    const advanced = (text: string) => GROWTH.map((factor, index) => advance(text, factor, first + index * STEP));
    bodies.set('/old', advanced(goldenText('all-metrics.txt', RECORDINGS)));
    bodies.set('/new', advanced(await answerOfTallyman()));
    bodies.set('/pods', [PODS.map((pod) => `kube_pod_info{namespace="shop",pod="${pod}",node="one"} 1\n`).join('')]);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    prometheus = await PrometheusServer.start(configFor((server.address() as AddressInfo).port, [...bodies.keys()]));
    await scraped;
  });

  after(async () => {
    await prometheus?.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function resultsOf(query: string, target: string): Promise<Map<string, string>> {
    assert.ok(query.includes('{$target'), `${query} does not say of which target`);
    const asked = encodeURIComponent(query.replaceAll('$target', `job="${target}"`));
    const answer = (await prometheus.api(`query?query=${asked}&time=${last / 1000}`)) as { result: QueryResult[] };
    return new Map(answer.result.map(({ metric, value }) => [seriesOf(metric), value[1]]));
  }

  for (const [asker, queries] of Object.entries(catalog.queries)) {
    it(`${asker}: every query returns what it returned`, async () => {
      const wrong: string[] = [];
      for (const query of queries) {
        const [old, fresh] = [await resultsOf(query, 'old'), await resultsOf(query, 'new')];
        assert.ok(old.size > 0, `${query} finds nothing in the recorded scrape`);
        const found = differences(old, fresh);
        const isAllowed = query in catalog.differ;
        if (isAllowed && found.length === 0) wrong.push(`${query} is said to differ and does not`);
        if (!isAllowed && found.length > 0) wrong.push(`${query}\n  ${found.join('\n  ')}`);
      }
      assert.equal(wrong.join('\n'), '');
    });
  }

  it('a series that Tallyman lacks, one that it has in addition and another value are found', () => {
    const missing = differences(new Map([['{a}', '1']]), new Map());
    const additional = differences(new Map(), new Map([['{a}', '1']]));
    const changed = differences(new Map([['{a}', '1']]), new Map([['{a}', '1.0001']]));
    assert.deepEqual([missing.length, additional.length, changed.length], [1, 1, 1]);
  });

  it('what differs on purpose is asked for, and the compatibility table says why', () => {
    const asked = new Set(Object.values(catalog.queries).flat());
    const table = readFileSync(join(projectRoot, 'docs/compatibility.md'), 'utf8');
    for (const [query, words] of Object.entries(catalog.differ)) {
      assert.ok(asked.has(query), `nobody asks ${query}`);
      assert.ok(table.includes(words), `the table does not say: ${words}`);
    }
  });
});

/** What Tallyman answers with the recorded samples, at the time of the recorded scrape. */
async function answerOfTallyman(): Promise<string> {
  const root: FakeContainer = {
    ...containerFromSpec('/', goldenObject('all-v2.0-spec-root.json', RECORDINGS)['/'] as JsonObject),
    samples: samplesFrom(golden('all-v2.1-machinestats.json', RECORDINGS)),
  };
  const [limits] = Object.values(goldenObject('all-v1.3-docker-g6-limits.json', RECORDINGS)) as JsonObject[];
  const [name, spec] = Object.entries(goldenObject('all-v2.0-spec-g6-health.json', RECORDINGS))[0]!;
  const known = containerFromSpec(name, spec as JsonObject);
  const health: FakeContainer = {
    ...known,
    // Specs of v2 have no health. Its check is `true`.
    description: { ...known.description, state: { ...known.description!.state!, health: HEALTHY } },
    samples: samplesFrom((goldenObject('all-v2.1-stats-g6-health.json', RECORDINGS)[name] as JsonObject).stats!),
  };
  const containers = [root, { ...containerFromInfo(limits!), samples: samplesFrom(limits!.stats!) }, health];
  const machine = machineFromJson(goldenObject('all-v1.3-machine.json', RECORDINGS));
  const endpoint = metricsEndpoint(await metricsWorld(containers, { machine }));
  mock.timers.enable({ apis: ['Date'], now: SCRAPED_AT });
  try {
    return await endpoint.text();
  } finally {
    mock.timers.reset();
  }
}

/** Samples as recorded by the API, which leaves out a count of no kills. */
function samplesFrom(recorded: Json): FakeSample[] {
  const noKills = [column('oom.kills'), 0] as const;
  return (recorded as JsonObject[])
    .map(sampleFromJson)
    .map(({ time, cells }) => ({ time, cells: [...cells, noKills] }));
}

/** What is recorded of the scrape and of its samples, later: counters multiplied, samples of another time. */
function advance(text: string, factor: number, time: number): string {
  const known = text.split('\n').filter((line) => !ONLY_SCRAPED.test(line));
  const lines = known.map((line) => {
    const sample = /^([^#].*?) (\S+)( \d{13})?$/.exec(line);
    if (sample === null) return line;
    const [, series, value, ofTime] = sample as unknown as [string, string, string, string?];
    const advanced = COUNTER.test(`${series} `) ? Number(value) * factor : value;
    return `${series} ${advanced}${ofTime === undefined ? '' : ` ${time}`}`;
  });
  return lines.join('\n');
}

/** Pods are named after containers, as scrape configurations for Kubernetes name them after labels. */
function configFor(port: number, paths: readonly string[]): string {
  const jobs = paths.map((path) => ({
    job_name: path.slice(1),
    metrics_path: path,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    metric_relabel_configs: [
      ...['pod', 'container'].map((label) => ({ source_labels: ['name'], regex: '(.+)', target_label: label })),
      { source_labels: ['name'], regex: '.+', target_label: 'namespace', replacement: 'shop' },
    ],
  }));
  return JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs });
}

function seriesOf({ job: _job, instance: _instance, ...labels }: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}

function differences(old: ReadonlyMap<string, string>, fresh: ReadonlyMap<string, string>): string[] {
  const lacking = [...old]
    .filter(([series]) => !fresh.has(series))
    .map(([series, value]) => `lacks ${series} ${value}`);
  const additional = [...fresh].filter(([series]) => !old.has(series)).map(([series]) => `has in addition ${series}`);
  const other = [...old]
    .filter(([series, value]) => fresh.has(series) && fresh.get(series) !== value)
    .map(([series, value]) => `${series} is ${fresh.get(series)}, was ${value}`);
  return [...lacking, ...additional, ...other];
}
