import { LIFECYCLES, type Module } from '../composition/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { ACTIVE_PLUGINS, ActivePlugins } from './active-plugins.js';
import { LoopWatch } from './loop-watch.js';
import { SUPERVISOR, Supervisor } from './supervisor.js';

export const supervisionModule: Module = {
  name: 'supervision',
  register(registry) {
    registry.provide(SUPERVISOR, [CLOCK, LOGS], (clock, logs) => new Supervisor(clock, logs.logger('plugins')));
    registry.provide(ACTIVE_PLUGINS, [], () => new ActivePlugins());
    registry.contribute(LIFECYCLES, [SUPERVISOR, LOGS, COMMON_TIMER], (supervisor, logs, timer) => {
      return new LoopWatch(supervisor, logs.logger('agent'), timer);
    });
  },
};
