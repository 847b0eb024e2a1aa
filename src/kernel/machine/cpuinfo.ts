/** What `/proc/cpuinfo` tells of the machine as a whole. */
export interface CpuInfo {
  readonly processors: number;
  /** As the processor calls itself; the implementer's number on ARM, empty where neither is told. */
  readonly vendor: string;
  /** Of the first processor at the moment; 0 on architectures that do not say. */
  readonly frequencyKhz: number;
}

export function parseCpuinfo(text: string): CpuInfo {
  const frequency = /^(?:cpu MHz|clock)\s*:\s*(\d+)(?:\.(\d+))?/m.exec(text);
  return {
    vendor: /^(?:vendor_id|CPU implementer)\s*: *(.*?) *$/m.exec(text)?.[1] ?? '',
    processors: (text.match(/^processor\b.*:/gm) ?? []).length,
    frequencyKhz:
      frequency === null ? 0 : Number(frequency[1]) * 1000 + Number((frequency[2] ?? '').slice(0, 3).padEnd(3, '0')),
  };
}

/** Bytes of a `<key>: <n> kB` line, as in `/proc/meminfo` and a node's `meminfo`; 0 when it is not there. */
export function memoryLine(text: string, key: string): number {
  return Number(new RegExp(`\\b${key}:\\s*(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024;
}
