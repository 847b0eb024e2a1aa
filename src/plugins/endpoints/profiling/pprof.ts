import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';
import { Function as Callee, Line, Location, Profile, Sample, StringTable, ValueType } from 'pprof-format';

/** Samples of one node of the call tree, without those of its callees. */
interface Frame {
  readonly callFrame: Runtime.CallFrame;
  readonly values: readonly [number, number];
  readonly callees: readonly Frame[];
}

/** A CPU profile in pprof's format: samples, and the nanoseconds between them. */
export function cpuToPprof(profile: Profiler.Profile, interval: number): Uint8Array {
  const seen = new Map<number, [number, number]>();
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const values = seen.get(id) ?? [0, 0];
    values[0]++;
    values[1] += Math.max(0, profile.timeDeltas?.[index] ?? 0) * 1000;
    seen.set(id, values);
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const frameOf = (node: Profiler.ProfileNode): Frame => ({
    callFrame: node.callFrame,
    values: seen.get(node.id) ?? [0, 0],
    callees: (node.children ?? []).map((id) => frameOf(nodes.get(id)!)),
  });
  const encoder = new Encoder(['samples', 'count'], ['cpu', 'nanoseconds']);
  encoder.add(frameOf(profile.nodes[0]!));
  return encoder.encode({
    period: Math.round(interval * 1e6),
    durationNanos: (profile.endTime - profile.startTime) * 1000,
  });
}

/** A heap profile with members that the type package lacks. */
interface HeapNode extends HeapProfiler.SamplingHeapProfileNode {
  readonly id: number;
  children: HeapNode[];
}
export interface HeapProfile extends HeapProfiler.SamplingHeapProfile {
  readonly head: HeapNode;
  readonly samples: readonly { readonly nodeId: number }[];
}

/** A heap profile in pprof's format: sampled objects, and bytes. */
export function heapToPprof(profile: HeapProfile, milliseconds: number): Uint8Array {
  const counts = new Map<number, number>();
  for (const { nodeId } of profile.samples) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  const frameOf = (node: HeapNode): Frame => ({
    callFrame: node.callFrame,
    values: [counts.get(node.id) ?? 0, node.selfSize],
    callees: node.children.map(frameOf),
  });
  const encoder = new Encoder(['inuse_objects', 'count'], ['inuse_space', 'bytes']);
  encoder.add(frameOf(profile.head));
  return encoder.encode({ period: 0, durationNanos: milliseconds * 1e6 });
}

/** Collects samples with their stacks, each function and place once. */
class Encoder {
  private readonly strings = new StringTable();
  private readonly functions = new Map<string, Callee>();
  private readonly locations = new Map<string, Location>();
  private readonly samples: Sample[] = [];
  private readonly types: readonly ValueType[];

  constructor(...types: readonly (readonly [type: string, unit: string])[]) {
    this.types = types.map(
      ([type, unit]) => new ValueType({ type: this.strings.dedup(type), unit: this.strings.dedup(unit) }),
    );
  }

  /** @param callers location ids, the innermost first */
  add(frame: Frame, callers: readonly number[] = []): void {
    // The root of the tree is no function.
    const stack = frame.callFrame.functionName === '(root)' ? [] : [this.locate(frame.callFrame), ...callers];
    if (stack.length > 0 && frame.values.some((value) => value > 0)) {
      this.samples.push(new Sample({ locationId: stack, value: [...frame.values] }));
    }
    for (const callee of frame.callees) this.add(callee, stack);
  }

  encode(times: { period: number; durationNanos: number }): Uint8Array {
    return new Profile({
      ...times,
      timeNanos: BigInt(Date.now()) * 1_000_000n,
      sampleType: [...this.types],
      sample: this.samples,
      location: [...this.locations.values()],
      function: [...this.functions.values()],
      stringTable: this.strings,
      periodType: this.types[1]!,
    }).encode();
  }

  private locate({ functionName, url, lineNumber, columnNumber }: Runtime.CallFrame): number {
    const key = `${functionName}\n${url}\n${lineNumber}\n${columnNumber}`;
    let location = this.locations.get(key);
    if (location === undefined) {
      const id = this.locations.size + 1;
      const name = this.strings.dedup(functionName || '(anonymous)');
      const startLine = lineNumber + 1;
      const callee = new Callee({ id, name, systemName: name, filename: this.strings.dedup(url), startLine });
      location = new Location({ id, line: [new Line({ functionId: id, line: startLine })] });
      this.functions.set(key, callee);
      this.locations.set(key, location);
    }
    return Number(location.id);
  }
}
