import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TestAuthority } from '../../../test/support/certificates.js';
import { needs } from '../../../test/support/needs.js';
import { HttpSender, httpOptions } from './http-sender.js';
import { z } from './zod.js';

const schema = z.strictObject(httpOptions);

describe('sending over HTTP', () => {
  let directory: string;
  let server: Server;
  let seen: IncomingHttpHeaders[];
  let respond: (response: ServerResponse) => void;
  const senders: HttpSender[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tallyman-test-sender-'));
    seen = [];
    respond = (response) => void response.writeHead(204).end();
    server = createServer((request, response) => {
      seen.push(request.headers);
      request.resume().on('end', () => respond(response));
    });
  });
  afterEach(async () => {
    for (const sender of senders.splice(0)) sender.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    rmSync(directory, { recursive: true, force: true });
  });

  async function listening(on = server): Promise<number> {
    on.listen(0, '127.0.0.1');
    await once(on, 'listening');
    return (on.address() as AddressInfo).port;
  }

  function send(url: string, options: Record<string, unknown> = {}, signal = new AbortController().signal) {
    const sender = new HttpSender(schema.parse(options));
    senders.push(sender);
    return sender.send({ url, body: Buffer.from('body'), headers: {}, signal });
  }

  it('sends credentials from files, and reads them again when they change', async () => {
    const url = `http://127.0.0.1:${await listening()}/`;
    const file = join(directory, 'token');
    writeFileSync(file, 'one\n');
    const sender = new HttpSender(schema.parse({ bearerTokenFile: file }));
    senders.push(sender);
    const post = () => sender.send({ url, body: Buffer.from(''), headers: {}, signal: new AbortController().signal });
    await post();
    writeFileSync(file, 'another\n');
    await post();
    await send(url, { basicAuth: { username: 'me', password: 'secret' } });
    assert.deepEqual(
      seen.map(({ authorization }) => authorization),
      ['Bearer one', 'Bearer another', `Basic ${Buffer.from('me:secret').toString('base64')}`],
    );
  });

  it('reports a failed connection as an error that may be retried', async () => {
    const port = await listening();
    const passing = { isPermanent: false };
    respond = () => {};
    await assert.rejects(send(`http://127.0.0.1:${port}/x`, { timeout: '50ms' }), {
      ...passing,
      message: `http://127.0.0.1:${port}/x did not answer within 50 ms`,
    });
    respond = (response) => void response.destroy();
    await assert.rejects(send(`http://127.0.0.1:${port}/`), { ...passing, message: /closed the connection/ });
    respond = (response) => void response.writeHead(308, { Location: 'http://other/' }).end();
    await assert.rejects(send(`http://127.0.0.1:${port}/`), { ...passing, hint: /redirects are not followed/ });
    await assert.rejects(send('http://no-such-host.invalid/'), { ...passing, message: /the name is not known/ });
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await assert.rejects(send(`http://127.0.0.1:${port}/`), { ...passing, message: /nothing listens there/ });
    await assert.rejects(send(`http://127.0.0.1:${port}/`, { bearerTokenFile: '/no/such' }), {
      ...passing,
      message: /ENOENT.*\/no\/such/,
    });
  });

  it('is aborted by its signal', async () => {
    const url = `http://127.0.0.1:${await listening()}/`;
    const abort = new AbortController();
    respond = () => abort.abort();
    await assert.rejects(send(url, {}, abort.signal), { name: 'AbortError' });
  });

  it('parses Retry-After', async () => {
    const url = `http://127.0.0.1:${await listening()}/`;
    const retryAfter = async (value: string) => {
      respond = (response) => void response.writeHead(503, { 'Retry-After': value }).end();
      return send(url).catch(({ retryAfterMs }) => retryAfterMs as number);
    };
    assert.equal(await retryAfter('3'), 3_000);
    assert.ok(((await retryAfter(new Date(Date.now() + 60_000).toUTCString())) as number) > 50_000);
    for (const odd of ['-1', 'soon', new Date(0).toUTCString()]) assert.equal(await retryAfter(odd), 0);
  });

  it('accepts only certificates of the configured authority', {
    skip: needs('openssl'),
  }, async () => {
    const authority = new TestAuthority(directory);
    const { cert, key } = authority.issue('localhost');
    const tlsServer = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) =>
      response.writeHead(204).end(),
    );
    const url = `https://127.0.0.1:${await listening(tlsServer as unknown as Server)}/`;
    try {
      await assert.rejects(send(url), { isPermanent: false, message: /certificate/ });
      assert.equal((await send(url, { tls: { ca: authority.ca } })).status, 204);
      assert.equal((await send(url, { tls: { verify: false } })).status, 204);
    } finally {
      tlsServer.closeAllConnections();
      tlsServer.close();
    }
  });
});
