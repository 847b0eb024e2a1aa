/**
 * Reading and writing bytes without strings, for plugins that parse kernel files or print long answers. Published as
 * `tallyman/plugin/bytes`.
 */

export * from './byte-scanner.js';
export * from './byte-template.js';
export * from './byte-writer.js';
export * from './compress.js';
