// The recorded requests to cAdvisor v0.60.5 whose answers are texts and redirects: the same body and headers, and a status
// that says more than 500 (quirk 35).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fakeAgent } from './world/fake-agent.js';
import { goldenText } from './world/golden.js';
import { pagesOf, type Served, send, serveAgent } from './world/served.js';

interface HttpCase {
  readonly path: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const NOT_THERE = /unknown container|unable to find/;

describe('texts and redirects of cAdvisor v0.60.5', () => {
  let served: Served;
  before(async () => {
    const agent = fakeAgent({ containers: [{ name: '/' }] });
    served = await serveAgent(agent, { endpoints: pagesOf(agent) });
  });
  after(() => served.server.stop(0));

  // The report of /validate/ is about another host.
  for (const { path, status, headers, body } of cases().filter((one) => one.path !== '/validate/')) {
    it(`${path} is answered as recorded`, async () => {
      const answer = await send(served.url, path);
      assert.equal(answer.body, body);
      assert.equal(answer.status, status !== 500 ? status : NOT_THERE.test(body) ? 404 : 400);
      for (const [name, value] of headers) assert.equal(answer.headers[name], value, name);
      assert.deepEqual(served.faults, []);
    });
  }
});

function cases(): HttpCase[] {
  const blocks = goldenText('http-cases.txt', 'golden-0.60')
    .split(/^== GET /m)
    .slice(1);
  return blocks.map((block) => {
    const [path, statusLine, ...lines] = block.split('\n') as [string, string, ...string[]];
    const count = lines.findIndex((line) => !/^[A-Z][A-Za-z-]*: /.test(line));
    const headers = lines.slice(0, count).map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
    });
    const body = lines.slice(count).join('\n').slice(0, -1);
    return { path, status: Number(statusLine.split(' ')[1]), headers: new Map(headers), body };
  });
}
