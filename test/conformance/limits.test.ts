import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../project.js';

const page = readFileSync(join(projectRoot, 'docs/limits.md'), 'utf8');
const source = (file: string) => readFileSync(join(projectRoot, 'src', file), 'utf8');

/** Rows of the table of bounds: what is kept, its bound, where that is. */
const rows = [...page.matchAll(/^\| ([^|]+?) +\| (\S+) +\| `([^`]+)` +\| ([^|]+?) +\|$/gm)].map(
  ([, what, bound, place]) => ({ what: what!, bound: bound!, place: place! }),
);

/** The value of a product of numbers and powers, as constants are written. */
function productOf(expression: string): number {
  return expression
    .replaceAll('_', '')
    .split(' * ')
    .map((factor) => factor.split(' ** ').map(Number))
    .reduce((product, [base, exponent = 1]) => product * base! ** exponent, 1);
}

function constantOf(file: string, name: string): number {
  const [, expression] = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+);`, 'm').exec(source(file)) ?? [];
  assert.ok(expression, `src/${file} has no constant ${name}`);
  return productOf(expression);
}

interface Schema {
  readonly default?: unknown;
  readonly properties?: Record<string, Schema>;
}
const schema = JSON.parse(readFileSync(join(projectRoot, 'config/tallyman.schema.json'), 'utf8')) as Schema;

function optionOf(path: string): string {
  const option = path.split('.').reduce<Schema | undefined>((at, name) => at?.properties?.[name], schema);
  assert.ok(option, `there is no option ${path}`);
  return String(option.default);
}

/** The maps and sets that objects of the kernel hold. */
function heldMaps(): string[] {
  const files = readdirSync(join(projectRoot, 'src/kernel'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) =>
      [
        ...source(`kernel/${file}`).matchAll(
          /(?:^ {2}(?:(?:private|protected|public|readonly) )+(?=\w+[^=\n]* = new)|this\.)(\w+)[^=\n]* (?:=|\?\?=) new (?:Map|Set)\b/gm,
        ),
      ].map(([, name]) => `kernel/${file} ${name}`),
    );
}

describe('docs/limits.md', () => {
  it('has the bounds that the code has', () => {
    assert.ok(rows.length > 40, `${rows.length} rows`);
    for (const { what, bound, place } of rows) {
      const [file, name] = place.split(' ');
      if (name === undefined) assert.equal(bound, optionOf(place), what);
      else assert.equal(Number(bound), constantOf(file!, name), what);
    }
  });

  it('names every map and set that an object of the kernel holds', () => {
    const named = new Set(
      [...page.matchAll(/^- `(\S+)`: (.+)$/gm)].flatMap(([, file, names]) =>
        names!.split(', ').map((name) => `${file} ${name}`),
      ),
    );
    const held = heldMaps();
    assert.ok(held.length > 50, `${held.length} found`);
    assert.deepEqual(
      held.filter((each) => !named.has(each)),
      [],
      'give it a bound, and a line in docs/limits.md that says what it grows with',
    );
    assert.deepEqual(
      [...named].filter((each) => !held.includes(each)),
      [],
      'no longer in the code',
    );
  });
});
