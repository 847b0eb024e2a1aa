/**
 * Everything a plugin may see, published as `tallyman/plugin`. Depends on nothing else in the kernel.
 */

export * from './agent-view.js';
export * from './app-metrics.js';
export * from './app-targets.js';
export * from './budget.js';
export * from './capsules.js';
export * from './cgroup.js';
export * from './container.js';
export * from './container-match.js';
export * from './diagnosis.js';
export * from './errors.js';
export * from './events.js';
export * from './export/index.js';
export * from './fields.js';
export * from './files.js';
export * from './find-container.js';
export * from './grouping.js';
export * from './http.js';
export * from './http-sender.js';
export * from './limit-lines.js';
export * from './linux.js';
export * from './machine.js';
export * from './metric-source.js';
export * from './once-logger.js';
export * from './options.js';
export * from './plugin.js';
export * from './plugin-status.js';
export * from './process-memory.js';
export * from './request-options.js';
export * from './rule.js';
export * from './sink.js';
export * from './sink-options.js';
export * from './sink-status.js';
export * from './slices.js';
export { z } from './zod.js';
