/**
 * What a container uses now, in units that people compare; null is what is not known.
 * @typedef {object} Usage
 * @property {number | null} cores CPUs in use, between the two newest samples
 * @property {number | null} memory bytes of working set
 */

/**
 * What a container may use; null: no limit.
 * @typedef {object} Limits
 * @property {number | null} cores
 * @property {number | null} memory bytes
 */

/**
 * @param {import('tallyman/plugin').ContainerView} container
 * @returns {Usage}
 */
export function usageOf(container) {
  const samples = container.samples({ count: 2 });
  const cursor = newCursor();
  const last = samples.length === 0 ? undefined : read(samples.at(samples.length - 1, cursor));
  const before = samples.length < 2 ? undefined : read(samples.at(0, cursor));
  return {
    cores: last === undefined || before === undefined ? null : rate(before, last),
    memory: last === undefined || Number.isNaN(last.memory) ? null : last.memory,
  };
}

/**
 * Reads files of the kernel when it was not asked in the last seconds: for rows that are shown only.
 * @param {import('tallyman/plugin').ContainerView} container
 * @returns {Limits}
 */
export function limitsOf(container) {
  const { cpu, memory } = container.limits();
  return {
    cores: cpu.quota === undefined || !cpu.period ? null : Number(cpu.quota) / Number(cpu.period),
    memory: bytesOf(memory.limit),
  };
}

/**
 * @param {{ cpu: number, time: number }} before
 * @param {{ cpu: number, time: number }} last
 */
function rate(before, last) {
  // ns by µs; a counter that fell belongs to another container of that name.
  const cores = (last.cpu - before.cpu) / ((last.time - before.time) * 1000);
  return cores >= 0 && Number.isFinite(cores) ? Math.round(cores * 1e6) / 1e6 : null;
}

/**
 * The numbers of a sample: the cursor shows another one at its next use.
 * @param {import('tallyman/plugin').SampleCursor} cursor
 */
function read({ layout, time, values, base }) {
  /** @param {string} field */
  const column = (field) => {
    const index = layout.indexOf(field);
    return index < 0 ? Number.NaN : values[base + index];
  };
  return { time, cpu: column('cpu.usage.total'), memory: column('memory.working_set') };
}

/**
 * @param {import('tallyman/plugin').Limit | undefined} limit
 * @returns {number | null} null: no limit
 */
function bytesOf(limit) {
  if (limit === undefined || limit === 'unlimited') return null;
  // cgroup v1 has a number for "no limit": the largest that is a whole number of pages.
  return limit >= 2n ** 62n ? null : Number(limit);
}

/** @returns {import('tallyman/plugin').SampleCursor} */
function newCursor() {
  const layout = { columns: [], indexOf: () => -1, indexesOf: () => [] };
  return { layout, time: 0, values: new Float64Array(), residuals: undefined, base: 0 };
}
