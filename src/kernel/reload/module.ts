import type { Module } from '../composition/index.js';
import { AGENT, CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { Reloader, ReloadHistory } from './reloader.js';
import { RELOAD_SOURCE, RELOADER, RELOADS } from './tokens.js';

export const reloadModule: Module = {
  name: 'reload',
  register(registry) {
    registry.provide(RELOADS, [AGENT], ({ startedAt }) => new ReloadHistory(startedAt));
    registry.provide(
      RELOADER,
      [RELOAD_SOURCE, RELOADS, CONFIG, CONFIG_OBSERVERS, CLOCK, LOGS],
      (source, history, active, observers, clock, logs) => {
        if (source === undefined) return undefined;
        const apply = (config: typeof source.active) => active.change(config, observers);
        return new Reloader({ ...source, apply, history, clock, logger: logs.logger('reload') });
      },
    );
  },
};
