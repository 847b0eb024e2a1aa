import { z } from '../../../kernel/contracts/index.js';

const count = z.int().min(0);
const time = z.iso.datetime();

const bytes = count.optional().describe('bytes');
const image = z.strictObject({ id: z.string(), repo_tags: z.array(z.string()), size: bytes, shared_size: bytes });
const volume = z.strictObject({ name: z.string(), size: bytes, num_containers: count.optional() });

const diskUsage = z
  .strictObject({
    asked_at: time,
    images_size: bytes.describe('bytes, layers that images share counted once'),
    images: z.array(image),
    volumes: z.array(volume),
  })
  .meta({
    id: 'EngineDiskUsage',
    description: 'What its images and volumes took up when it was last asked, by its own accounting.',
  });

const engine = z
  .strictObject({
    runtime: z.string(),
    endpoint: z.string(),
    asked_at: time,
    version: z.string(),
    api_version: z.string(),
    kernel_version: z.string(),
    os: z.string(),
    hostname: z.string(),
    root_dir: z.string(),
    driver: z.string().describe('Storage driver.'),
    driver_status: z.record(z.string(), z.string()),
    cgroup_driver: z.string(),
    num_images: count,
    num_containers: count,
    containers: z.strictObject({ total: count, running: count, paused: count, stopped: count }),
    images: z.array(
      z.strictObject({ id: z.string(), repo_tags: z.array(z.string()), created: time, size: count.describe('bytes') }),
    ),
    disk_usage: diskUsage.optional(),
  })
  .meta({ id: 'Engine', description: 'What a container engine says of itself.' });

const absentEngine = z
  .strictObject({ runtime: z.string(), endpoint: z.string(), reason: z.string(), disk_usage: diskUsage.optional() })
  .meta({ id: 'AbsentEngine', description: 'An engine that cannot be asked, and why.' });

export const engines = z.array(z.union([engine, absentEngine]));
