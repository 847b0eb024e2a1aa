export { type FilesystemColumns, filesystems, filesystemsOf, whereMounted } from './filesystem.js';
export * from './parts.js';
