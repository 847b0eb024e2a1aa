import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { createClock } from '../../log/index.js';
import { CommonTimer } from '../../timing/index.js';
import { DescriptorBudget, DescriptorMonitor } from './descriptor-budget.js';
import { BudgetedFile, BudgetedValue, type FilePath } from './kernel-file.js';
import { BudgetedKeyedFile } from './keyed-file.js';

const timer = new CommonTimer(createClock());
const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
after(() => rmSync(directory, { recursive: true }));

function pathOf(path: string): FilePath {
  return { mount: dirname(path), cgroup: '', name: basename(path) };
}

function fileWith(content: string | Uint8Array, budget: DescriptorBudget, name = 'file'): BudgetedFile {
  const path = join(directory, name);
  writeFileSync(path, content);
  const file = BudgetedFile.open(pathOf(path), budget);
  assert.ok(file);
  return file;
}

it('reads a file completely, also when it is larger than the buffer', () => {
  const budget = new DescriptorBudget(4);
  const file = fileWith('x'.repeat(300_000), budget);
  assert.equal(file.read(), 300_000);
  assert.equal(file.buffer.toString('latin1', 299_999, 300_000), 'x');
  writeFileSync(file.path, 'short');
  assert.equal(file.read(), 5);
  file.close();
  assert.equal(file.read(), -1);
  assert.equal(file.failure, 'closed');
});

it('reads a kernel file of many pages completely and repeatedly', {
  skip: !existsSync('/proc/crypto') && 'this kernel has no /proc/crypto',
}, () => {
  const budget = new DescriptorBudget(1);
  const file = BudgetedFile.open(pathOf('/proc/crypto'), budget);
  assert.ok(file);
  for (let round = 0; round < 3; round++) {
    const length = file.read();
    assert.equal(file.buffer.toString('latin1', 0, length), readFileSync('/proc/crypto', 'latin1'));
  }
  file.close();
});

it('reopens files beyond the budget at each read, until a descriptor becomes free', () => {
  const budget = new DescriptorBudget(1);
  const first = fileWith('1\n', budget, 'first');
  const second = fileWith('2\n', budget, 'second');
  assert.deepEqual([budget.kept, budget.reopened], [1, 1]);
  assert.equal(second.read(), 2);
  first.close();
  assert.deepEqual([budget.kept, budget.reopened], [0, 1]);
  assert.equal(second.read(), 2);
  assert.deepEqual([budget.kept, budget.reopened], [1, 0]);
  second.close();
  assert.deepEqual([budget.kept, budget.reopened], [0, 0]);
});

it('finds a file that another directory does not have, and one that appears later', (t) => {
  const budget = new DescriptorBudget(4);
  const directories = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'tallyman-files-')));
  t.after(() => directories.forEach((directory) => void rmSync(directory, { recursive: true })));
  const [first, second] = directories.map((directory) => join(directory, 'late'));
  for (let tries = 0; tries < 2; tries++) assert.equal(BudgetedFile.open(pathOf(first!), budget), undefined);
  assert.deepEqual([...budget.absentNames], ['late']);
  writeFileSync(second!, '1\n');
  assert.ok(BudgetedFile.open(pathOf(second!), budget));
  assert.deepEqual([...budget.absentNames], []);
  assert.equal(BudgetedFile.open(pathOf(first!), budget), undefined);
  writeFileSync(first!, '1\n');
  assert.equal(BudgetedFile.open(pathOf(first!), budget)?.read(), 2);
});

it('does not remember orders of keys without bound', () => {
  const keys = ['a'];
  const budget = new DescriptorBudget(4);
  const shape = budget.shapeOf(keys);
  for (let i = 0; i < 500; i++) shape.intern({ words: [], indexes: [0], signature: i });
  assert.ok((Reflect.get(shape, 'orders') as Map<string, unknown>).size <= 64);
});

