import { LIFECYCLES, type Module } from '../composition/index.js';
import { CONFIG, CONFIG_OBSERVERS } from '../config/index.js';
import { DISCOVERY_REQUESTS } from '../containers/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { DESCRIPTORS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { BudgetKeeper, type ProcessUse } from './keeper.js';
import { OwnCgroupReader } from './own-cgroup.js';
import { BUDGET, QUERY_GATES } from './tokens.js';

export const budgetModule: Module = {
  name: 'budget',
  register(registry) {
    registry.provide(
      BUDGET,
      [CONFIG, CLOCK, LOGS, HOUSEKEEPER, SUPERVISOR, ACTIVE_PLUGINS, DESCRIPTORS, DISCOVERY_REQUESTS],
      ({ config }, clock, logs, housekeeper, supervisor, plugins, descriptors, requests) => {
        const logger = logs.logger('budget');
        const onChange = () => requests.tellFindingsChanged();
        const process = thisProcess();
        const parts = { clock, logger, process, housekeeper, supervisor, plugins, descriptors, onChange };
        return new BudgetKeeper(config.budget, parts);
      },
    );
    registry.contribute(LIFECYCLES, [BUDGET], (keeper) => keeper);
    registry.contribute(QUERY_GATES, [BUDGET], ({ queries }) => queries);
    registry.contribute(CONFIG_OBSERVERS, [BUDGET, CONFIG], (keeper, active) => ({
      sections: ['budget'] as const,
      configChanged: () => keeper.reconfigure(active.config.budget),
    }));
  },
};

function thisProcess(): ProcessUse {
  const cgroup = new OwnCgroupReader();
  return {
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    memory: () => process.memoryUsage.rss(),
    cgroup: () => cgroup.read(),
  };
}
