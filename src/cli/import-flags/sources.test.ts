// cAdvisor as people start it: command lines, scripts, compose files, manifests and units in their usual forms.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { importFlags } from './index.js';
import { publishedPort } from './sources.js';

/** `${TEXT}`, as Compose and systemd write it. */
const variable = (text: string) => `$\{${text}}`;

const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

type Web = { listen: string[]; allowUnauthenticated?: boolean; urlBasePrefix?: string };
const webOf = (...given: string[]) => (importFlags(given).config as { web: Web }).web;
const listenOf = (...given: string[]) => webOf(...given).listen[0];
const reasonsOf = (...given: string[]) => importFlags(given).without.map(({ flag, text }) => `${flag}: ${text}`);

it('a file that contains itself, or is nested deeply, runs no cAdvisor', () => {
  for (const text of ['a: &a [*a]', '['.repeat(200_000), `${'['.repeat(2_000)}${']'.repeat(2_000)}`]) {
    assert.throws(() => importFlags([file('nested.yaml', text)]), /nested\.yaml runs no cAdvisor/);
  }
});

const RUN = (more: string, flags = '') => `sudo docker run \\
  --volume=/:/rootfs:ro --volume=/var/run:/var/run:ro -v /sys:/sys:ro ${more} \\
  --detach=true --name cadvisor --privileged --device=/dev/kmsg \\
  gcr.io/cadvisor/cadvisor:v0.49.1 ${flags}`;

