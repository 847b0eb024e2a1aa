import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS, departedContainers, LIMITS } from '../containers/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { HOST_PATHS, hostFile } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { ACTIVE_PLUGINS } from '../supervision/index.js';
import { EventRecorder } from './event-recorder.js';
import { EventStore } from './event-store.js';
import { EVENTS } from './tokens.js';

const RECORDER = new Token<EventRecorder>('event recorder');

export const eventsModule: Module = {
  name: 'events',
  register(registry) {
    registry.provide(EVENTS, [CONFIG], (active) => new EventStore((type) => active.config.events[type]));
    registry.provide(
      RECORDER,
      [EVENTS, CLOCK, LOGS, HOST_PATHS, HOST, LIMITS, ACTIVE_PLUGINS, CONTAINERS, HOUSEKEEPER],
      (store, clock, logs, paths, host, limits, plugins, containers, housekeeper) => {
        const recorder = new EventRecorder({
          store,
          clock,
          logger: logs.logger('events'),
          kernelLog: hostFile(paths, '/dev/kmsg'),
          uptime: () => Number.parseFloat(host.procText('uptime') ?? '0'),
          limits,
          departed: (name) =>
            departedContainers(plugins, containers).find((departed) => departed.name === name)?.description,
        });
        housekeeper.onOomKills((container, count) => recorder.counted(container, count));
        return recorder;
      },
    );
    registry.contribute(LIFECYCLES, [RECORDER], (recorder) => recorder);
    registry.contribute(CONTAINER_OBSERVERS, [RECORDER], (recorder) => recorder);
    registry.contribute(CONFIG_OBSERVERS, [EVENTS], (store) => ({
      sections: ['events'] as const,
      configChanged: () => store.prune(),
    }));
  },
};
