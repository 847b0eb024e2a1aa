// A running agent goes over to another configuration, over the real signal, command and route.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/clock.js';
import { agentMain } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { overSocket } from '../support/over-socket.js';
import { RealCgroup } from '../support/real-cgroup.js';

interface Status {
  readonly plugins: readonly { readonly id: string; readonly state: string }[];
  readonly routes: readonly string[];
  readonly configuration: { readonly file?: string; readonly succeeded: number; readonly failed: number };
}
interface Sample {
  readonly timestamp: string;
  readonly cpu?: { readonly usage: { readonly total: number } };
  readonly memory?: { readonly usage: number };
}

const GROUP = `/tallyman-test-${process.pid}-reload`;
const PLUGINS = `
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/', '${GROUP}'] } }`;
// On a loaded host, all samples must be read between two of them.
const config = (more = '', plugins = '', web = "listen: ['127.0.0.1:0']") => `
web: { ${web} }
housekeeping: { interval: 400ms, maxInterval: 400ms, dynamic: false, jitter: 0 }
${more}
plugins:${PLUGINS}${plugins}
`;

let agent: AgentProcess;
before(async () => {
  agent = await AgentProcess.start(config(), []);
});
after(() => agent.stop());

/** Runs `tallyman reload` beside the agent. */
function reload(...args: string[]) {
  const env = { ...process.env, TALLYMAN_RUNTIME_DIRECTORY: agent.runtimeDirectory };
  const { status, stdout, stderr } = spawnSync(process.execPath, [agentMain, 'reload', ...args], {
    env,
    encoding: 'utf8',
  });
  return { status, out: stdout, error: stderr };
}

/** While a command runs, a connection of this process may be closed as idle without a notice: none is used again. */
const ONCE = { headers: { connection: 'close' } };
const posted = ({ url }: AgentProcess, headers: Record<string, string> = {}) =>
  fetch(`${url}/-/reload`, { method: 'POST', headers: { ...ONCE.headers, ...headers } });
const samplesOf = async () => (await agent.json<Record<string, Sample[]>>('/api/v2.0/stats/?count=-1'))['/'] ?? [];
const status = () => agent.json<Status>('/-/status');

