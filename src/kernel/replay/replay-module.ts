import type { Capsule } from '../capsules/index.js';
import type { Module } from '../composition/index.js';
import { CONTAINERS, ContainerStore, DISCOVERY_REQUESTS, DiscoveryRequests } from '../containers/index.js';
import { DISCOVERY, type Discovery } from '../discovery/index.js';
import { HOUSEKEEPER, type Housekeeper } from '../housekeeping/index.js';
import { HIERARCHIES } from '../linux/index.js';
import { LOGS } from '../log/index.js';
import { HOST } from '../machine/index.js';
import { ACTIVE_PLUGINS, SUPERVISOR } from '../supervision/index.js';
import { OWN_OPERATIONS, VIEW } from '../view/index.js';
import { replayHost } from './replay-host.js';
import { replayView } from './replay-view.js';

/** In the place of the rooms that read the host: what a capsule says. */
export function replayModule(capsule: Capsule): Module {
  return {
    name: 'replay',
    register(registry) {
      const { cgroupVersion } = capsule.container.limits;
      registry.provide(HOST, [], () => replayHost(capsule.host, capsule.processes));
      registry.provide(HIERARCHIES, [], () => ({ version: cgroupVersion, mounts: [], missing: [] }));
      registry.provide(CONTAINERS, [LOGS], (logs) => new ContainerStore(logs.logger('containers')));
      registry.provide(DISCOVERY_REQUESTS, [], () => new DiscoveryRequests());
      // Others only wait for it, or stop it.
      registry.provide(DISCOVERY, [], () => ({}) as Discovery);
      registry.provide(HOUSEKEEPER, [], () => ({ stop: () => {} }) as Housekeeper);
      registry.provide(
        VIEW,
        [HOST, ACTIVE_PLUGINS, SUPERVISOR, OWN_OPERATIONS],
        (host, plugins, supervisor, operations) => replayView(capsule, host, plugins, supervisor, operations),
      );
    },
  };
}
