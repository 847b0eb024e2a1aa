import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decoded, objectPathOf, unitOf } from './unit-name.js';

/** systemd's unit_name_escape(), without its `-` for `/`. */
const escaped = (text: string) =>
  [...Buffer.from(text)]
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      const isPlain = /[A-Za-z0-9:_.]/.test(character) && !(index === 0 && character === '.');
      return isPlain ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');

describe('the unit of a cgroup', () => {
  it('is the last part of its path, below slices', () => {
    const cases: readonly (readonly [path: string, unit: string])[] = [
      ['/init.scope', 'init.scope'],
      ['/system.slice', 'system.slice'],
      ['/system.slice/nginx.service', 'nginx.service'],
      ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service'],
      ['/user.slice/user-1000.slice/user@1000.service', 'user@1000.service'],
      ['/user.slice/user-1000.slice/session-2.scope', 'session-2.scope'],
      ['/system.slice/dev-disk-by\\x2duuid-1.swap', 'dev-disk-by\\x2duuid-1.swap'],
      ['/system.slice/__odd.service', '_odd.service'],
      ['/system.slice/_cpu.fast.service', 'cpu.fast.service'],
    ];
    for (const [path, unit] of cases) assert.deepEqual(unitOf(path), { unit }, path);
  });

  it('of a user’s service manager comes with the uid', () => {
    const manager = '/user.slice/user-1000.slice/user@1000.service';
    assert.deepEqual(unitOf(`${manager}/app.slice/web.service`), { unit: 'web.service', uid: 1000 });
    assert.deepEqual(unitOf(`${manager}/init.scope`), { unit: 'init.scope', uid: 1000 });
    assert.deepEqual(unitOf(`${manager}/app.slice`), { unit: 'app.slice', uid: 1000 });
  });

  it('is absent for what is below a unit or in a container, and for what is no unit', () => {
    for (const path of [
      '/',
      '',
      'x',
      '//',
      '/system.slice/web.service/worker',
      '/system.slice/web.service/worker.scope',
      '/lxc.payload.web/system.slice/cron.service',
      '/machine.slice/machine-web.scope/payload/system.slice/cron.service',
      '/user.slice/user@1000.service/app.slice/web.service/worker.scope',
      '/docker/0123',
      '/system.slice/.service',
      '/system.slice/name',
      '/system.slice/a b.service',
    ]) {
      assert.equal(unitOf(path), undefined, path);
    }
  });

  it('never throws, and is the last part of the path without the `_` of systemd', () => {
    const part = fc.oneof(fc.string(), fc.constantFrom('a.slice', 'user@1000.service', 'b.service', '_c.scope', '..'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const path = `/${parts.join('/')}`;
        const found = unitOf(path);
        if (found !== undefined) assert.ok(path.endsWith(`/${found.unit}`) || path.endsWith(`/_${found.unit}`), path);
      }),
    );
  });
});

describe('names without escapes', () => {
  it('are what was escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(!/[\p{Cc}\ufffd\\]/u.test(text));
        assert.equal(decoded(escaped(text)), text);
      }),
    );
  });

  it('keep escapes that are none, are not UTF-8, or would not be printable', () => {
    for (const name of ['a\\xzz', 'a\\x', 'a\\xff.scope', 'a\\x0ab', 'a\\x00', 'plain-name.service']) {
      assert.equal(decoded(name), name);
    }
    assert.equal(decoded('machine-qemu\\x2d1\\x2dweb.scope'), 'machine-qemu-1-web.scope');
    assert.equal(decoded('caf\\xc3\\xa9@ü.service'), 'café@ü.service');
  });
});

describe('the path of a unit on D-Bus', () => {
  it('has every other character than letters and digits as its number, and a digit in front too', () => {
    assert.equal(objectPathOf('user@1000.service'), '/org/freedesktop/systemd1/unit/user_401000_2eservice');
    assert.equal(objectPathOf('0-a.scope'), '/org/freedesktop/systemd1/unit/_30_2da_2escope');
  });
});
