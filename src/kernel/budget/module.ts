import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { AGENT, CONFIG, CONFIG_OBSERVERS, STATE_DIRECTORY } from '../config/index.js';
import { CONTAINERS, DISCOVERY_REQUESTS } from '../containers/index.js';
import { memoryUsage } from '../contracts/index.js';
import { HOUSEKEEPER, type Housekeeper } from '../housekeeping/index.js';
import { DESCRIPTORS } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR, type Supervisor } from '../supervision/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { BudgetKeeper, type ProcessUse } from './keeper.js';
import { MemoryLimit } from './memory-limit.js';
import { MemoryReports } from './memory-report.js';
import { OwnCgroupReader } from './own-cgroup.js';
import { BUDGET, MEMORY_LIMIT, QUERY_GATES } from './tokens.js';

const OWN_CGROUP = new Token<OwnCgroupReader>('own cgroup');

export const budgetModule: Module = {
  name: 'budget',
  register(registry) {
    registry.provide(OWN_CGROUP, [], () => new OwnCgroupReader());
    registry.provide(
      BUDGET,
      [CONFIG, CLOCK, LOGS, HOUSEKEEPER, SUPERVISOR, ACTIVE_PLUGINS, DESCRIPTORS, DISCOVERY_REQUESTS, OWN_CGROUP],
      ({ config }, clock, logs, housekeeper, supervisor, plugins, descriptors, requests, cgroup) => {
        const logger = logs.logger('budget');
        const onChange = () => requests.tellFindingsChanged();
        const process = thisProcess(cgroup);
        const parts = { clock, logger, process, housekeeper, supervisor, plugins, descriptors, onChange };
        return new BudgetKeeper(config.budget, parts);
      },
    );
    registry.contribute(LIFECYCLES, [BUDGET], (keeper) => keeper);
    registry.provide(
      MEMORY_LIMIT,
      [AGENT, STATE_DIRECTORY, CLOCK, LOGS, CONTAINERS, HOUSEKEEPER, SUPERVISOR, OWN_CGROUP, COMMON_TIMER],
      ({ version }, state, clock, logs, containers, housekeeper, supervisor, cgroup, timer) => {
        const logger = logs.logger('budget');
        return new MemoryLimit({
          clock,
          timer,
          logger,
          cgroup: () => cgroup.read(),
          reports: state === undefined ? undefined : new MemoryReports(state, clock, logger, version),
          held: () => ({ containers: containers.size, ...held(housekeeper, supervisor) }),
          pluginOf: (url) => supervisor.all().find(({ module }) => module.startsWith('file:') && url === module)?.id,
        });
      },
    );
    registry.contribute(LIFECYCLES, [MEMORY_LIMIT], (limit) => limit);
    registry.contribute(QUERY_GATES, [BUDGET], ({ queries }) => queries);
    registry.contribute(CONFIG_OBSERVERS, [BUDGET, CONFIG], (keeper, active) => ({
      sections: ['budget'] as const,
      configChanged: () => keeper.reconfigure(active.config.budget),
    }));
  },
};

/** What a report on memory says of the rooms and the plugins. */
function held({ size, historyBytes }: Housekeeper, supervisor: Supervisor) {
  const plugins = supervisor.all().map(({ id, kind, state, calls, errors, busyMs, delivery }) => {
    const queue = delivery?.().queue;
    return { id, kind, state, calls, errors, busyMs: Math.round(busyMs), ...(queue && { queueBytes: queue.bytes }) };
  });
  return { sampled: size, historyBytes, plugins: plugins.sort((a, b) => b.busyMs - a.busyMs) };
}

function thisProcess(cgroup: OwnCgroupReader): ProcessUse {
  let memory = 0;
  return {
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    memory: () => {
      memory = memoryUsage()?.rss ?? memory;
      return memory;
    },
    cgroup: () => cgroup.read(),
  };
}
