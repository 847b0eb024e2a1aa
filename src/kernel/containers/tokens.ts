import { ListToken, Token } from '../composition/index.js';
import type { ContainerObserver, ContainerStore } from './container-store.js';
import type { DiscoveryRequests } from './discovery-requests.js';
import type { KnownCgroups } from './known-cgroups.js';
import type { ContainerLimits } from './limits.js';

export const CONTAINERS = new Token<ContainerStore>('containers');
export const CONTAINER_OBSERVERS = new ListToken<ContainerObserver>('container observers');
export const CGROUPS = new Token<KnownCgroups>('cgroups');
export const LIMITS = new Token<ContainerLimits>('limits');
export const DISCOVERY_REQUESTS = new Token<DiscoveryRequests>('discovery requests');
