import type { AgentView, PlainLabels } from '../../../kernel/contracts/index.js';
import type { ExpositionBuffer } from './exposition-buffer.js';

/** What images and volumes take up, of the engines that were asked. All of it comes from memory: no engine is asked. */
export function writeEngines(buffer: ExpositionBuffer, agent: AgentView): void {
  for (const { runtime, endpoint, askedAt, imagesBytes, images, volumes } of agent.engineUsage()) {
    const engine = { runtime, endpoint };
    const gauge = (name: string, help: string, value: number | undefined, labels: PlainLabels = {}): void => {
      if (value !== undefined) buffer.plain(`engine_${name}`, 'gauge', help, value, { ...engine, ...labels });
    };
    gauge('usage_timestamp_seconds', 'When the engine reported what its images and volumes take up.', askedAt / 1e6);
    gauge('images_bytes', 'All images of the engine, layers that they share counted once.', imagesBytes);
    gauge('images', 'Images that the engine holds.', images.length);
    for (const [volume, bytes] of new Map(volumes.map(({ name, bytes }) => [name, bytes]))) {
      gauge('volume_bytes', 'The volume, as the engine counts it.', bytes, { volume });
    }
  }
}
