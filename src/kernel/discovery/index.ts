export { ContainerRegistry } from './registry.js';
export type {
  ContainerListener,
  DirectoryWatch,
  RegisteredHandler,
  RegistryOptions,
  TrackedContainer,
  WatchDirectory,
  WatchedHierarchies,
} from './types.js';
