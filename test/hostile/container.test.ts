// One container of a real engine that attacks in every way a container can: it costs only itself, and each limit is logged
// once with its name.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { AppContainers } from '../support/app-containers.js';
import { until } from '../support/discovery.js';
import { parseText, type Series } from '../support/exposition.js';
import { cpuUsage } from '../support/kernel-oracle.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { LIMIT_MS } from './limit.js';

const MIB = 1024 * 1024;
/** Requests of /healthz that have to be answered while the attack runs. */
const HEALTH_REQUESTS = 150;
/** How long a condition may take to come true where the machine is busy. */
const TIMEOUT_MS = 120_000;
/** The most that the attacker may have of /metrics: 1,000 series, each with 8 KiB of labels and 4 KiB of its own, and those of a container. */
const MAX_ATTACKER_BYTES = 13 * MIB;
/** What may be left of it in /metrics once it is gone: when it was last seen. */
const MAX_BYTES_AFTERWARDS = 64 * 1024;

const CONFIG = (endpoint: string) => `
housekeeping: { interval: 500ms, dynamic: false }
# Enough for both containers, and for a later one only when the attacker's targets are free again.
appMetrics: { maxTotalTargets: 26 }
plugins:
  - { use: docker, with: { endpoint: '${endpoint}' } }
  - { use: podman, enabled: false }
  - { use: app-prometheus, enabled: true }
  - { use: app-regex, enabled: true }
  - { use: prometheus, with: { maxAppNames: 60 } }
`;

const CPU = 'container_cpu_usage_seconds_total';

/** A target label's keys and values for `docker run`. */
const target = (name: string, path: string): string[] =>
  Object.entries({ port: '8000', path, interval: '1s' }).map(
    ([key, value]) => `tallyman.metrics.${name}.${key}=${value}`,
  );

/** Answers of about 4 MiB: series with long labels, a single line, and nothing but families. */
const LARGE: Readonly<Record<string, string>> = {
  series: Array.from({ length: 3500 }, (_, i) => `big_${i}{v="${'v'.repeat(1150)}"} 1\n`).join(''),
  line: `line{${Array.from({ length: 370_000 }, (_, i) => `l${i}=""`).join(',')}} 1\n`,
  families: Array.from({ length: 150_000 }, (_, i) => `# TYPE family_${i} gauge\n`).join(''),
};
const LARGE_NAMES = Object.keys(LARGE);

/** Other names at each request. */
const NAMES = `#!/bin/busybox sh
/bin/busybox printf 'Content-Type: text/plain\\r\\n\\r\\n'
exec /bin/busybox awk -v seed="$(/bin/busybox date +%s)" 'BEGIN { for (i = 0; i < 90; i++) print "made_up_" seed "_" i " 1" }'
`;

/** Expressions that would take minutes on so many letters. */
const LETTERS = 'a'.repeat(262_144);
const slowFile = (name: string, size: number): string =>
  JSON.stringify({
    endpoint: { port: 8000, path: '/letters' },
    metrics_config: [{ name, polling_frequency: 1, data_type: 'int', regex: `(?i)(\\pL{1,${size}}b)` }],
  });

/** Highest resident memory of a process so far, bytes. */
function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** `MemoryMax=` of the unit that the packages install, bytes. */
function memoryMax(): number {
  const unit = readFileSync(join(projectRoot, 'config/systemd/tallyman.service'), 'utf8');
  return Number(/^MemoryMax=(\d+)M$/m.exec(unit)![1]) * MIB;
}

