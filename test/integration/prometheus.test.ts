import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { agentMain, projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { parseText } from '../support/exposition.js';
import { FakeEngine, fakeContainer, fakeEvent } from '../support/fake-engine.js';
import { needs } from '../support/needs.js';
import { PrometheusServer } from '../support/prometheus-server.js';
import { CGROUP_VERSION, RealCgroup } from '../support/real-cgroup.js';

/** Containers come and go for so long while Prometheus scrapes; more by the variable. s */
const DURATION = Number(process.env.TALLYMAN_TEST_SCRAPE_SECONDS ?? 8);
/** Also the longest that a scrape may take, which on a loaded host is more than a second. s */
const SCRAPE_INTERVAL = 3;
/** How often each job has scraped before anything is judged. */
const SCRAPES = Math.floor(DURATION / SCRAPE_INTERVAL) + 1;
/** A container that came goes after so many rounds. */
const LIFE = 4;
const RULES = ['tallyman.rules.yml', 'fleet.rules.yml'].map((name) => join(projectRoot, 'config/prometheus', name));
const JOBS = ['tallyman', 'plain'];
const DASHBOARDS = ['tallyman-containers.json', 'tallyman-fleet.json'];
const PARENT = `/tallyman-test-${process.pid}-prometheus`;
const WEB = 'a'.repeat(64);
const DATABASE = 'b'.repeat(64);
const JOB = 'c'.repeat(64);
const NAMES: Readonly<Record<string, string>> = { [WEB]: 'web', [DATABASE]: 'database', [JOB]: 'job' };
const RULE_TESTS = ['rules.yml', 'fleet-rules.yml'].map((name) => join('test/fixtures/prometheus', name));
/** Variables of dashboards that stand for label values. */
const VARIABLE = /\$(instance|container|host|cluster)\b/g;
/** The end of a query that leaves out what is in order. */
const FILTER = / ([<>]|[!=]=) [\d.]+\)*$/;
const FILE = join(projectRoot, `.test-build/io-${process.pid}`);
const WRITE = `dd if=/dev/zero of=${FILE} bs=64k count=4 oflag=direct conv=fsync`;
const READ = `dd if=${FILE} of=/dev/null bs=64k iflag=direct`;
const WORKLOAD = `while sleep 0.2; do head -c 300000 /dev/zero | sha256sum; ${WRITE}; ${READ}; done > /dev/null 2>&1`;

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8', cwd: projectRoot });
const lint = (text: string) => spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
const complaints = (text: string) => new Set(lint(text).stderr.trim().split('\n'));

