export {
  CgroupNode,
  childName,
  type DirectoryWatch,
  EMPTY_DIRECTORY_LINKS,
  type Hierarchies,
  isReplaced,
  isTorn,
  isUntracked,
  parentName,
} from './cgroup-node.js';
export { Container, type ContainerFacts, type MissingController as Lack, Slot } from './container.js';
export {
  type ContainerObserver,
  ContainerStore,
} from './container-store.js';
export { DiscoveryRequests } from './discovery-requests.js';
export { departedContainers, handlerFindings, whenHandlersAnswered } from './handlers.js';
export { KnownCgroups } from './known-cgroups.js';
export { ContainerLimits } from './limits.js';
export { CGROUPS, CONTAINER_OBSERVERS, CONTAINERS, DISCOVERY_REQUESTS, LIMITS } from './tokens.js';