describe('a command line', () => {
  it('that publishes a port gives the published port as the address', () => {
    assert.equal(listenOf(RUN('-p 9080:8080')), ':9080');
    assert.equal(listenOf(RUN('--publish=9080:8080/tcp')), ':9080');
    assert.equal(listenOf(RUN('--publish 9080:8081', '--port=8081')), ':9080');
    assert.deepEqual(webOf(RUN('-p 127.0.0.1:9080:8080')), { listen: ['127.0.0.1:9080'] });
    assert.deepEqual(webOf(RUN('-p [::1]:9080:8080')), { listen: ['[::1]:9080'] });
    assert.equal(listenOf(RUN('-p 9080:9999')), ':8080', 'another port of the container');
    assert.match(reasonsOf(RUN('-p 8000-8010:8080')).join(), /^-p 8000-8010:8080: not one port of the host/);
    assert.match(
      importFlags([RUN('-p 9080:8080')])
        .remarks.map(({ text }) => text)
        .join(),
      /publishes 8080 as 9080/,
    );
  });

  it('is parsed from the program name on, whatever options precede it', () => {
    assert.equal(listenOf('/usr/bin/cadvisor -storage_driver_db cadvisor -port 9'), ':9');
    assert.equal(listenOf(RUN('--hostname cadvisor -l cadvisor', '-port=9')), ':9');
    assert.equal(listenOf('docker run --rm -d google/cadvisor:latest -port=9'), ':9');
    assert.equal(listenOf('./cadvisor-v0.49.1-linux-amd64 -port=9'), ':9');
    assert.equal(listenOf('podman run gcr.io/cadvisor/cadvisor-arm64:v0.49.1 -port=9 > /var/log/out 2>&1 &'), ':9');
    assert.deepEqual(reasonsOf('/usr/bin/cadvisor -port=9 > /var/log/out 2>&1 &'), []);
  });

  it('in any form is parsed or rejected, as an argument and as a file', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'docker run ',
        ' -p ',
        'cadvisor',
        'gcr.io/cadvisor/cadvisor:v1 ',
        '\n',
        '[Container]\n',
        'Image=',
        'ExecStart=',
      ),
      fc.constantFrom(
        'services: {a: {image: cadvisor, ports: ',
        '[{target: 1}]',
        '}}',
        'Environment=A=',
        '$A',
        ' --port=',
        '9',
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        for (const given of [[text, ''], [file('any', text)]]) {
          try {
            importFlags(given);
          } catch (error) {
            assert.match((error as Error).message, /runs no cAdvisor/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of another program is rejected', () => {
    for (const given of [['nginx', '-g', 'daemon'], ['nginx -g daemon'], ['docker run -p 80:80 nginx'], ['nginx']]) {
      assert.throws(() => importFlags(given), /runs no cAdvisor that could be recognised/, given.join(' '));
    }
    assert.equal(listenOf('--port=9'), ':9', 'flags alone are cAdvisor’s');
  });
});

describe('a file', () => {
  it('with a docker run line among other lines is parsed', () => {
    const script = `#!/bin/sh\n# starts cadvisor\nset -e\ndocker pull gcr.io/cadvisor/cadvisor:v0.49.1\n${RUN('-p 9080:8080', '--url_base_prefix=/a')} && echo started\n`;
    const web = webOf(file('start.sh', script));
    assert.deepEqual([web.listen, web.urlBasePrefix], [[':9080'], '/a']);
    assert.equal(listenOf(file('line.txt', RUN('', '--port=9'))), ':9');
    assert.throws(() => importFlags([file('none.sh', 'docker run nginx\n')]), /runs no cAdvisor/);
  });

  it('of Compose may publish ports in both forms and use variables', () => {
    const compose = (body: string) =>
      file('compose.yml', `services:\n  cadvisor:\n    image: \${IMAGE:-gcr.io/cadvisor/cadvisor:v0.49.1}\n${body}`);
    assert.equal(listenOf(compose("    ports: ['9080:8080']\n")), ':9080');
    assert.equal(listenOf(compose("    ports: ['127.0.0.1:9080:8080']\n")), '127.0.0.1:9080');
    assert.equal(
      listenOf(compose('    ports:\n      - { target: 8080, published: 9080, host_ip: 10.0.0.1 }\n')),
      '10.0.0.1:9080',
    );
    assert.equal(listenOf(compose('    expose: [8080]\n')), ':8080');
    assert.deepEqual(reasonsOf(compose(`    ports: ['${variable('PORT')}:8080']\n`)), [
      `-p ${variable('PORT')}:8080: not one port of the host: write out where the container’s port is published`,
    ]);
    assert.deepEqual(reasonsOf(compose(`    command: ['--housekeeping_interval=${variable('EVERY:-30s')}']\n`)), [
      `--housekeeping_interval=${variable('EVERY:-30s')}: a variable: write out what it holds`,
    ]);
  });

  it('of Kubernetes may use a host port', () => {
    const manifest = (more = '') =>
      file(
        'daemonset.yaml',
        `apiVersion: apps/v1\nkind: DaemonSet\nspec:\n  template:\n    spec:\n      containers:\n        - name: cadvisor\n          image: gcr.io/cadvisor/cadvisor:v0.49.1\n          args: ['--docker_only=false'${more}]\n          ports: [{ name: http, containerPort: 8080, hostPort: 9080 }]\n`,
      );
    assert.equal(listenOf(manifest()), ':9080');
    assert.deepEqual(reasonsOf(manifest(", '--containerd=/run/k3s/containerd.sock'")), []);
    assert.deepEqual(reasonsOf(RUN('-v /run/containerd/containerd.sock:/run/containerd/containerd.sock')), []);
  });

  it('of systemd may set variables or run a Podman container', () => {
    const unit = `[Service]\nEnvironment="OPTIONS=--port=9 --docker_only" OTHER=1\nEnvironmentFile=-/etc/default/cadvisor\nExecStart=/usr/bin/cadvisor $OPTIONS ${variable('MORE')}\n`;
    assert.equal(listenOf(file('cadvisor.service', unit)), ':9');
    assert.deepEqual(reasonsOf(file('cadvisor.service', unit)), [
      `${variable('MORE')}: a variable: write out what it holds`,
    ]);
    const quadlet =
      '[Container]\nImage=gcr.io/cadvisor/cadvisor:v0.49.1\nPublishPort=127.0.0.1:9080:8080\nExec=--url_base_prefix=/a\n';
    assert.deepEqual(webOf(file('cadvisor.container', quadlet)), { urlBasePrefix: '/a', listen: ['127.0.0.1:9080'] });
  });
});

describe('a published port', () => {
  it('is parsed to an address, a port and a container port, or to nothing', () => {
    assert.deepEqual(publishedPort('127.0.0.1:9080:8080/tcp'), { host: '127.0.0.1', port: '9080', container: '8080' });
    assert.deepEqual(publishedPort('9080:8080'), { host: '', port: '9080', container: '8080' });
    for (const text of ['8080', ':8080', '1-2:8080', '9080:8080/udp', '$P:8080'])
      assert.equal(publishedPort(text), undefined);
    fc.assert(fc.property(fc.string(), (text) => (publishedPort(text)?.container ?? '0').length > 0));
  });
});
