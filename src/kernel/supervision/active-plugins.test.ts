import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PluginKind } from '../contracts/index.js';
import { type ActivePlugin, ActivePlugins, PluginRecord } from './index.js';

function plugin(id: string, kind: PluginKind = 'metric-source'): ActivePlugin {
  return { record: new PluginRecord(id, id, id, 'fail'), kind, instance: {} as ActivePlugin['instance'] };
}

function recorded() {
  const plugins = new ActivePlugins();
  const heard: string[] = [];
  plugins.observe({
    activated: ({ record }) => heard.push(`+${record.id}`),
    deactivated: ({ record }) => heard.push(`-${record.id}`),
    reordered: () => heard.push('order'),
  });
  return { plugins, reported: () => heard.splice(0) };
}

describe('ActivePlugins', () => {
  it('notifies observers of ended and new plugins', () => {
    const { plugins, reported } = recorded();
    const [a, b, c] = [plugin('a'), plugin('b'), plugin('c')];
    plugins.publish([a, b]);
    assert.deepEqual(reported(), ['+a', '+b']);
    plugins.publish([c, b]);
    assert.deepEqual(reported(), ['-a', '+c']);
    plugins.publish([c, b]);
    assert.deepEqual(reported(), []);
  });

  it('notifies observers when the order changes', () => {
    const { plugins, reported } = recorded();
    const [a, b] = [plugin('a'), plugin('b')];
    plugins.publish([a, b]);
    reported();
    plugins.publish([b, a]);
    assert.deepEqual(reported(), ['order']);
  });

  it('returns the plugins of one kind in order', () => {
    const { plugins } = recorded();
    const [a, b, c] = [plugin('a', 'sink'), plugin('b'), plugin('c', 'sink')];
    plugins.publish([c, b, a]);
    assert.deepEqual(plugins.of('sink'), [c, a]);
  });
});
