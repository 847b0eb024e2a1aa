import { readFileSync } from 'node:fs';
import { LIFECYCLES, type Module } from '../composition/index.js';
import { CONFIG } from '../config/index.js';
import { LOGS } from '../log/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { createCgroupFiles, detectHierarchies } from './cgroup/index.js';
import { DescriptorBudget, DescriptorMonitor } from './files/index.js';
import { resolveHostPaths } from './host-paths.js';
import { CGROUP_FILES, DESCRIPTORS, HIERARCHIES, HOST_PATHS } from './tokens.js';

export const linuxModule: Module = {
  name: 'linux',
  register(registry) {
    registry.provide(HOST_PATHS, [CONFIG], ({ config }) => resolveHostPaths(config.host));
    registry.provide(HIERARCHIES, [HOST_PATHS], detectHierarchies);
    registry.provide(DESCRIPTORS, [], () => DescriptorBudget.fromLimits(readFileSync('/proc/self/limits', 'utf8')));
    registry.provide(CGROUP_FILES, [HIERARCHIES, DESCRIPTORS], (hierarchies, budget) => {
      return (name) => createCgroupFiles(hierarchies, name, budget);
    });
    registry.contribute(
      LIFECYCLES,
      [DESCRIPTORS, COMMON_TIMER],
      (budget, timer) => new DescriptorMonitor(budget, timer),
    );
    registry.contribute(LIFECYCLES, [HIERARCHIES, LOGS], ({ missing }, logs) => ({
      start() {
        const logger = logs.logger('agent');
        for (const { what, reason, severity } of missing) {
          logger[severity === 'info' ? 'info' : 'warn'](`${what}: ${reason}`);
        }
      },
    }));
  },
};
