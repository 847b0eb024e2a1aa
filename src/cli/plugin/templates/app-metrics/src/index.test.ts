import assert from 'node:assert/strict';
import { it } from 'node:test';
import { collectAll, HttpTarget, testContainer, testContext } from 'tallyman/testing';
import plugin from './index.js';

const collector = plugin.create(testContext(), { path: '/status', interval: 10_000 });

it('has no target in a container without the label', () => {
  assert.deepEqual(collector.targets(testContainer()), []);
});

it('takes the numbers and leaves the rest', async () => {
  const target = await HttpTarget.start({ '/status': '{"requests": 12, "mood": "good", "load": 0.5}' });
  try {
    const container = testContainer({ labels: { 'template-name.port': String(target.port) } });
    const { 'template-name': collected } = await collectAll(collector, container);
    assert.ok(collected !== undefined && 'samples' in collected);
    assert.deepEqual(
      collected.samples.map(({ labels, value }) => [labels?.key, value]),
      [
        ['requests', 12],
        ['load', 0.5],
      ],
    );
  } finally {
    await target.stop();
  }
});

it('says what is wrong with a target', async () => {
  const target = await HttpTarget.start({ '/status': 'busy' });
  try {
    const errorOf = async (port: string) => {
      const container = testContainer({ labels: { 'template-name.port': port } });
      return (await collectAll(collector, container))['template-name'];
    };
    assert.deepEqual(await errorOf(String(target.port)), { error: 'the answer is not JSON' });
    assert.deepEqual(await errorOf('http'), { error: 'label template-name.port is no port: "http"' });
  } finally {
    await target.stop();
  }
});
