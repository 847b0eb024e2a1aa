// What `tallyman compat` judges: recorded answers of cAdvisor beside the answers of an agent that knows the same, and the
// same pairs with faults planted in them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { type Answered, compare } from '../../src/cli/compat/compare.js';
import type { Difference } from '../../src/cli/compat/leaves.js';
import { PURPOSES, purposeOf } from '../../src/cli/compat/purposes.js';
import { projectRoot } from '../project.js';
import { containerFromInfo } from './world/fake-agent.js';
import { golden, goldenObject, goldenText } from './world/golden.js';
import { agentFor } from './world/recorded-agent.js';
import type { JsonObject } from './world/recorded-samples.js';
import { serveAgent } from './world/served.js';

interface Pair {
  readonly file: string;
  readonly target: string;
  readonly old: Answered;
  readonly new: Answered;
}

const json = (body: string): Answered => ({ status: 200, contentType: 'application/json', location: '', body });
const unexplained = (pair: Pair, fresh = pair.new): Difference[] =>
  compare(pair.old, fresh).filter((difference) => purposeOf(difference, pair.target) === undefined);

describe('the comparison of compat', () => {
  const pairs: Pair[] = [];
  before(async () => {
    const { files } = golden('MANIFEST.json') as unknown as {
      files: { file: string; url: string; method: string; request_body?: string }[];
    };
    const root = goldenObject('v1.0-containers-root-slash.json');
    const infos = [root, ...Object.values(goldenObject('v1.2-docker-all.json'))];
    const known = infos.map((info) => containerFromInfo(info as JsonObject));
    for (const { file, url, method, request_body: body } of files) {
      if (!/^\/api\/v/.test(url) || url.includes('/events') || file.includes('subcontainers')) continue;
      const { server, url: base } = await serveAgent(agentFor(url, golden(file), known), {});
      try {
        const response = await fetch(base + url, { method, ...(body !== undefined && { body }) });
        pairs.push({ file, target: url, old: json(goldenText(file)), new: json(await response.text()) });
      } finally {
        await server.stop(0);
      }
    }
    assert.ok(pairs.length > 20);
  });

  it('attributes every difference from a recorded answer to an entry of docs/compatibility.md', () => {
    const left = pairs.flatMap((pair) => unexplained(pair).map((each) => ({ file: pair.file, ...each })));
    assert.deepEqual(left, []);
    const page = readFileSync(join(projectRoot, 'docs/compatibility.md'), 'utf8');
    for (const [row] of PURPOSES) {
      const entry = /^quirk (\d+)$/.exec(row);
      assert.ok(page.includes(entry === null ? `**${row}` : `\n| ${entry[1]} `), row);
    }
  });

  it('finds no difference between an answer and itself', () => {
    for (const { file, old, new: fresh } of pairs) {
      assert.deepEqual(compare(old, old), [], file);
      assert.deepEqual(compare(fresh, fresh), [], file);
    }
  });

  it('reports a missing key at any depth', () => {
    let planted = 0;
    for (const pair of pairs) {
      for (const body of mutations(pair.old.body, (parent, key) => delete parent[key])) {
        planted++;
        const seen = compare(pair.old, json(body.text)).some(({ kind }) => kind === 'missing' || kind === 'type');
        assert.ok(seen, `${pair.file}: ${body.path} is gone`);
      }
    }
    assert.ok(planted > 300, `${planted}`);
  });

  it('reports a value of another type at any depth', () => {
    for (const pair of pairs) {
      const asText = mutations(pair.old.body, (parent, key) => {
        parent[key] = typeof parent[key] === 'string' ? 1 : { was: 'another type' };
      });
      for (const { path, text } of asText) {
        assert.ok(compare(pair.old, json(text)).length > 0, `${pair.file}: ${path} is of another type`);
      }
    }
  });

  it('reports a wrong limit, name and counter', () => {
    const pair = pairs.find(({ file }) => file === 'v1.3-containers-g-limits.json')!;
    for (const [from, to] of [
      [/"limit":\d{7,}/, '"limit":1024'],
      [/"namespace":"docker"/, '"namespace":"podman"'],
      [/"image":"[^"]+"/, '"image":"another"'],
      [/"mask":"[^"]+"/, '"mask":"0-63"'],
      [/"total":(\d+)/g, '"total":$1000'],
      [/"failcnt":(\d+)/g, '"failcnt":9$1'],
    ] as const) {
      assert.match(pair.old.body, from);
      const planted = compare(pair.old, json(pair.old.body.replace(from, to)));
      assert.deepEqual([...new Set(planted.map(({ kind }) => kind))], ['value'], String(from));
    }
  });

  it('reports another status, and text instead of JSON', () => {
    const pair = pairs[0]!;
    const failing = { ...pair.old, status: 502, body: 'no' };
    assert.deepEqual(
      unexplained(pair, failing).map(({ kind }) => kind),
      ['status'],
    );
    assert.equal(unexplained(pair, { ...pair.old, body: 'not JSON' }).length, 1);
    const refusal = { status: 500, contentType: 'text/plain', location: '', body: 'unknown container "/x"' };
    assert.equal(unexplained({ ...pair, old: refusal, new: { ...refusal, status: 404 } }).length, 0);
  });
});

type Parent = Record<string, unknown>;

/** The document with one member of a mapping changed at a time: those that the newest element of a list has. */
function mutations(body: string, change: (parent: Parent, key: string) => void): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  const visit = (value: unknown, path: string, root: unknown) => {
    if (Array.isArray(value)) visit(value.at(-1), `${path}[]`, root);
    else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value)) {
        const parent = value as Parent;
        const before = parent[key];
        // Members of maps by name are containers; a time of another type makes the list another list. The other elements
        // of a list of processes still have the key.
        if (key !== 'timestamp' && !key.startsWith('/') && parent.running_time === undefined) {
          const keys = Object.entries(parent);
          change(parent, key);
          found.push({ path: `${path}.${key}`, text: JSON.stringify(root) });
          for (const each of Object.keys(parent)) delete parent[each];
          Object.assign(parent, Object.fromEntries(keys));
        }
        visit(before, `${path}.${key}`, root);
      }
    }
  };
  const root: unknown = JSON.parse(body);
  visit(root, '', root);
  return found.slice(0, 60);
}
