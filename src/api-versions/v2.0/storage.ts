import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import {
  type AgentView,
  type ContainerView,
  type Layout,
  notFound,
  type TrackedFilesystem,
} from '../../kernel/contracts/index.js';
import {
  newCursor,
  PerLayout,
  type RowPrinter,
  RowPrinterBuilder,
  requireSamples,
  sections,
  stringList,
} from '../v1.0/index.js';

/** Writes the `storage` answer: the machine's filesystems as in the latest sample of `/`. */
export class StorageWriter {
  private readonly printers = new PerLayout(compile);

  /** The filesystems with a label; without one, all. @throws RequestError 404 unknown label */
  list(agent: AgentView, label: string | null): (out: ByteWriter) => void {
    const root = rootContainer(agent);
    const tracked = agent.host.filesystems();
    const wanted = label ? tracked.filter(({ labels }) => labels.includes(label)) : tracked;
    if (label && wanted.length === 0) throw notFound(`non-existent label ${JSON.stringify(label)}`);
    return (out) => {
      out.ascii('[');
      this.write(out, root, wanted);
      out.ascii(']');
    };
  }

  /** The one filesystem with a uuid. @throws RequestError 404 unknown uuid, or nothing mounted from it */
  single(agent: AgentView, uuid: string): (out: ByteWriter) => void {
    const device = agent.host.filesystemByUuid(uuid);
    if (device === undefined) throw notFound('cadvisor: no such device');
    const root = rootContainer(agent);
    const wanted = agent.host.filesystems().filter((filesystem) => filesystem.device === device);
    if (wanted.length === 0) throw notFound(`cannot find device ${JSON.stringify(device)} in partitions`);
    return (out) => this.write(out, root, wanted.slice(0, 1));
  }

  private write(out: ByteWriter, root: ContainerView, wanted: readonly TrackedFilesystem[]): void {
    const window = root.samples({ count: 1 });
    if (window.length === 0) return;
    const cursor = window.at(0, newCursor());
    const printers = this.printers.get(cursor.layout);
    let first = true;
    for (const { device, mountpoint, labels } of wanted) {
      const printer = printers.get(device);
      if (printer === undefined) continue;
      out.ascii(first ? '{"timestamp":' : ',{"timestamp":');
      out.time(cursor.time);
      out.text(`,"device":${quoteJson(device)},"mountpoint":${quoteJson(mountpoint)}`);
      printer.sizes.write(out, cursor);
      out.text(`,"labels":${labels.length === 0 ? 'null' : stringList(labels)}`);
      printer.inodes.write(out, cursor);
      first = false;
    }
  }
}

function rootContainer(agent: AgentView): ContainerView {
  const root = agent.container('/');
  if (root === undefined) throw notFound('unable to find data in memory cache');
  return requireSamples(root);
}

interface FilesystemPrinter {
  readonly sizes: RowPrinter;
  readonly inodes: RowPrinter;
}

function compile(layout: Layout): Map<string, FilesystemPrinter> {
  return new Map(
    sections.filesystemsOf(layout).map((filesystem) => {
      const sizes = new RowPrinterBuilder();
      for (const name of ['capacity', 'available', 'usage']) sizes.text(`,"${name}":`).integer(filesystem.column(name));
      const inodes = new RowPrinterBuilder();
      for (const name of ['inodes', 'inodes_free']) {
        const column = filesystem.column(name);
        inodes.ifPresent(column, () => inodes.text(`,"${name}":`).integer(column));
      }
      return [filesystem.device, { sizes: sizes.build(), inodes: inodes.text('}').build() }];
    }),
  );
}
