import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fakeAgent } from '../../../../test/conformance/world/fake-agent.js';
import { metricsEndpoint, scrapable } from '../../../../test/support/exposition.js';
import type { EngineUsage } from '../../../kernel/contracts/index.js';

const USAGE: EngineUsage = {
  runtime: 'docker',
  endpoint: 'unix:///a.sock',
  askedAt: 1_795_518_450_500_000,
  imagesBytes: 400,
  images: [{ id: 'sha256:a', tags: ['shop/web:1'], bytes: 300 }],
  volumes: [{ name: 'shop "data"', bytes: 70, containers: 1 }, { name: 'remote' }],
};

async function engineSeries(usages: readonly EngineUsage[]): Promise<[string, string, number][]> {
  const agent = fakeAgent({ containers: [] });
  const host = { ...agent.host, procText: () => undefined };
  const endpoint = metricsEndpoint(scrapable({ ...agent, host, engineUsage: () => usages }));
  const { series } = await endpoint.exposed();
  return series
    .filter(({ name }) => name.startsWith('engine_'))
    .map(({ name, labels, value }) => [name, Object.values(labels).join(), value]);
}

it('prints images and volumes of every engine with usage', async () => {
  const other: EngineUsage = { ...USAGE, runtime: 'podman', endpoint: 'unix:///b.sock', volumes: [], imagesBytes: 5 };
  assert.deepEqual((await engineSeries([USAGE, other])).sort(), [
    ['engine_images', 'docker,unix:///a.sock', 1],
    ['engine_images', 'podman,unix:///b.sock', 1],
    ['engine_images_bytes', 'docker,unix:///a.sock', 400],
    ['engine_images_bytes', 'podman,unix:///b.sock', 5],
    ['engine_usage_timestamp_seconds', 'docker,unix:///a.sock', 1_795_518_450.5],
    ['engine_usage_timestamp_seconds', 'podman,unix:///b.sock', 1_795_518_450.5],
    ['engine_volume_bytes', 'docker,unix:///a.sock,shop "data"', 70],
  ]);
});

it('prints nothing for engines without usage', async () => {
  assert.deepEqual(await engineSeries([]), []);
});