describe('a real Prometheus', { skip: needs('cgroups', 'prometheus', 'promtool') }, () => {
  const engine = new FakeEngine();
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-prometheus-'));
  const parent = new RealCgroup(PARENT);
  const cgroups = new Map<string, RealCgroup>();
  let agent: AgentProcess;
  let prometheus: PrometheusServer;

  before(async () => {
    parent.create();
    await engine.listen();
    for (const id of [DATABASE, WEB, JOB]) await startContainer(id);
    agent = await AgentProcess.start(agentConfig(engine.endpoint, join(directory, 'samples.ndjson')));
    prometheus = await PrometheusServer.start(prometheusConfig(new URL(agent.url).host));
    await churn();
    await endContainer(JOB);
    await makeCgroup('last');
    for (const job of JOBS) await prometheusSees(`count_over_time(up{job="${job}"}[10m]) >= ${SCRAPES}`);
    await prometheusSees('container_last_seen{job="tallyman", id=~".*/last"}');
    await prometheusSees('container_exit_code{job="tallyman", name="job"} == 3');
  });

  after(async () => {
    await prometheus?.stop();
    await agent?.stop();
    await engine.dispose();
    for (const cgroup of cgroups.values()) await cgroup.remove();
    await parent.remove();
    rmSync(FILE, { force: true });
    rmSync(directory, { recursive: true, force: true });
  });

  /** @returns the pid of a process in it that does something */
  async function makeCgroup(name: string): Promise<number> {
    const cgroup = new RealCgroup(`${PARENT}/${name}`);
    cgroups.set(name, cgroup);
    cgroup.create();
    return (await cgroup.run(WORKLOAD)).pid;
  }

  async function removeCgroup(name: string): Promise<void> {
    await cgroups.get(name)?.remove();
    cgroups.delete(name);
  }

  /** A cgroup that the engine takes for one of its containers. */
  async function startContainer(id: string): Promise<void> {
    const pid = await makeCgroup(id);
    const cgroup = cgroups.get(id)!;
    if (CGROUP_VERSION === 1) {
      cgroup.write('cpu', 'cpu.cfs_quota_us', '20000');
      cgroup.write('memory', 'memory.limit_in_bytes', '67108864');
    } else {
      cgroup.write('cpu', 'cpu.max', '20000 100000');
      cgroup.write('memory', 'memory.max', '67108864');
    }
    const health = { Status: 'unhealthy', FailingStreak: 1 };
    tellEngine(id, { Status: 'running', Running: true, Pid: pid, StartedAt: '2026-01-02T03:04:06Z', Health: health });
    engine.send(fakeEvent(id, 'start'));
  }

  async function endContainer(id: string): Promise<void> {
    await removeCgroup(id);
    const times = { StartedAt: '2026-01-02T03:04:06Z', FinishedAt: new Date().toISOString() };
    tellEngine(id, { Status: 'exited', Running: false, Pid: 0, ExitCode: 3, OOMKilled: true, ...times });
    engine.send(fakeEvent(id, 'die', { exitCode: '3' }));
  }

  function tellEngine(id: string, state: Record<string, unknown>): void {
    engine.containers.set(id, fakeContainer(id, NAMES[id]!, { RestartCount: 1, State: state }));
  }

  /** Raw cgroups come and go, and one of the engine's containers is started again and again under its id. */
  async function churn(): Promise<void> {
    const end = Date.now() + DURATION * 1000;
    for (let round = 0; Date.now() < end; round++) {
      await makeCgroup(`raw${round}`);
      await removeCgroup(`raw${round - LIFE}`);
      if (round % LIFE === 0) await endContainer(WEB);
      if (round % LIFE === 2) await startContainer(WEB);
      await pause(500);
    }
  }

  /** What this host's kernel does not count: pressure needs cgroup v2, and not every disk is counted by cgroup. */
  function uncounted(): RegExp {
    const [controller, file] = CGROUP_VERSION === 1 ? ['blkio', 'blkio.throttle.io_service_bytes'] : ['io', 'io.stat'];
    const hasIo = /\d+:\d+/.test(cgroups.get(DATABASE)!.read(controller!, file!));
    const metrics = [...(CGROUP_VERSION === 1 ? ['pressure'] : []), ...(hasIo ? [] : ['fs_(reads|writes)_bytes'])];
    return metrics.length === 0 ? /(?!)/ : new RegExp(`container_(${metrics.join('|')})_`);
  }

  /** Metrics and recorded series that a query reads. */
  async function everyMetricExists(of: string, query: string): Promise<void> {
    const absent = uncounted();
    const names = query.match(/\b(container|tallyman|machine|process)_\w+|\b(container|host|cluster):[\w:]+|\bup\b/g);
    for (const metric of (names ?? []).filter((name) => !absent.test(name))) {
      assert.ok((await prometheus.query(`count(${metric})`)).length > 0, `${of}: ${metric}`);
    }
  }

  async function prometheusSees(expression: string): Promise<void> {
    while ((await prometheus.query(expression)).length === 0) await pause(100);
  }

  it('scrapes the agent without a failure, in OpenMetrics and without timestamps', async () => {
    for (const job of JOBS) {
      assert.equal(await prometheus.number(`min_over_time(up{job="${job}"}[10m])`), 1, job);
    }
  });

  it('reports no out-of-order, duplicate or out-of-bounds samples', async () => {
    assert.deepEqual(prometheus.complaints, []);
    const own = await prometheus.text();
    for (const name of ['duplicate_timestamp', 'out_of_order', 'out_of_bounds']) {
      const found = new RegExp(`^prometheus_target_scrapes_sample_${name}_total (\\d+)$`, 'm').exec(own);
      assert.equal(found?.[1], '0', name);
    }
  });

  it('marks series of a removed container as stale at once, and not those of a restarted one', async () => {
    assert.deepEqual(await prometheus.query(`container_last_seen{job="plain", id="${PARENT}/raw0"}`), []);
    const { series } = parseText(await (await fetch(`${agent.url}/metrics`)).text());
    assert.deepEqual(
      series.filter(({ labels }) => labels.id === `${PARENT}/raw0`),
      [],
    );
    const restarts = await prometheus.number(`count(count_over_time(container_state{job="plain", name="web"}[10m]))`);
    assert.equal(restarts, 6, 'one series for each state: restarts make no new ones');
  });

  it('has only promtool warnings about cAdvisor’s names', async () => {
    const recorded = complaints(readFileSync(join(projectRoot, 'test/golden/metrics.txt'), 'utf8'));
    const text = await (await fetch(`${agent.url}/metrics`)).text();
    assert.deepEqual(
      [...complaints(text)].filter((line) => !recorded.has(line)),
      [],
    );
  });

  it('loads the rules, raises the expected alerts, and has every metric of the rules', async () => {
    const checked = promtool('check', 'rules', ...RULES);
    assert.equal(checked.status, 0, checked.stderr);
    const tried = promtool('test', 'rules', ...RULE_TESTS);
    assert.equal(tried.status, 0, tried.stderr);
    const { groups } = (await prometheus.api('rules')) as { groups: { rules: LoadedRule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 25);
    for (const { name, health, lastError, query } of rules) {
      assert.equal(health, 'ok', `${name}: ${lastError}`);
      await everyMetricExists(name, query);
    }
  });

  for (const file of DASHBOARDS) {
    it(`every query of ${file} returns data`, async () => {
      const { panels, templating } = JSON.parse(
        readFileSync(join(projectRoot, 'config/grafana', file), 'utf8'),
      ) as Dashboard;
      const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
      assert.ok(expressions.length > 20);
      const absent = uncounted();
      for (const { title, expr } of expressions.filter(({ expr }) => !absent.test(expr))) {
        const filled = expr
          .replaceAll('$__rate_interval', '30s')
          .replaceAll('$__range', '10m')
          .replaceAll(VARIABLE, '.*');
        assert.ok(!filled.includes('$'), `${title}: ${filled}`);
        const found = await prometheus.query(filled);
        // What only shows what is wrong may be empty.
        if (FILTER.test(filled)) await everyMetricExists(title, filled);
        else assert.ok(found.length > 0, `${title}: ${filled}`);
      }
      const variables = templating.list.flatMap(({ definition }) => definition ?? []);
      for (const definition of variables) {
        const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(definition)!;
        const filled = `count by (${label}) (${metric!.replaceAll(VARIABLE, '.*')})`;
        const values = (await prometheus.query(filled)).map(({ metric }) => metric[label!] ?? '');
        assert.ok(
          values.some((value) => value !== ''),
          definition,
        );
      }
    });
  }

  it('`tallyman cardinality` counts what a running agent serves', () => {
    const ask = (...args: string[]) =>
      spawnSync(process.execPath, [agentMain, 'cardinality', '--url', agent.url, ...args], { encoding: 'utf8' });
    assert.match(ask().stdout, /^\/metrics holds [\d,]+ series in \d+ metrics/);
    const { metrics } = JSON.parse(ask('--json').stdout) as { metrics: { name: string; series: number }[] };
    assert.ok(metrics.find(({ name }) => name === 'container_last_seen')!.series > 3);
  });
});

interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly query: string;
}

interface Dashboard {
  readonly panels: { readonly title: string; readonly targets?: { readonly expr: string }[] }[];
  readonly templating: { readonly list: { readonly definition?: string }[] };
}

function agentConfig(engine: string, file: string): string {
  return `
plugins:
  - { use: docker, with: { endpoint: "${engine}" } }
  - { use: podman, enabled: false }
  - { use: file, with: { path: "${file}", containersInclude: ['${PARENT}/*'] } }
  - { use: prometheus, with: { containersInclude: ['/', '${PARENT}/*'] } }
  - { use: prometheus, id: plain, with: { path: /plain, timestamps: false, containersInclude: ['/', '${PARENT}/*'] } }
`;
}

function prometheusConfig(target: string): string {
  return `
global: { scrape_interval: ${SCRAPE_INTERVAL}s, scrape_timeout: ${SCRAPE_INTERVAL}s, evaluation_interval: 5s }
rule_files: ${JSON.stringify(RULES)}
scrape_configs:
  - { job_name: tallyman, static_configs: [{ targets: ['${target}'], labels: { host: one, cluster: test } }] }
  - { job_name: plain, metrics_path: /plain, static_configs: [{ targets: ['${target}'] }] }
`;
}
