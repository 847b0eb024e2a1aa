import type { Module } from '../composition/index.js';
import { HIERARCHIES, HOST_PATHS, readBootTime } from '../linux/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { ContainerStore } from './container-store.js';
import { DiscoveryRequests } from './discovery-requests.js';
import { KnownCgroups } from './known-cgroups.js';
import { ContainerLimits } from './limits.js';
import { CGROUPS, CONTAINERS, DISCOVERY_REQUESTS, LIMITS } from './tokens.js';

export const containersModule: Module = {
  name: 'containers',
  register(registry) {
    registry.provide(CONTAINERS, [LOGS], (logs) => new ContainerStore(logs.logger('containers')));
    registry.provide(CGROUPS, [HIERARCHIES, CLOCK], (hierarchies, clock) => new KnownCgroups(hierarchies, clock));
    registry.provide(LIMITS, [HOST, HOST_PATHS, CLOCK], (host, paths, clock) => {
      return new ContainerLimits(host, readBootTime(paths), clock);
    });
    registry.provide(DISCOVERY_REQUESTS, [], () => new DiscoveryRequests());
  },
};