async function metric(series: string): Promise<number | undefined> {
  const text = await (await fetch(`${agent.url}/metrics`, ONCE)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}

/** Samples of the one container that there is: taken since the start, and kept. */
async function counted(): Promise<{ readonly taken: number; readonly kept: number }> {
  for (let tries = 0; tries < 100; tries++) {
    const taken = await metric('tallyman_samples_total');
    const kept = (await samplesOf()).length;
    if (taken !== undefined && taken === (await metric('tallyman_samples_total'))) return { taken, kept };
  }
  throw new Error('samples come too fast to count them');
}

describe('a reload', () => {
  it('by the command prints the changes and the active configuration', async () => {
    agent.configure(config('history: { duration: 5m }', '\n  - { use: tcp }'));
    const { status: exit, out } = reload();
    assert.equal(exit, 0);
    assert.equal(out, `${agent.file} is active: +tcp, history.duration 2m → 5m\n`);
    const { plugins, configuration } = await status();
    assert.ok(plugins.some(({ id, state }) => id === 'tcp' && state === 'running'));
    assert.deepEqual([configuration.file, configuration.succeeded, configuration.failed], [agent.file, 1, 0]);
    assert.equal(reload('--pid', '1').status, 1);
    assert.equal(reload('--config', agent.file).out, `${agent.file} is active: nothing has changed\n`);
  });

  it('with an invalid configuration changes nothing and prints why', async () => {
    agent.configure('housekeeping: { interval: fast }\n');
    const { status: exit, error } = reload();
    assert.equal(exit, 78);
    assert.match(
      error,
      /the configuration from before stays active: .*tallyman\.yaml:1:27: housekeeping\.interval: expected/,
    );
    assert.equal((await status()).configuration.failed, 1);
    assert.equal(await metric('tallyman_config_last_reload_successful'), 0);
    assert.equal(await metric('tallyman_config_reloads_total{result="failed"}'), 1);
    agent.configure(config());
    assert.equal(reload().status, 0);
    assert.equal(await metric('tallyman_config_last_reload_successful'), 1);
  });

  it('keeps the previous configuration when an address or a plugin cannot be used', async () => {
    agent.configure(config('', '\n  - { use: udp }', "listen: ['unix:/nonexistent/socket']"));
    const before = await status();
    const answer = await posted(agent);
    assert.equal(answer.status, 422);
    const outcome = (await answer.json()) as { ok: boolean; error: string; changes: string[] };
    assert.equal(outcome.ok, false);
    assert.match(outcome.error, /cannot listen on unix:\/nonexistent\/socket/);
    assert.deepEqual(
      (await status()).plugins.map(({ id }) => id),
      before.plugins.map(({ id }) => id),
    );
    agent.configure(config());
  });

  it('requires POST from the same origin', async () => {
    assert.equal((await fetch(`${agent.url}/-/reload`, ONCE)).status, 405);
    const headers = { Origin: 'https://page.example' };
    assert.equal((await posted(agent, headers)).status, 403);
  });

  it('prints what requires a restart', async () => {
    agent.configure(config('log: { format: json, level: warn }'));
    const answer = await posted(agent);
    const { changes, restart } = (await answer.json()) as { changes: string[]; restart: string[] };
    assert.deepEqual(changes, ['log.level info → warn', 'log.format auto → json']);
    assert.deepEqual(restart, ['log.format auto → json']);
    agent.configure(config());
    assert.equal(reload().status, 0);
  });

  it('under load loses no request, no sample and no history', { skip: needs('cgroups') }, async () => {
    // Longer than this test takes on a machine that has much else to do.
    const long = 'history: { duration: 1h }';
    agent.configure(config(long));
    assert.equal((await posted(agent)).status, 200);
    const first = (
      await agent.until<Record<string, Sample[]>>(
        '/api/v2.0/stats/?count=-1',
        (all) => (all['/'] ?? []).length > 3,
        'samples',
      )
    )['/']![0]!;
    const before = await counted();
    const stream = await EventStream.open(agent.url);
    const load = new Load(agent.url, ['/api/v1.3/containers/', '/api/v2.1/machinestats', '/metrics', '/healthz']);
    const web = "listen: ['127.0.0.1:0'], maxConnections: 300, requestTimeout: 20s, hosts: [a.example]";
    const metrics = (option: string) => `\n  - { use: prometheus, with: { ${option}: false } }`;
    const variants = [
      config(long, '\n  - { use: tcp }'),
      config(long, `\n  - { use: tcp }\n  - { use: memory, with: { kernelMemory: true } }${metrics('machineLabels')}`),
      config(long, `\n  - { use: disk, enabled: false }${metrics('timestamps')}`, web),
      config(
        'history: { duration: 2h }\nlog: { level: warn }',
        '\n  - { use: raw, id: again, with: { include: [/none] } }',
      ),
      config(`${long}\nevents: { oom: { count: 5 } }`),
    ];
    for (let round = 0; round < 3; round++) {
      for (const variant of variants) {
        agent.configure(variant);
        const answer = await posted(agent);
        assert.equal(answer.status, 200, await answer.text());
        await load.progress(20);
      }
    }
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered >= 300, `${answered} requests`);
    const samples = await samplesOf();
    assert.equal(samples[0]!.timestamp, first.timestamp);
    const incomplete = samples.filter(({ cpu, memory }) => cpu === undefined || memory === undefined);
    assert.deepEqual(incomplete, []);
    const after = await counted();
    assert.equal(after.kept - before.kept, after.taken - before.taken, 'every sample taken is kept');
    assert.ok(after.taken > before.taken);
    const cgroup = new RealCgroup(GROUP).create();
    try {
      await stream.said(cgroup.name);
    } finally {
      await cgroup.remove();
      stream.close();
    }
  });

  it('gives the queue of a sink to the sink with other options, which sends what waited', async () => {
    const folder = agent.runtimeDirectory;
    const blocked = join(folder, 'no-directory');
    writeFileSync(blocked, '');
    const sink = (path: string) =>
      `\n  - { use: file, with: { path: "${path}", interval: 200ms, resolution: all, containersInclude: ["/"], retry: { first: 100ms } } }`;
    const waiting = async () => (await metric('tallyman_sink_queue_batches{sink="file"}')) ?? 0;
    agent.configure(config('', sink(join(blocked, 'samples'))));
    assert.equal((await posted(agent)).status, 200);
    await until(
      async () => (await waiting()) >= 3,
      () => agent.output,
    );
    const path = join(folder, 'samples');
    const changedAt = new Date().toISOString();
    agent.configure(config('', sink(path)));
    assert.equal((await posted(agent)).status, 200);
    const times = () =>
      existsSync(path)
        ? [...readFileSync(path, 'utf8').matchAll(/^\{"time":"([^"]+)".*\n/gm)].map(([, time]) => time!)
        : [];
    await until(
      () => (times().at(-1) ?? '') > changedAt,
      () => agent.output,
    );
    const sent = times();
    const taken = (await samplesOf()).map(({ timestamp }) => timestamp);
    assert.ok(sent[0]! < changedAt, `${sent[0]} and ${changedAt}`);
    assert.deepEqual(sent, taken.slice(taken.indexOf(sent[0]!), taken.indexOf(sent.at(-1)!) + 1));
    agent.configure(config());
    assert.equal(reload().status, 0);
  });

  it('changes addresses and completes answers that have begun', async () => {
    const mover = await AgentProcess.start(config(), []);
    try {
      const slow = slowAnswer(mover.url);
      await slow.begun;
      const socket = join(mover.runtimeDirectory, 'http.sock');
      mover.configure(config('', '', `listen: ['unix:${socket}']`));
      assert.equal((await posted(mover)).status, 200);
      assert.deepEqual(await overSocket(socket, '/healthz'), [200, 'ok']);
      await assert.rejects(fetch(mover.url));
      slow.goOn();
      assert.equal(await slow.status, 200);
    } finally {
      await mover.stop();
    }
  });
});

it('the record of a running agent is readable, and stale records are removed', async () => {
  const names = () => readdirSync(agent.runtimeDirectory).filter((name) => name.startsWith('agent-'));
  assert.deepEqual(names(), [`agent-${agent.pid}.json`]);
  writeFileSync(join(agent.runtimeDirectory, 'agent-1.json'), JSON.stringify({ pid: 1, startTime: -1 }));
  assert.equal(reload('--pid', '1').status, 1, 'a note that is not the process’s own is not believed');
  assert.equal(reload().status, 0);
  assert.deepEqual(names(), [`agent-${agent.pid}.json`]);
  rmSync(join(agent.runtimeDirectory, `agent-${agent.pid}.json`));
  const { status: exit, error } = reload();
  assert.equal(exit, 1);
  assert.match(error, /no running agent was found\n +systemctl reload tallyman/);
});

/** A stream of events that stays open. */
class EventStream {
  private text = '';
  private news: () => void = () => {};

  private constructor(
    private readonly controller: AbortController,
    body: ReadableStream<Uint8Array>,
  ) {
    void this.read(body).catch(() => {});
  }

  static async open(url: string): Promise<EventStream> {
    const controller = new AbortController();
    const path = '/api/v1.3/events/?stream=true&all_events=true&subcontainers=true';
    const { body, status } = await fetch(`${url}${path}`, { signal: controller.signal });
    assert.equal(status, 200);
    return new EventStream(controller, body!);
  }

  async said(word: string): Promise<void> {
    const deadline = AbortSignal.timeout(60_000);
    while (!this.text.includes(word)) {
      const news = new Promise<void>((resolve) => {
        this.news = resolve;
      });
      await Promise.race([news, once(deadline, 'abort')]);
      if (deadline.aborted) throw new Error(`the stream does not mention ${word}: ${this.text}`);
    }
  }

  close(): void {
    this.controller.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      this.text += text;
      this.news();
    }
  }
}

