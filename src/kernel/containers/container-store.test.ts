import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerNamed, DESCRIPTION } from '../../../test/support/containers.js';
import { loggerTo } from '../../../test/support/loggers.js';
import { ContainerStore, DiscoveryRequests, Slot } from './index.js';

function fixture() {
  const lines: string[] = [];
  const store = new ContainerStore(loggerTo(lines));
  const heard: string[] = [];
  store.observe({
    added: ({ name }) => heard.push(`added ${name}`),
    removed: ({ name }) => heard.push(`removed ${name}`),
    descriptionChanged: ({ name }, { image }) => heard.push(`described ${name}, before ${image}`),
    controllersChanged: ({ name }) => heard.push(`controllers ${name}`),
  });
  return { store, heard, lines };
}

describe('ContainerStore', () => {
  it('notifies observers of every change, and not of an equal description', () => {
    const { store, heard } = fixture();
    const container = containerNamed('/a');
    store.add(container);
    store.describe(container, { ...DESCRIPTION });
    store.describe(container, { ...DESCRIPTION, image: 'web' });
    store.describe(container, { ...DESCRIPTION, image: 'db' });
    store.attach(container, { cgroup: container.cgroup, controllers: new Set(['cpu']), missing: [] });
    store.remove(container);
    store.remove(container);
    assert.deepEqual(heard, [
      'added /a',
      'described /a, before undefined',
      'described /a, before web',
      'controllers /a',
      'removed /a',
    ]);
    assert.deepEqual([...container.controllers], ['cpu']);
  });

  it('notifies the other observers when one throws', () => {
    const { store, heard, lines } = fixture();
    store.observe({
      added() {
        throw new Error('no room');
      },
    });
    store.observe({ added: ({ name }) => heard.push(`and ${name}`) });
    store.add(containerNamed('/a'));
    assert.deepEqual(heard, ['added /a', 'and /a']);
    assert.deepEqual(lines, ['an observer of containers failed: no room']);
  });

  it('returns the containers sorted by name after every change', () => {
    const { store } = fixture();
    const names = () => store.all().map(({ name }) => name);
    const [a, b] = [containerNamed('/a'), containerNamed('/b')];
    store.add(b);
    assert.deepEqual(names(), ['/b']);
    store.add(a);
    assert.deepEqual(names(), ['/a', '/b']);
    store.remove(b);
    assert.deepEqual(names(), ['/a']);
  });

  it('finds a container by the id or an alias that its runtime gave it', () => {
    const { store } = fixture();
    const description = { ...DESCRIPTION, namespace: 'docker', id: '0123', aliases: ['web'] };
    const container = containerNamed('/a', { description });
    store.add(container);
    assert.equal(store.find('docker', '0123'), container);
    assert.equal(store.find('docker', 'web'), container);
    assert.equal(store.find('podman', 'web'), undefined);
  });
});

describe('a slot', () => {
  it('keeps the value of its room for one container', () => {
    const [a, b] = [containerNamed('/a'), containerNamed('/b')];
    const [samples, kills] = [new Slot<number>('samples'), new Slot<string>('kills')];
    a.set(samples, 1);
    assert.equal(a.get(samples), 1);
    assert.equal(a.get(kills), undefined);
    assert.equal(b.get(samples), undefined);
    assert.equal(
      b.ensure(samples, () => 2),
      2,
    );
    assert.equal(
      b.ensure(samples, () => 3),
      2,
    );
  });
});

describe('DiscoveryRequests', () => {
  it('drops requests until discovery accepts them, and forwards later ones', () => {
    const requests = new DiscoveryRequests();
    const heard: string[] = [];
    const registrar = requests.registrarOf('docker');
    registrar.reconsiderAll();
    requests.handleBy({
      recheck: (name) => heard.push(`recheck ${name}`),
      reconsider: (name) => heard.push(`reconsider ${name}`),
      reconsiderAll: (id) => heard.push(`reconsider all of ${id}`),
    });
    registrar.reconsider('/a');
    registrar.reconsiderAll();
    requests.recheck('/b');
    assert.deepEqual(heard, ['reconsider /a', 'reconsider all of docker', 'recheck /b']);
  });
});