describe('a container that runs all attacks', { timeout: LIMIT_MS, skip: needs(...DOCKER_ENGINE, 'ip') }, () => {
  let containers: AppContainers;
  let agent: AgentProcess;
  let healthy: string;
  let attacker: string;
  /** The healthy container's before the attack. */
  let quiet: readonly Series[];

  const metrics = async (): Promise<string> => {
    const answer = await fetch(`${agent.url}/metrics`);
    const text = await answer.text();
    assert.equal(answer.status, 200, text.slice(0, 300));
    return text;
  };
  /** Bytes of /metrics that are about the attacker. */
  const attackerBytes = async () =>
    (await metrics())
      .split('\n')
      .filter((line) => line.includes(attacker))
      .reduce((sum, line) => sum + line.length, 0);
  const seriesOf = async (name: string) => parseText(await metrics()).series.filter(({ labels }) => labels.id === name);
  const find = (series: readonly Series[], name: string) => series.find((one) => one.name === name);
  /** CPU time, ns; one series for each CPU on cgroup v1. */
  const cpuOf = (series: readonly Series[]) =>
    Math.round(series.filter(({ name }) => name === CPU).reduce((sum, { value }) => sum + value * 1e9, 0));
  /** Without CPU time, which has one more series as soon as the container runs on another CPU. */
  const namesOf = (series: readonly Series[]) =>
    series
      .filter(({ name }) => name !== CPU)
      .map(({ key }) => key)
      .sort();

  /** Asks for a container's series until they fit. */
  async function untilSeries(name: string, fits: (series: readonly Series[]) => boolean): Promise<readonly Series[]> {
    let series: readonly Series[] = [];
    await until(
      async () => {
        series = await seriesOf(name);
        return fits(series);
      },
      () => `${namesOf(series).join('\n')}\n${agent.output}`,
      TIMEOUT_MS,
    );
    return series;
  }

  /** Lines of the log about the attacker's limits. */
  const reported = (pattern: RegExp) =>
    agent.output.split('\n').filter((line) => line.includes(attacker) && pattern.test(line));

  const pathOf = (index: number) => (index === 0 ? '/cgi-bin/names' : `/${LARGE_NAMES[index % LARGE_NAMES.length]}`);

  async function attack(): Promise<string> {
    const labels = [
      ...Array.from({ length: 300 }, (_, i) => target(`t${i}`, pathOf(i))).flat(),
      ...Array.from({ length: 3000 }, (_, i) => `key.${i}=x`),
      ...['first', 'second'].map((name) => `io.cadvisor.metric.${name}=/www/${name}.json`),
    ];
    containers.write('attacker', 'labels', labels.join('\n'));
    containers.write('attacker', 'cgi-bin/names', NAMES);
    chmodSync(containers.path('attacker', 'cgi-bin/names'), 0o755);
    const files = {
      ...Object.fromEntries(LARGE_NAMES.map((name) => [name, 'small 1\n'])),
      letters: LETTERS,
      'first.json': slowFile('first', 440),
      'second.json': slowFile('second', 450),
    };
    // One argument of a command has less than 128 KiB.
    const huge = ['-l', `huge=${'x'.repeat(120_000)}`];
    return containers.serve('attacker', files, ['--label-file', containers.path('attacker', 'labels'), ...huge]);
  }

  let isFlooding = false;
  function flood(): void {
    if (!isFlooding) for (const [name, text] of Object.entries(LARGE)) containers.write('attacker', name, text);
    isFlooding = true;
  }

  before(async () => {
    containers = await AppContainers.start();
    agent = await AgentProcess.start(CONFIG(containers.endpoint));
    healthy = await containers.serve('healthy', { metrics: 'well_requests 1\n' }, [
      ...target('app', '/metrics').flatMap((label) => ['-l', label]),
      ...['-l', 'tier=web'],
    ]);
    let before = '';
    quiet = await untilSeries(healthy, (series) => {
      const [names, isSame] = [namesOf(series).join(), namesOf(series).join() === before];
      before = names;
      return isSame && find(series, 'well_requests')?.value === 1 && find(series, CPU) !== undefined;
    });
    attacker = await attack();
  });
  after(async () => {
    await agent?.stop();
    await containers?.stop();
  });

  const LIMITS = {
    targets: /has 300 targets for app-prometheus, of which 20 are collected/,
    rate: /bytes of metrics per second, of which it may send/,
    series: /has more than is kept of its metrics/,
    names: /has more names of application metrics than there is room for/,
    labels: /has more labels than \/metrics takes/,
    'first regex': /"first\\" is switched off/,
    'second regex': /"second\\" is switched off/,
  };

  it('does not stop the agent from answering', async () => {
    let answered = 0;
    let largest = 0;
    const isOver = () =>
      Object.values(LIMITS).every((pattern) => reported(pattern).length > 0) && answered >= HEALTH_REQUESTS;
    const scrapes = until(
      async () => {
        largest = Math.max(largest, await attackerBytes());
        return isOver();
      },
      () => agent.output,
      TIMEOUT_MS,
    );
    const healthRequests = until(
      async () => {
        const answer = await fetch(`${agent.url}/healthz`);
        await answer.text();
        assert.equal(answer.status, 200);
        answered++;
        // The regular expressions first: on a busy machine the flood of bytes would put them off for minutes.
        if (reported(LIMITS['first regex']).length > 0 && reported(LIMITS['second regex']).length > 0) flood();
        return isOver();
      },
      () => `${answered} answers\n${agent.output}`,
      TIMEOUT_MS,
    );
    await Promise.all([healthRequests, scrapes]);
    assert.ok(largest > 0 && largest < MAX_ATTACKER_BYTES, `${largest} bytes`);
    assert.ok(peakMemory(agent.pid) < memoryMax(), `${peakMemory(agent.pid)} bytes`);
  });

  it('changes neither the numbers nor the series of another container', async () => {
    const startedAt = Date.now();
    const used = cpuUsage(new RealCgroup(healthy));
    containers.write('healthy', 'metrics', 'well_requests 2\n');
    const attacked = await untilSeries(
      healthy,
      (series) => find(series, 'well_requests')?.value === 2 && find(series, CPU)!.time! > startedAt,
    );
    assert.deepEqual(namesOf(attacked), namesOf(quiet));
    const [counted, usedNow] = [cpuOf(attacked), cpuUsage(new RealCgroup(healthy))];
    assert.ok(counted >= used && counted <= usedNow, `${used} ≤ ${counted} ≤ ${usedNow}`);
    assert.ok(counted > cpuOf(quiet));
  });

  it('is logged once for each limit', () => {
    for (const [limit, pattern] of Object.entries(LIMITS)) {
      assert.equal(reported(pattern).length, 1, `${limit}: ${reported(pattern).join('\n')}`);
    }
  });

  it('leaves nothing behind', async () => {
    await containers.engine.cli('rm', '-f', 'attacker');
    await until(
      async () => (await attackerBytes()) < MAX_BYTES_AFTERWARDS,
      () => agent.output,
      TIMEOUT_MS,
    );
    const files = { metrics: Array.from({ length: 50 }, (_, i) => `own_${i} 1\n`).join(''), one: 'one 1\n' };
    const labels = Array.from({ length: 20 }, (_, i) => target(`t${i}`, i === 0 ? '/metrics' : '/one')).flat();
    const later = await containers.serve(
      'later',
      files,
      labels.flatMap((label) => ['-l', label]),
    );
    const isComplete = (series: readonly Series[]) =>
      series.filter(({ name }) => name.startsWith('own_')).length === 50 &&
      series.filter(({ name, value }) => name === 'tallyman_app_target_up' && value === 1).length === 20;
    await untilSeries(later, isComplete);
  });
});
