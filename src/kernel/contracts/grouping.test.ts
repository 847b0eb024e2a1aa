import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { groupingOf, labelsWithGrouping } from './grouping.js';

const of = (labels: Record<string, string>, envs: Record<string, string> = {}) => groupingOf({ labels, envs });

describe('the grouping of a container', () => {
  it('is read from the labels of each orchestrator', () => {
    const compose = { 'compose.project': 'shop', 'compose.service': 'web' };
    for (const prefix of ['com.docker.compose', 'io.podman.compose']) {
      assert.deepEqual(of({ [`${prefix}.project`]: 'shop', [`${prefix}.service`]: 'web', 'com.acme': 'x' }), {
        orchestrator: 'compose',
        group: 'shop',
        labels: compose,
      });
    }
    assert.deepEqual(of({ 'com.docker.swarm.service.name': 'shop_web', 'com.docker.stack.namespace': 'shop' }), {
      orchestrator: 'swarm',
      group: 'shop',
      labels: { 'swarm.stack': 'shop', 'swarm.service': 'shop_web' },
    });
    assert.equal(of({ 'com.docker.swarm.service.name': 'web' })?.group, 'web');
    const pod = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'shop' };
    assert.deepEqual(of({ ...pod, 'io.kubernetes.container.name': 'app' }), {
      orchestrator: 'kubernetes',
      group: 'shop/web-0',
      labels: { 'kubernetes.namespace': 'shop', 'kubernetes.pod': 'web-0', 'kubernetes.container': 'app' },
    });
  });

  it('of Nomad is read from labels or environment variables, in upper or lower case', () => {
    const labels = { 'nomad.job': 'shop', 'nomad.task': 'web' };
    const expected = { orchestrator: 'nomad', group: 'shop', labels };
    assert.deepEqual(of({ 'com.hashicorp.nomad.job_name': 'shop', 'com.hashicorp.nomad.task_name': 'web' }), expected);
    assert.deepEqual(of({}, { NOMAD_JOB_NAME: 'shop', NOMAD_TASK_NAME: 'web' }), expected);
    assert.deepEqual(of({}, { nomad_job_name: 'shop', nomad_task_name: 'web' }), expected);
  });

  it('of a pod takes precedence over that of a compose file', () => {
    const both = of({ 'io.kubernetes.pod.name': 'web-0', 'com.docker.compose.project': 'shop' });
    assert.equal(both?.group, 'default/web-0');
  });

  it('is absent without a label that names the group, or with an empty one', () => {
    assert.equal(of({}), undefined);
    assert.equal(of({ 'com.docker.compose.service': 'web', 'com.docker.stack.namespace': 'shop' }), undefined);
    assert.equal(of({ 'com.docker.compose.project': '' }), undefined);
  });

  it('is added to the labels that filters match, and never replaces a label', () => {
    const key = fc.constantFrom('com.docker.compose.project', 'compose.project', '__proto__', 'constructor', 'x');
    fc.assert(
      fc.property(fc.dictionary(key, fc.string()), (labels) => {
        const seen = labelsWithGrouping({ labels, envs: {} });
        for (const [name, value] of Object.entries(labels)) assert.equal(seen[name], value);
        for (const name of Object.keys(seen)) assert.ok(Object.hasOwn(labels, name) || /^compose\./.test(name));
      }),
    );
  });
});
