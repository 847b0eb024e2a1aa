import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { HttpTarget, testAccess, testContainer } from '../../../testing/index.js';
import { RegexCollector } from './collector.js';
import { regexOptions } from './options.js';

const LETTERS = 'a'.repeat(262_144);

describe('RegexCollector', () => {
  const servers: HttpTarget[] = [];
  const collectors: RegexCollector[] = [];
  after(async () => {
    for (const collector of collectors) collector.stop();
    for (const server of servers) await server.stop();
  });

  it('reports a disabled regex in one message', async () => {
    const server = await HttpTarget.start({ '*': { body: LETTERS } });
    servers.push(server);
    const metrics = [
      { name: 'slow', regex: '(?i)(\\pL{1,450}b)' },
      { name: 'letter', regex: '(a)' },
    ];
    const options = regexOptions.parse({
      targets: [{ name: 'page', match: { cgroups: ['/**'] }, port: server.port, metrics }],
    });
    const collector = new RegexCollector(options);
    collectors.push(collector);
    const container = testContainer();
    const target = collector.targets(container)[0]!;
    const first = await collector.collect(target, testAccess(container));
    assert.equal(first.problems?.length, 1, first.problems?.join('\n'));
    assert.match(first.problems![0]!, /^metric "slow" is switched off until the container starts again: /);
    const second = await collector.collect(target, testAccess(container));
    assert.deepEqual(second.problems, [first.problems![0], 'metric "letter": "a" is not a number']);
  });
});
