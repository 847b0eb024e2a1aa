import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseUsage } from './engine-usage.js';

const image = { Id: 'sha256:a', RepoTags: ['shop/web:1'], Size: 300, SharedSize: 100 };
const unknownImage = { Id: 'sha256:b', RepoTags: null, Size: 200, SharedSize: -1 };
const volume = { Name: 'data', UsageData: { Size: 70, RefCount: 1 } };
const unknownVolume = { Name: 'remote', UsageData: { Size: -1, RefCount: 0 } };
const expected = {
  imagesBytes: 400,
  images: [
    { id: 'sha256:a', tags: ['shop/web:1'], bytes: 300, sharedBytes: 100 },
    { id: 'sha256:b', tags: [], bytes: 200 },
  ],
  volumes: [
    { name: 'data', bytes: 70, containers: 1 },
    { name: 'remote', containers: 0 },
  ],
};

describe('the disk usage of an engine', () => {
  it('is parsed in the form before API 1.52', () => {
    const answer = { LayersSize: 400, Images: [image, unknownImage], Volumes: [volume, unknownVolume] };
    assert.deepEqual(parseUsage(answer), expected);
  });

  it('is parsed in the form since API 1.52', () => {
    const ImageUsage = { TotalSize: 400, TotalCount: 2, Items: [image, unknownImage] };
    const VolumeUsage = { TotalSize: 70, Items: [volume, unknownVolume] };
    assert.deepEqual(parseUsage({ ImageUsage, VolumeUsage }), expected);
  });

  it('never throws for any answer', () => {
    const key = fc.constantFrom('LayersSize', 'Images', 'Volumes', 'ImageUsage', 'VolumeUsage', 'UsageData', 'Items');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.array(tie('value')), fc.dictionary(key, tie('value'))),
    }));
    fc.assert(
      fc.property(value, (answer) => {
        const { images, volumes } = parseUsage(answer);
        for (const { bytes } of [...images, ...volumes]) assert.ok(bytes === undefined || bytes >= 0);
      }),
    );
  });
});
