export { cpu } from './cpu.js';
export { diskIo } from './diskio.js';
export { cpusetAndOomEvents, hugetlb, referencedMemoryAndResctrl } from './extras.js';
export { type FilesystemColumns, filesystems, filesystemsOf, whereMounted } from './filesystem.js';
export { memory } from './memory.js';
export { network, networkWithPrimary } from './network.js';
export { hasProcesses, processes, taskStates } from './processes.js';
