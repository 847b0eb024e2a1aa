/** Memory of this process, bytes; undefined while it has no descriptors left, because reading it takes one. */
export function memoryUsage(): NodeJS.MemoryUsage | undefined {
  try {
    return process.memoryUsage();
  } catch {
    return undefined;
  }
}
