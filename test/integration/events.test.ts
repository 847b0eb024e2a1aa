// Events as clients see them, from a real agent over real cgroups, a real OOM kill and a real Docker engine.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

interface Event {
  readonly container_name: string;
  readonly timestamp: string;
  readonly event_type: string;
  readonly event_data: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const LIMIT = 8 * 1024 * 1024;
/** `tail` keeps what has no line end: more than the limit. */
const GREEDY = 'head -c 64M /dev/zero | tail';

/** The events of a stream as they come, kept until asked for. */
class Listener {
  readonly got: Event[] = [];
  private wake: () => void = () => {};

  static async open(url: string, options: string): Promise<Listener> {
    const listener = new Listener();
    const response = await fetch(`${url}?stream=true&${options}`);
    assert.equal(response.status, 200);
    void listener.read(response).finally(() => listener.wake());
    return listener;
  }

  /** The first event that fits, now or later. */
  async event(fits: (event: Event) => boolean): Promise<Event> {
    const deadline = AbortSignal.timeout(60_000);
    for (;;) {
      const found = this.got.find(fits);
      if (found !== undefined) return found;
      const news = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      await Promise.race([news, once(deadline, 'abort')]);
      if (deadline.aborted) throw new Error(`no such event among ${JSON.stringify(this.got)}`);
    }
  }

  private async read(response: Response): Promise<void> {
    let rest = '';
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.got.push(...lines.map((line) => JSON.parse(line) as Event));
      this.wake();
    }
  }
}

describe('events of raw cgroups', { skip: needs('cgroups') }, () => {
  let agent: AgentProcess;
  before(async () => {
    agent = await AgentProcess.start('plugins: [{ use: docker, enabled: false }, { use: podman, enabled: false }]');
  });
  after(() => agent.stop());

  it('are creation, OOM kill and deletion', async () => {
    const group = new RealCgroup(`/tallyman-test-${process.pid}-events`);
    const inner = new RealCgroup(`${group.name}/inner`);
    const stream = await Listener.open(`${agent.url}/api/v2.0/events${group.name}`, 'all_events=1&subcontainers=1');
    const elsewhere = await Listener.open(`${agent.url}/api/v2.0/events/`, 'oom_events=1&oom_kill_events=1');
    group.create();
    try {
      inner.create();
      const created = await stream.event((event) => event.container_name === inner.name);
      assert.equal(created.event_type, 'containerCreation');
      assert.deepEqual(created.event_data, {});
      group.limitMemory(LIMIT);
      const script = await inner.run(`(${GREEDY}) > /dev/null; echo over`);
      await script.said('over');
      const oom = await stream.event(({ event_type }) => event_type === 'oom');
      assert.equal(oom.container_name, inner.name, 'whose process was killed');
      const kill = await stream.event(({ event_type }) => event_type === 'oomKill');
      assert.equal(kill.container_name, group.name, 'whose limit was hit');
      assert.equal(kill.timestamp, oom.timestamp);
      assert.equal(kill.event_data.oom!.process_name, 'tail');
      assert.equal(kill.event_data.oom!.constraint, 'CONSTRAINT_MEMCG');
    } finally {
      await inner.remove();
      await group.remove();
    }
    const gone = await stream.event((event) => event.event_type === 'containerDeletion');
    assert.deepEqual(gone.event_data, { container_deletion: { exit_code: -1 } });
    const path = `/api/v1.3/events${group.name}?oom_kill_events=true&deletion_events=true&max_events=-1`;
    const past = await agent.until<Event[]>(path, (events) => events.length === 2, 'the kill and the end');
    assert.deepEqual(
      past.map(({ event_type }) => event_type),
      ['oomKill', 'containerDeletion'],
    );
    assert.deepEqual(elsewhere.got, []);
  });

  it('include kills in a container that is removed at once', async () => {
    const group = new RealCgroup(`/tallyman-test-${process.pid}-brief`);
    const stream = await Listener.open(`${agent.url}/api/v1.3/events${group.name}`, 'oom_events=1&oom_kill_events=1');
    group.create();
    try {
      group.limitMemory(LIMIT);
      await (await group.run(`(${GREEDY}) > /dev/null; echo over`)).said('over');
    } finally {
      await group.remove();
    }
    await stream.event(({ event_type }) => event_type === 'oom');
    await stream.event(({ event_type }) => event_type === 'oomKill');
  });
});

describe('events of Docker containers', { skip: needs(...DOCKER_ENGINE) }, () => {
  let engine: DockerEngine;
  let agent: AgentProcess;
  before(async () => {
    engine = await DockerEngine.start();
    agent = await AgentProcess.start(
      `plugins: [{ use: docker, with: { endpoint: '${engine.endpoint}' } }, { use: podman, enabled: false }]`,
    );
  });
  after(async () => {
    await agent?.stop();
    await engine?.stop();
  });

  it('have the creation time of the container, and its exit code on deletion', async () => {
    const stream = await Listener.open(`${agent.url}/api/v2.1/events`, 'all_events=true&subcontainers=true');
    const ids = await Promise.all(
      [0, 7].map((code) => engine.run(`--name=ends-${code}`, IMAGE, 'sh', '-c', `sleep 2; exit ${code}`)),
    );
    for (const [index, code] of [0, 7].entries()) {
      const ours = ({ container_name: name }: Event) => name.includes(ids[index]!);
      const created = await stream.event((event) => ours(event) && event.event_type === 'containerCreation');
      const made = await engine.inspect(`ends-${code}`, '.Created');
      assert.equal(created.timestamp.slice(0, 23), made.slice(0, 23));
      const deleted = await stream.event((event) => ours(event) && event.event_type === 'containerDeletion');
      assert.deepEqual(deleted.event_data, { container_deletion: { exit_code: code } });
    }
  });

  it('name the container of an OOM kill, whose deletion has status 137', async () => {
    const stream = await Listener.open(`${agent.url}/api/v1.3/events`, 'all_events=true&subcontainers=true');
    const greedy = 'sleep 1; dd if=/dev/zero of=/dev/null bs=64M';
    const id = await engine.run('--rm', '-m=8m', '--memory-swap=8m', IMAGE, 'sh', '-c', greedy);
    const ours = (type: string) => (event: Event) => event.container_name.includes(id) && event.event_type === type;
    await stream.event(ours('oom'));
    const { event_data: data } = await stream.event(ours('oomKill'));
    assert.equal(data.oom!.process_name, 'dd');
    const deleted = await stream.event(ours('containerDeletion'));
    assert.deepEqual(deleted.event_data, { container_deletion: { exit_code: 137 } });
  });
});
