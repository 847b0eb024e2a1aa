import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonSplitter, parseEvent, parseSummaries } from './events.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('JsonSplitter', () => {
  it('returns whole objects for any split of the stream, with and without newlines', () => {
    const objects = fc.array(fc.tuple(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.boolean()));
    fc.assert(
      fc.property(objects, fc.array(fc.nat(), { maxLength: 30 }), (values, cuts) => {
        const stream = bytes(values.map(([value, newline]) => JSON.stringify(value) + (newline ? '\n' : '')).join(''));
        const splitter = new JsonSplitter();
        const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
        const texts = places.slice(1).flatMap((end, index) => splitter.push(stream.subarray(places[index], end)));
        assert.deepEqual(
          texts.map((text) => JSON.parse(text)),
          values.map(([value]) => JSON.parse(JSON.stringify(value))),
        );
      }),
    );
  });

  it('continues after invalid JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (noise) => {
        const splitter = new JsonSplitter();
        splitter.push(bytes(noise));
        splitter.push(bytes('\n'));
        assert.deepEqual(splitter.push(bytes('{"a":1}\n')), ['{"a":1}']);
      }),
    );
  });

  it('drops an object above the size limit', () => {
    const splitter = new JsonSplitter();
    for (let round = 0; round < 20; round++) splitter.push(bytes(`{"a":"${'x'.repeat(100_000)}`));
    assert.deepEqual(splitter.push(bytes('"}\n{"b":2}\n')).at(-1), '{"b":2}');
  });
});

describe('parseEvent', () => {
  it('parses events of Docker and of Podman', () => {
    const docker =
      '{"Type":"container","Action":"die","Actor":{"ID":"i","Attributes":{"exitCode":"3","name":"a"}},"timeNano":1795530436459601464}';
    const podman =
      '{"status":"died","Type":"container","Action":"died","Actor":{"ID":"i","Attributes":{"containerExitCode":"3"}},"timeNano":1795530436459601464}';
    const expected = { id: 'i', action: 'die', exitCode: 3, time: 1795530436459601 };
    assert.deepEqual(parseEvent(docker), expected);
    assert.deepEqual(parseEvent(podman), expected);
  });

  it('removes details from the action', () => {
    const event = '{"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"i"},"time":5}';
    assert.deepEqual(parseEvent(event), { id: 'i', action: 'health_status', time: 5_000_000 });
  });

  it('skips other events and never throws', () => {
    assert.equal(parseEvent('{"Type":"image","Action":"pull","Actor":{"ID":"i"}}'), 'other');
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void parseEvent(text)));
  });
});

describe('parseSummaries', () => {
  it('parses the list of containers and skips invalid entries', () => {
    const entry = { Id: 'i', Names: ['/web'], Image: 'img', ImageID: 'sha256:1', State: 'running', Labels: { a: 'b' } };
    assert.deepEqual(parseSummaries([entry, null, {}]), [
      { id: 'i', name: 'web', image: 'img', imageId: 'sha256:1', state: 'running', labels: { a: 'b' } },
    ]);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.jsonValue(), (answer) => void parseSummaries(answer)));
    assert.equal(parseSummaries({ message: 'no' }), undefined);
  });
});
