import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CGROUPS, CONTAINER_OBSERVERS, CONTAINERS, departedContainers, LIMITS } from '../containers/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { HOST_PATHS, hostFile } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { ACTIVE_PLUGINS } from '../supervision/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { EventRecorder } from './event-recorder.js';
import { EVENTS, EventStore } from './event-store.js';

const RECORDER = new Token<EventRecorder>('event recorder');

export const eventsModule: Module = {
  name: 'events',
  register(registry) {
    registry.provide(EVENTS, [CONFIG], (active) => new EventStore((type) => active.config.events[type]));
    const needs = {
      store: EVENTS,
      clock: CLOCK,
      timer: COMMON_TIMER,
      logs: LOGS,
      paths: HOST_PATHS,
      host: HOST,
      limits: LIMITS,
      plugins: ACTIVE_PLUGINS,
      containers: CONTAINERS,
      cgroups: CGROUPS,
      housekeeper: HOUSEKEEPER,
    };
    registry.provide(RECORDER, needs, ({ logs, paths, host, plugins, containers, housekeeper, ...rooms }) => {
      const recorder = new EventRecorder({
        ...rooms,
        logger: logs.logger('events'),
        kernelLog: hostFile(paths, '/dev/kmsg'),
        uptime: () => Number.parseFloat(host.procText('uptime') ?? '0'),
        departed: (name) =>
          departedContainers(plugins, containers).find((departed) => departed.name === name)?.description,
      });
      housekeeper.onOomKills((container, count) => recorder.counted(container, count));
      return recorder;
    });
    registry.contribute(LIFECYCLES, [RECORDER], (recorder) => recorder);
    registry.contribute(CONTAINER_OBSERVERS, [RECORDER], (recorder) => recorder);
    registry.contribute(CONFIG_OBSERVERS, [EVENTS], (store) => ({
      sections: ['events'] as const,
      configChanged: () => store.prune(),
    }));
  },
};
