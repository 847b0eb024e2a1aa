import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { html } from './html.js';
import { Links } from './links.js';

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const decoded = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name]!);

/** Text as hostile as names, labels and commands may be. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '" onload="x',
    "'><img src=x>",
    '&lt;',
    '</title>',
    '\ud800',
    '\0',
    '`1`',
  ),
);

it('whatever is put in comes out as text: between tags, in attributes, in lists', () => {
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      const { text } = html`<p title="${a}">${[html`<b>${b}</b>`, a]}</p>`;
      const [, title, bold, plain] = /^<p title="([^"<>]*)"><b>([^<>]*)<\/b>([^<>]*)<\/p>$/s.exec(text)!;
      const clean = (value: string) => value.toWellFormed().replace(/[^\P{Cc}\t\n]/gu, '\ufffd');
      assert.deepEqual(
        [title, bold, plain].map((part) => decoded(part!)),
        [a, b, a].map(clean),
      );
    }),
  );
});

it('markup that was made is not escaped again, and nothing is nothing', () => {
  assert.equal(html`<i>${html`<b>${1}</b>`}${undefined}${false}${''}${2n}</i>`.text, '<i><b>1</b>2</i>');
});

it('no name leads out of the agent or its prefix', () => {
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 4 }), (segments) => {
      const name = `/${segments.join('/')}`;
      const href = new Links('/pre').container(name);
      const url = new URL(href, 'http://agent.example:1/');
      assert.equal(url.origin, 'http://agent.example:1');
      assert.equal(url.search + url.hash, '');
      assert.ok(href.startsWith('/pre/containers/') || (name === '/' && href === '/pre/host/'), href);
      assert.match(href, /^[\w\-.!~*'()%/]*$/);
    }),
  );
  assert.equal(
    new Links('').container('/system.slice/a b#?%.service'),
    '/containers/system.slice/a%20b%23%3F%25.service',
  );
  assert.equal(new Links('').namespace('docker'), '/docker/');
});
