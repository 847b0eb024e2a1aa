import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import { type ContainerView, notFound } from '../../kernel/contracts/index.js';
import type { ContainerQuery } from './query.js';
import { SamplesV1 } from './sample.js';
import { SpecWriter } from './spec.js';

export class ContainerInfoWriter {
  private readonly specs = new SpecWriter();
  private readonly samples = new SamplesV1();

  write(out: ByteWriter, container: ContainerView, query: ContainerQuery): void {
    this.specs.writeIdentity(out, container);
    const { namespace, kind = 'container' } = container.description;
    // The containers of a runtime are leaves, whatever cgroups they make inside.
    const children = namespace === undefined || kind !== 'container' ? container.children() : [];
    for (const [index, name] of children.entries()) {
      out.text(`${index === 0 ? ',"subcontainers":[' : ','}{"name":${quoteJson(name)}}`);
    }
    out.ascii(children.length === 0 ? ',"spec":' : '],"spec":');
    this.specs.writeV1(out, container);
    const window = container.samples(query.samples);
    if (query.empty !== true && window.length > 0) {
      out.ascii(',"stats":');
      this.samples.write(out, window, container);
    }
    out.ascii('}');
  }
}

export function hasSamples(container: ContainerView): boolean {
  return container.samples({ count: 1 }).length > 0;
}

/** The container itself. @throws RequestError 404 before its first sample */
export function requireSamples(container: ContainerView): ContainerView {
  if (!hasSamples(container)) throw notFound('unable to find data in memory cache');
  return container;
}
