import { definePlugin, type KernelFile, PLUGIN_API_VERSION, type RowWriter } from '../../../kernel/contracts/index.js';
import {
  type CellFinder,
  type PartOutcome,
  PartsLayouts,
  PartsProbe,
  TablePart,
  TableShapes,
  withoutController,
} from '../common/index.js';
import { CountsAbove, type StandingCounts } from './counts-above.js';
import { diskIoFields as fields } from './fields.js';
import { BlkioProbe, BlkioTables, type DeviceNamer, DeviceNaming, findIoStatCells, openGroups } from './probe.js';

const IO_STAT = 'io.stat';

/** The one file of v2. */
class IoStatPart extends TablePart {
  constructor(
    file: KernelFile,
    findCells: CellFinder,
    shapes: TableShapes,
    private readonly naming: DeviceNaming,
    private readonly standing: StandingCounts,
  ) {
    super(file, findCells, shapes);
    this.prepare();
  }

  override sample(row: RowWriter, base: number): PartOutcome {
    if (this.standing.standStill(row)) {
      row.repeat(base, this.columns.length);
      return 'ok';
    }
    this.naming.check([this], this.columns);
    return super.sample(row, base);
  }

  override close(): void {
    this.standing.close();
    super.close();
  }
}

export default definePlugin({
  kind: 'metric-source',
  name: 'diskIO',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Disk I/O of each container by device and operation.',
  create({ clock, linux }) {
    const shapes = new TableShapes();

    const shared = { above: new CountsAbove(clock), layouts: new PartsLayouts() };
    const nameOf: DeviceNamer = (major, minor) => linux.deviceName(major, minor);
    const blkioTables = new BlkioTables(nameOf);
    const findCells: CellFinder = (text) => findIoStatCells(text, nameOf);
    return {
      fields: Object.values(fields),
      part: 'diskio',
      attach(target) {
        const naming = new DeviceNaming(clock);
        if (target.cgroup.version === 2) {
          const file = target.cgroup.file('blkio', IO_STAT);
          if (file === undefined) return withoutController(target, 'blkio');
          const part = new IoStatPart(file, findCells, shapes, naming, shared.above.watch(target, [IO_STAT]));
          return new PartsProbe([part], { skipWhenIdle: true });
        }
        const groups = openGroups(target.cgroup, blkioTables);
        if (groups.length === 0) return withoutController(target, 'blkio');
        return new BlkioProbe(groups, naming, target, shared);
      },
    };
  },
});
