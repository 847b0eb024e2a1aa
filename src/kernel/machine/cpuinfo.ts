/** The used values of `/proc/cpuinfo`. */
export interface CpuInfo {
  readonly processors: number;
  /** The vendor ID; on ARM the number of the implementer, empty on other architectures. */
  readonly vendor: string;
  /** Current frequency of the first processor; 0 on architectures that do not report it. */
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

/** Bytes of a `<key>: <n> kB` line, as in `/proc/meminfo` and a node's `meminfo`; 0 when missing. */
export function memoryLine(text: string, key: string): number {
  return Number(new RegExp(`\\b${key}:\\s*(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024;
}