/** A request whose body comes late. */
function slowAnswer(url: string) {
  let goOn = () => {};
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const answered = new Promise<number>((resolve, reject) => {
    const headers = { 'Content-Length': 2, Expect: '100-continue' };
    const outgoing = httpRequest(`${url}/api/v1.3/containers/`, { method: 'POST', headers, agent: false });
    outgoing.once('continue', begun);
    outgoing.once('response', (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode!);
    });
    outgoing.once('error', reject);
    outgoing.flushHeaders();
    goOn = () => outgoing.end('{}');
  });
  return { begun: hasBegun, goOn: () => goOn(), status: answered };
}

/** Clients that ask without end, half of them over connections that they keep. */
class Load {
  answered = 0;
  readonly failures: string[] = [];
  private readonly keeping = new Agent({ keepAlive: true, maxSockets: 4 });
  private stopped = false;
  private readonly clients: Promise<void>[];
  private waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(
    private readonly url: string,
    paths: readonly string[],
  ) {
    this.clients = paths.flatMap((path) => [this.client(path, this.keeping), this.client(path, false)]);
  }

  /** Resolves when so many more requests have been answered. */
  progress(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { count: this.answered + count, resolve };
    });
  }

  async stop(): Promise<this> {
    this.stopped = true;
    await Promise.all(this.clients);
    this.keeping.destroy();
    return this;
  }

  private async client(path: string, agent: Agent | false): Promise<void> {
    while (!this.stopped) {
      const failure = await this.ask(path, agent);
      if (failure !== undefined) this.failures.push(`${path}: ${failure}`);
      this.answered++;
      if (this.waiting !== undefined && this.answered >= this.waiting.count) this.waiting.resolve();
    }
  }

  private ask(path: string, agent: Agent | false): Promise<string | undefined> {
    return new Promise((resolve) => {
      const outgoing = httpRequest(`${this.url}${path}`, { agent }, (incoming) => {
        incoming.resume();
        incoming.once('end', () => resolve(incoming.statusCode === 200 ? undefined : String(incoming.statusCode)));
        incoming.once('error', (error) => resolve(String(error)));
      });
      outgoing.once('error', (error) => resolve(String(error)));
      outgoing.end();
    });
  }
}
