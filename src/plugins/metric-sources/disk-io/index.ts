import { definePlugin, PLUGIN_API_VERSION, type Probe, type ProbeTarget } from '../../../kernel/contracts/index.js';
import { PartsProbe, TablePart, TableShapes, withoutController } from '../common/index.js';
import { diskIoFields as fields } from './fields.js';
import { BlkioProbe, BlkioShapes, type DeviceNamer, DeviceNaming, findIoStatCells, openGroups } from './probe.js';

function attachV2(
  { cgroup }: ProbeTarget,
  nameOf: DeviceNamer,
  naming: DeviceNaming,
  shapes: TableShapes,
): Probe | undefined {
  const file = cgroup.file('blkio', 'io.stat');
  if (file === undefined) return undefined;
  const table = new TablePart(file, (text) => findIoStatCells(text, nameOf), shapes);
  table.prepare();
  return new PartsProbe([table], {
    skipWhenIdle: true,
    beforeSample: () => {
      naming.check([table], table.columns);
      return true;
    },
  });
}

export default definePlugin({
  kind: 'metric-source',
  name: 'diskIO',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Disk I/O of each container by device and operation.',
  create({ clock, linux }) {
    const shapes = new TableShapes();
    const blkioShapes = new BlkioShapes();
    const nameOf: DeviceNamer = (major, minor) => linux.deviceName(major, minor);
    return {
      fields: Object.values(fields),
      part: 'diskio',
      attach(target) {
        const naming = new DeviceNaming(() => clock.monotonic());
        if (target.cgroup.version === 2) {
          return attachV2(target, nameOf, naming, shapes) ?? withoutController(target, 'blkio');
        }
        const groups = openGroups(target.cgroup, nameOf, blkioShapes);
        return groups.length === 0 ? withoutController(target, 'blkio') : new BlkioProbe(groups, naming, target.isRoot);
      },
    };
  },
});