it('gives the descriptor of a file that is read rarely to one that is read often', () => {
  const budget = new DescriptorBudget(2);
  const monitor = new DescriptorMonitor(budget, timer, () => true);
  const [rare, often, late] = ['rare', 'often', 'late'].map((name) => fileWith(name, budget, name));
  const isKept = () => budget.kept === 2 && budget.reopened === 1;
  const descriptorOf = (file: BudgetedFile) => Reflect.get(file, 'state');
  assert.ok(isKept());
  rare!.read();
  for (let round = 0; round < 10; round++) {
    monitor.check();
    assert.equal(often!.read(), 5);
    assert.equal(late!.read(), 4);
  }
  assert.ok(isKept());
  assert.deepEqual([rare!, often!, late!].map(descriptorOf), ['reopened', 'kept', 'kept']);
  assert.equal(rare!.read(), 4, 'it is opened for the read');
  assert.deepEqual([rare!, often!, late!].map(descriptorOf), ['reopened', 'kept', 'kept'], 'one read takes nothing');
  for (const file of [late!, rare!, often!]) file.close();
  assert.deepEqual([budget.kept, budget.reopened], [0, 0]);
});

it('leaves descriptors with files that are read often when all are', () => {
  const budget = new DescriptorBudget(2);
  const monitor = new DescriptorMonitor(budget, timer, () => true);
  const files = ['a', 'b', 'c', 'd'].map((name) => fileWith(name, budget, name));
  for (let round = 0; round < 20; round++) {
    monitor.check();
    for (const file of files) assert.equal(file.read(), 1);
  }
  assert.deepEqual(
    files.map((file) => Reflect.get(file, 'state')),
    ['kept', 'kept', 'reopened', 'reopened'],
  );
  for (const file of files) file.close();
});

it('DescriptorMonitor shrinks the budget when descriptors run out, and lets it grow again later', () => {
  const budget = new DescriptorBudget(400);
  for (let i = 0; i < 300; i++) budget.take({ place: 0, readRound: 0, giveUp() {} });
  const system = { isFree: false, soft: 1024 };
  const sentinel = new DescriptorMonitor(
    budget,
    timer,
    () => system.isFree,
    () => `Max open files   ${system.soft}   20000   files`,
  );
  sentinel.check();
  assert.deepEqual([budget.limit, budget.overdrawn], [268, true]);
  system.isFree = true;
  const calm = () => {
    for (let look = 0; look < 30; look++) sentinel.check();
    return budget.limit;
  };
  assert.deepEqual([calm(), calm(), calm()], [524, 768, 768]);
  system.soft = 300;
  assert.equal(calm(), 768, 'it falls when descriptors are lacking only');
});

it('DescriptorMonitor detects that no descriptor is available', () => {
  const budget = new DescriptorBudget(400);
  new DescriptorMonitor(budget, timer).check();
  assert.equal(budget.limit, 400);
});

it('releases kept descriptors when the system has none left', () => {
  const budget = new DescriptorBudget(40);
  const files = Array.from({ length: 40 }, (_, i) => fileWith('1', budget, `f${i}`));
  budget.exhausted();
  for (const file of files) assert.equal(file.read(), 1);
  assert.deepEqual([budget.limit, budget.kept, budget.reopened], [8, 8, 32]);
  for (const file of files) file.close();
  assert.deepEqual([budget.kept, budget.reopened], [0, 0]);
});

it('reports a removed file as gone, also after it is created again', () => {
  const budget = new DescriptorBudget(0);
  const file = fileWith('1', budget);
  rmSync(file.path);
  assert.equal(file.read(), -1);
  assert.equal(file.failure, 'ENOENT');
  writeFileSync(file.path, '1');
  assert.equal(file.read(), -1);
  assert.equal(budget.reopened, 0);
  assert.equal(BudgetedFile.open(pathOf(join(directory, 'none')), budget), undefined);
  const dir = BudgetedFile.open(pathOf(directory), budget);
  assert.equal(dir?.read(), -1);
  assert.equal(dir?.failure, 'EISDIR');
  dir?.close();
});

it('the budget is the hard limit minus a reserve', () => {
  assert.equal(DescriptorBudget.fromLimits('Max open files            1024   20000    files').limit, 19_744);
  assert.equal(DescriptorBudget.fromLimits('Max open files            256   300    files').limit, 150);
  assert.equal(DescriptorBudget.fromLimits('Max open files   1024   unlimited    files').limit, 1_048_320);
  assert.equal(DescriptorBudget.fromLimits('').limit, 1_048_320);
});

