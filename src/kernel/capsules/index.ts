export { type CapsuleBounds, CapsuleStore, capsuleFile } from './capsule-store.js';
export { Capsules } from './capsules.js';
export {
  type Capsule,
  type CapsuleAppMetrics,
  type CapsuleContainer,
  type CapsuleDraft,
  type CapsuleHost,
  decodeCapsule,
  encodeCapsule,
  type SeenProcesses,
} from './format.js';
export { captureSamples } from './series.js';
export { CAPSULES } from './tokens.js';
