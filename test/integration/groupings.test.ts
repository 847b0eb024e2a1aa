// The groups of Compose, Swarm, Nomad and Kubernetes, of containers of each runtime: what handlers publish, filters select,
// and /metrics and sinks print.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupingOf } from '../../src/kernel/contracts/index.js';
import type { Described } from '../../src/plugins/container-handlers/common/index.js';
import {
  describeContainer as describeOfContainerd,
  parseSpecification,
} from '../../src/plugins/container-handlers/containerd/describe.js';
import containerd from '../../src/plugins/container-handlers/containerd/index.js';
import { describeContainer as describeOfCri } from '../../src/plugins/container-handlers/cri/describe.js';
import cri from '../../src/plugins/container-handlers/cri/index.js';
import { describeContainer as describeOfDocker } from '../../src/plugins/container-handlers/docker/describe.js';
import docker from '../../src/plugins/container-handlers/docker/index.js';
import remoteWrite from '../../src/plugins/sinks/remote-write/index.js';
import { deliverOnce, testContext } from '../../src/testing/index.js';
import { agentOf, labelled, usageOf } from '../support/metrics-world.js';
import { RemoteWriteReceiver } from '../support/remote-write-receiver.js';

const ID = 'a'.repeat(64);

/** A container as an orchestrator starts it. */
interface Started {
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  readonly env?: readonly string[];
}

/** What each handler makes of it, with options of the handler. */
const RUNTIMES: Readonly<Record<string, (started: Started, options: object) => Described>> = {
  docker: ({ labels, env = [] }, options) => {
    const rules = { ...docker.configSchema.parse(options), namespace: 'docker' };
    const answer = { Id: ID, Name: '/web', Config: { Image: 'shop:1', Labels: labels, Env: env } };
    return describeOfDocker(answer, rules, { mountinfo: () => undefined, now: 0 })!;
  },
  containerd: ({ labels, env = [] }, options) => {
    const rules = { ...containerd.configSchema.parse(options), namespace: 'containerd' };
    const spec = parseSpecification(Buffer.from(JSON.stringify({ process: { env } })), ID);
    const container = { id: ID, labels, image: 'shop:1', snapshotter: '', snapshotKey: '', createdAt: undefined };
    const record = container as unknown as Parameters<typeof describeOfContainerd>[0];
    return describeOfContainerd(record, undefined, spec, rules, { namespace: 'default', storage: {} });
  },
  cri: ({ labels, env = [] }, options) => {
    const rules = { ...cri.configSchema.parse(options), namespace: 'containerd' };
    const listed = { id: ID, labels, annotations: {}, metadata: { name: 'web', attempt: 0 }, state: 1, createdAt: 0n };
    const known = { listed, details: { environment: env }, sandbox: undefined };
    return describeOfCri(known as unknown as Parameters<typeof describeOfCri>[0], rules, () => 'shop:1');
  },
};

const GROUPS: Readonly<Record<string, Started & { readonly is: Readonly<Record<string, string>> }>> = {
  Compose: {
    labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
    is: { 'compose.project': 'shop', 'compose.service': 'web' },
  },
  Swarm: {
    labels: { 'com.docker.swarm.service.name': 'shop_web', 'com.docker.stack.namespace': 'shop' },
    is: { 'swarm.stack': 'shop', 'swarm.service': 'shop_web' },
  },
  'Nomad by its labels': {
    labels: { 'com.hashicorp.nomad.job_name': 'shop', 'com.hashicorp.nomad.task_name': 'web' },
    is: { 'nomad.job': 'shop', 'nomad.task': 'web' },
  },
  'Nomad by its variables': {
    labels: {},
    env: ['NOMAD_JOB_NAME=shop', 'NOMAD_TASK_NAME=web', 'PASSWORD=x'],
    is: { 'nomad.job': 'shop', 'nomad.task': 'web' },
  },
  Kubernetes: {
    labels: {
      'io.kubernetes.pod.name': 'web-0',
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.container.name': 'web',
    },
    is: { 'kubernetes.namespace': 'shop', 'kubernetes.pod': 'web-0', 'kubernetes.container': 'web' },
  },
};

for (const [runtime, described] of Object.entries(RUNTIMES)) {
  describe(`a container of ${runtime} in a group`, () => {
    for (const [orchestrator, { is, ...started }] of Object.entries(GROUPS)) {
      it(`has the labels of ${orchestrator}, and filters select it by them`, () => {
        const options = { envAllow: ['NOMAD_*'] };
        assert.deepEqual(groupingOf(described(started, options).description)?.labels, is);
        for (const [label, value] of Object.entries(is)) {
          const ignored = (filter: object) => described(started, { ...options, ...filter }).ignored;
          assert.equal(ignored({ include: { labels: [`${label}=${value}`] } }), undefined);
          assert.match(ignored({ include: { labels: [`${label}=other`] } })!, /^include\.labels/);
          assert.match(ignored({ exclude: { labels: [`${label}=${value}`] } })!, /^exclude\.labels/);
        }
      });
    }
  });
}

describe('labels of groups in what is exported', () => {
  for (const [orchestrator, { is, labels, env = [] }] of Object.entries(GROUPS)) {
    const envs = Object.fromEntries(env.map((line) => line.toLowerCase().split('=') as [string, string]));
    const grouped = labelled('/a', labels, envs);
    const expected = Object.entries(is).map(([label, value]) => [label.replaceAll('.', '_'), value] as const);
    const options = { groupLabels: true, labelAllow: Object.keys(is) };

    it(`are those of ${orchestrator} in /metrics and in a sink`, async () => {
      const [scraped] = await usageOf([grouped], options);
      const receiver = await new RemoteWriteReceiver().listen();
      try {
        const context = testContext({ agent: agentOf([grouped]) });
        const parsed = remoteWrite.configSchema.parse({ url: receiver.url, ...options });
        await deliverOnce(remoteWrite.create(context, parsed), context, context.signal);
        const sent = receiver.received[0]!.series.find(({ labels }) => labels.id === '/a');
        for (const [label, value] of expected) {
          assert.equal(scraped!.labels[label], value);
          assert.equal(sent!.labels[label], value);
        }
      } finally {
        await receiver.close();
      }
    });
  }
});
