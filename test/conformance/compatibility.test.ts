import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { projectRoot } from '../project.js';

const QUIRKS = 42;
const rows = readFileSync(join(projectRoot, 'docs/compatibility.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ +\|/.test(line))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
// Not test/fixtures: links recorded there lead into the running host.
const files = ['src', 'test/conformance', 'test/integration', 'test/service'].flatMap((folder) =>
  readdirSync(join(projectRoot, folder), { recursive: true }).map((file) => `${folder}/${String(file)}`),
);

it('the table has every quirk once, in order', () => {
  assert.deepEqual(
    rows.map(([number]) => Number(number)),
    Array.from({ length: QUIRKS }, (_, i) => i + 1),
  );
});

for (const [number, quirk, answer, state, proof = '', ...rest] of rows) {
  it(`quirk ${number} is proven: ${quirk}`, () => {
    assert.deepEqual(rest, []);
    assert.ok(quirk !== '' && answer !== '');
    const [, path = '', title] = /^`([^`]+)`(?: › (.+))?$/.exec(proof) ?? [];
    assert.ok(state === 'mended' || state === 'kept', `unknown state ${state}`);
    assert.ok(files.includes(path), `no file ${path}`);
    const source = readFileSync(join(projectRoot, path), 'utf8');
    const calls = [`test('${title}'`, `test("${title}"`, `it('${title}'`, `it("${title}"`];
    assert.ok(
      calls.some((call) => source.includes(call)),
      `${path} has no test "${title}"`,
    );
  });
}
