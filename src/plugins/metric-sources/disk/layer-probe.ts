import type { Column, LinuxHost, Probe, RowWriter, SampleOutcome } from '../../../kernel/contracts/index.js';
import { layerFields } from './fields.js';
import type { Layer, Usage } from './layer-usage.js';

/** The filesystem of a container: what its own files take up, as last measured. */
export class LayerProbe implements Probe {
  columns: readonly Column[] = [];
  private device = '';
  private mountpoint: string | undefined;

  constructor(
    private readonly host: LinuxHost,
    private readonly layer: Layer,
    private readonly release: () => void,
  ) {
    this.layOut(layer.usage);
  }

  sample(row: RowWriter): SampleOutcome {
    const { usage } = this.layer;
    if (usage === undefined) return 'ok';
    if (usage.device !== this.device) {
      this.layOut(usage);
      return 'layout-changed';
    }
    const capacity = this.mountpoint === undefined ? undefined : this.host.filesystemUsage(this.mountpoint)?.capacity;
    if (capacity !== undefined) row.set(0, capacity);
    row.set(1, usage.total);
    row.set(2, usage.layer);
    row.set(3, usage.inodes);
    return 'ok';
  }

  close(): void {
    this.release();
  }

  private layOut(usage: Usage | undefined): void {
    if (usage === undefined) return;
    const filesystem = this.host.filesystems().find(({ major, minor }) => `${major}:${minor}` === usage.device);
    const [major, minor] = usage.device.split(':').map(Number);
    const name = filesystem?.device ?? (this.host.deviceName(major!, minor!) || usage.device);
    this.device = usage.device;
    this.mountpoint = filesystem?.mountpoint;
    const attributes = { type: filesystem?.type ?? 'vfs' };
    this.columns = layerFields.map((field) => ({ field, labels: [name], attributes }));
  }
}
