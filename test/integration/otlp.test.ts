import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { parseText } from '../support/exposition.js';
import { needs } from '../support/needs.js';
import { attributesOf, OtlpReceiver } from '../support/otlp-receiver.js';
import { RealCgroup } from '../support/real-cgroup.js';

const NAME = `/tallyman-test-${process.pid}-otlp`;

describe('an agent with an OTLP sink', { skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(NAME);
  let receiver: OtlpReceiver;
  let agent: AgentProcess;

  before(async () => {
    cgroup.create();
    await cgroup.run('while sleep 0.1; do :; done');
    receiver = await new OtlpReceiver().listen();
    agent = await AgentProcess.start(`
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: otlp, with: { endpoint: "${receiver.url}", interval: 100ms, containersInclude: ["${NAME}"] } }
`);
  });
  after(async () => {
    await agent?.stop();
    await receiver?.close();
    await cgroup.remove();
  });

  async function sinkMetric(name: string): Promise<number> {
    const { series } = parseText(await (await fetch(`${agent.url}/metrics`)).text());
    return series.find(({ name: one, labels }) => one === `tallyman_plugin_${name}` && labels.plugin === 'otlp')!.value;
  }

  it('sends what the kernel counts, as time goes on', async () => {
    await receiver.taken(3);
    const memory = receiver.received.map(({ request }) => {
      const [{ resource, scopeMetrics }] = request.resourceMetrics as [(typeof request.resourceMetrics)[0]];
      assert.equal(attributesOf(resource.attributes)['tallyman.container'], NAME);
      return scopeMetrics[0]!.metrics.find(({ name }) => name === 'container.memory.usage')!.sum!.dataPoints[0]!;
    });
    assert.ok(memory.every(({ asInt }) => Number(asInt) > 0));
    const times = memory.map(({ timeUnixNano }) => BigInt(timeUnixNano));
    assert.deepEqual(times, [...times].sort(), 'each sample once, in order');
    assert.equal(new Set(times).size, times.length);
  });

  it('a receiver that refuses is a fault of the sink that everybody can see', async () => {
    const faults = await sinkMetric('errors_total');
    receiver.replies.push({ status: 400 });
    while ((await sinkMetric('errors_total')) === faults) await new Promise((resolve) => setTimeout(resolve, 50));
    await receiver.taken(receiver.received.length + 1);
    assert.equal(await sinkMetric('up'), 1);
    assert.match(agent.output, /a batch of \d+ data points was refused and is dropped: .* answers 400/);
  });
});
