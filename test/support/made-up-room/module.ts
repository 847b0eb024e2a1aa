import { LIFECYCLES, type Module, Token } from '../../../src/kernel/composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../../../src/kernel/config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS, Slot } from '../../../src/kernel/containers/index.js';
import { DISCOVERY } from '../../../src/kernel/discovery/index.js';
import { HTTP } from '../../../src/kernel/http/index.js';
import { ACTIVE_PLUGINS, PLUGIN_OBSERVERS } from '../../../src/kernel/supervision/index.js';

/** What the room noted, in order. */
export const NOTES = new Token<string[]>('notes');
const ORDER = new Slot<number>('made-up');

/** A room that no other knows of: it notes what happens to it and to others. */
export const madeUpModule: Module = {
  name: 'made-up',
  register(registry) {
    registry.provide(NOTES, [], () => []);
    registry.contribute(LIFECYCLES, [NOTES, HTTP, CONTAINERS], (notes, http, containers) => ({
      start: () => void notes.push(`started when ${http.urls().length} address and ${containers.size} container`),
      quiesce: () => void notes.push('finishes'),
      stop: () => void notes.push(`stops when ${http.urls().length} addresses`),
    }));
    registry.contribute(LIFECYCLES, [NOTES, DISCOVERY, ACTIVE_PLUGINS], (notes, _discovery, plugins) => ({
      start: () => void notes.push(`sees ${plugins.of('metric-source').length} source`),
      stop: () => void notes.push(`stops, and sees ${plugins.of('metric-source').length} source`),
    }));
    registry.contribute(CONFIG_OBSERVERS, [NOTES, CONFIG], (notes, active) => ({
      sections: ['events'] as const,
      configChanged: () => void notes.push(`oom events: ${active.config.events.oom.count}`),
    }));
    registry.contribute(CONTAINER_OBSERVERS, [NOTES, CONTAINERS], (notes, containers) => ({
      added(container) {
        container.set(ORDER, containers.size);
        notes.push(`added ${container.name}`);
      },
      removed: (container) => void notes.push(`removed ${container.name}, which was number ${container.get(ORDER)}`),
    }));
    registry.contribute(PLUGIN_OBSERVERS, [NOTES], (notes) => ({
      activated: ({ record }) => void notes.push(`+${record.id}`),
      deactivated: ({ record }) => void notes.push(`-${record.id}`),
    }));
  },
};
