import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import type { FakeAgentOptions } from '../../../../../test/conformance/world/fake-agent.js';
import { keptEvents } from '../../../../../test/conformance/world/recorded-events.js';
import { busy, capsuleOf, PagesBench, processIn, sinkFailing } from '../../../../../test/support/pages-bench.js';
import type { Finding, PluginStatus } from '../../../../kernel/contracts/index.js';

/** The page's tags with the names of their attributes, and no text. */
const skeleton = (page: string): string =>
  page
    .replace(/="[^"]*"/g, '')
    .match(/<[^>]*>/g)!
    .join('')
    .replaceAll(/\s+/g, ' ');

describe('names, labels, images, commands, errors and findings', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('are text, whatever they say', async () => {
    const world = (word: string): FakeAgentOptions => {
      const finding: Finding = { id: 'x', severity: 'error', what: word, effect: word, mend: word };
      const state = { status: 'exited', exitCode: 1 } as const;
      const description = {
        labels: { [word]: word, b: word },
        image: word,
        imageId: word,
        id: 'id',
        addresses: [word],
      };
      return {
        containers: [
          busy('/', 1, 1, { children: [`/${word}`] }),
          busy(`/${word}`, 1, 1, { aliases: ['web', word], namespace: 'docker', description }),
        ],
        processes: [processIn(`/${word}`, 7, word), processIn(word, 8, word)],
        events: keptEvents([
          { containerName: `/${word}`, time: 1, type: 'oomKill', oom: { pid: 1, processName: word, constraint: word } },
        ]),
        findings: [finding, { ...finding, severity: 'info' }],
        plugins: [{ id: word, state: 'failed', up: false, lastError: word, sink: sinkFailing(word) } as PluginStatus],
        pending: [{ name: `/${word}`, handler: word, reason: word, since: 0 }],
        engines: [{ runtime: 'docker', endpoint: word, reason: word }],
        capsules: [capsuleOf(word)],
        departed: [
          {
            name: `/${word}`,
            description: { ...description, namespace: 'docker', aliases: [word], envs: {}, networkMode: 'none', state },
          },
        ],
      };
    };
    const pages = async (word: string): Promise<string[]> => {
      const get = await bench.serve(world(word));
      const paths = ['/containers/', '/host/', '/docker/web', '/docker/'];
      return Promise.all(paths.map((path) => get(path).then(({ body }) => skeleton(body))));
    };
    const plain = await pages('plain');
    // A name of which JSON makes another one is that of no container.
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.toWellFormed().replaceAll('/', '\\')),
      fc.constantFrom('<script>alert(1)<\\script>', '" onerror="x', "'><img src=x>", '<!--', ']]>'),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (word) => {
        // Two that are equal are one label.
        fc.pre(word !== 'b');
        assert.deepEqual(await pages(word), plain);
      }),
      { numRuns: 60 },
    );
  });
});

describe('environment variables', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('are on no page', async () => {
    const secret = 'hunter2-secret';
    const description = { envs: { PASSWORD: secret } };
    const get = await bench.serve({
      containers: [busy('/a', 1, 1, { namespace: 'docker', aliases: ['web'], description })],
    });
    for (const path of ['/containers/', '/containers/a', '/docker/web', '/docker/']) {
      const { status, body } = await get(path);
      assert.equal(status, 200);
      assert.ok(!body.includes(secret), path);
    }
  });
});
