import { type CgroupFiles, definePlugin, PLUGIN_API_VERSION, readNames } from '../../../kernel/contracts/index.js';
import {
  counter,
  gauge,
  KeyedColumns,
  KeyedPart,
  type Part,
  PartsProbe,
  ValuePart,
  withoutController,
} from '../common/index.js';

const dimensions = ['pagesize'];

export const fields = {
  usage: gauge('hugetlb.usage', 'bytes', {
    help: 'Huge pages of this size in use.',
    source: { v1: 'hugetlb.<size>.usage_in_bytes', v2: 'hugetlb.<size>.current' },
    dimensions,
  }),
  maxUsage: gauge('hugetlb.max_usage', 'bytes', {
    help: 'The most huge pages of this size that were in use at a time.',
    source: { v1: 'hugetlb.<size>.max_usage_in_bytes' },
    dimensions,
  }),
  failcnt: counter('hugetlb.failcnt', 'count', {
    help: 'How often the limit on huge pages of this size was hit.',
    source: { v1: 'hugetlb.<size>.failcnt', v2: 'hugetlb.<size>.events: max' },
    dimensions,
  }),
};

const USAGE_FILE = { 1: /^hugetlb\.(\w+)\.usage_in_bytes$/, 2: /^hugetlb\.(\w+)\.current$/ };

/** The page sizes (`2MB`) for which a cgroup directory has files, given their names. */
export function pageSizesIn(names: readonly string[], version: 1 | 2): string[] {
  return names.flatMap((name) => USAGE_FILE[version].exec(name)?.[1] ?? []).sort();
}

function partsOf(cgroup: CgroupFiles, size: string): Part[] {
  const labels = [size];
  const value = (field: keyof typeof fields, suffix: string): Part | undefined => {
    const file = cgroup.value('hugetlb', `hugetlb.${size}.${suffix}`);
    return file && new ValuePart([{ field: fields[field], labels }], file);
  };
  const parts =
    cgroup.version === 1
      ? [value('usage', 'usage_in_bytes'), value('maxUsage', 'max_usage_in_bytes'), value('failcnt', 'failcnt')]
      : [
          value('usage', 'current'),
          KeyedPart.open(
            cgroup,
            'hugetlb',
            `hugetlb.${size}.events`,
            new KeyedColumns([{ key: 'max', column: { field: fields.failcnt, labels } }]),
          ),
        ];
  return parts.filter((part) => part !== undefined);
}

export default definePlugin({
  kind: 'metric-source',
  name: 'hugetlb',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Huge pages of each container by page size.',
  create: () => ({
    fields: Object.values(fields),
    part: 'hugetlb',
    attach(target) {
      const { cgroup } = target;
      const sizes = pageSizesIn(readNames(cgroup.directory('hugetlb') ?? ''), cgroup.version);
      const parts = sizes.flatMap((size) => partsOf(cgroup, size));
      return parts.length === 0 ? withoutController(target, 'hugetlb') : new PartsProbe(parts, { skipWhenIdle: true });
    },
  }),
});