it('reads values up to 2^64 − 1 exactly', () => {
  const budget = new DescriptorBudget(4);
  const value = new BudgetedValue(fileWith('', budget, 'value'), budget);
  const read = (text: string): bigint | undefined => {
    writeFileSync(value.path, text);
    return value.read() ? BigInt(value.value) + BigInt(value.residual) : undefined;
  };
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (exact) => read(`${exact}\n`) === exact));
  assert.equal(read('max\n'), 2n ** 64n - 1n);
  assert.equal(read('12'), 12n);
  for (const odd of ['', '\n', 'x', '-1\n', '12x\n', `${2n ** 64n}\n`]) {
    assert.equal(read(odd), undefined, odd);
    assert.equal(value.failure, 'does not contain a number');
  }
  value.close();
  assert.equal(value.read(), false);
});

const lines = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('a', 'ab', 'total_a', 'b', 'c', 'cc', 'd', 'e'),
    fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), fc.nat(20).map(String), fc.constant('odd')),
  ),
  { selector: ([key]) => key },
);

it('reads the wanted keys of keyed files whatever their layouts', () => {
  const budget = new DescriptorBudget(4);
  const keys = ['b', 'a', 'cc', 'd'];
  const files = ['keyed', 'keyed alike'].map((name) => new BudgetedKeyedFile(fileWith('', budget, name), keys, budget));
  const version = fc.tuple(lines, fc.constantFrom(...files));
  fc.assert(
    fc.property(fc.array(version, { minLength: 1, maxLength: 8 }), (versions) => {
      for (const [version, keyed] of versions) {
        writeFileSync(keyed.path, version.map(([key, value]) => `${key} ${value}\n`).join(''));
        assert.equal(keyed.read(), true);
        const expected = new Map<string, string>(version);
        keys.forEach((key, i) => {
          const text = expected.get(key) ?? 'odd';
          if (text === 'odd') assert.ok(Number.isNaN(keyed.values[i]));
          else assert.equal((BigInt(keyed.values[i]!) + BigInt(keyed.residuals[i]!)).toString(), text);
        });
      }
    }),
  );
  for (const keyed of files) keyed.close();
});

it('takes the order of the keys from another file with the same ones', () => {
  const budget = new DescriptorBudget(4);
  const keys = ['b', 'a'];
  const [first, alike, other] = ['a 1\nx 2\nb 3\n', 'a 456\nx 78\nb 9\n', 'b 5\na 6\n'].map((text, i) => {
    const keyed = new BudgetedKeyedFile(fileWith(text, budget, `order ${i}`), keys, budget);
    assert.equal(keyed.read(), true);
    return [keyed, [...keyed.values]] as const;
  });
  assert.deepEqual(
    [first![1], alike![1], other![1]],
    [
      [3, 1],
      [9, 456],
      [5, 6],
    ],
  );
  for (const [keyed, values] of [first!, alike!, other!]) {
    assert.equal(keyed.read(), true);
    assert.deepEqual([...keyed.values], values);
    keyed.close();
  }
});

it('never throws on random bytes', () => {
  const budget = new DescriptorBudget(4);
  const file = fileWith('', budget, 'random');
  const keyed = new BudgetedKeyedFile(file, ['a', 'max', ''], budget);
  const value = new BudgetedValue(file, budget);
  const bytes = fc.uint8Array({ maxLength: 200 });
  const likely = fc.string({ unit: fc.constantFrom('a', 'm', 'x', ' ', '\n', '1', '9', '\t'), maxLength: 60 });
  fc.assert(
    fc.property(fc.oneof(bytes, likely), (content) => {
      writeFileSync(file.path, content);
      keyed.read();
      value.read();
    }),
  );
  file.close();
});

/** The time limit is the test's. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

describe('a budget that expects files', { timeout: 60_000 }, () => {
  const tableSize = () => Number(/^FDSize:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  const open = () => readdirSync('/proc/self/fd').length;

  it('enlarges the table of descriptors once for many, and keeps none open', async () => {
    const before = open();
    new DescriptorBudget(100).expect(12_000);
    await until(() => open() <= before);
    assert.ok(tableSize() < 1024, `a small budget enlarged the table to ${tableSize()}`);
    new DescriptorBudget(100_000).expect(255);
    assert.ok(tableSize() < 1024, `few files enlarged the table to ${tableSize()}`);
    new DescriptorBudget(100_000).expect(12_000);
    await until(() => tableSize() >= 2048);
    await until(() => open() <= before);
  });
});
