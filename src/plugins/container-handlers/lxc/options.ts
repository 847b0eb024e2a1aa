import { glob, z } from '../../../kernel/contracts/index.js';

export const lxcOptions = z.strictObject({
  include: z.array(glob()).prefault([]).describe('Containers to monitor, by name (globs); empty: all.'),
  exclude: z.array(glob()).prefault([]).describe('Containers that are not monitored. Wins over `include`.'),
  proxmoxDirectory: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .default('/etc/pve/lxc')
    .describe('Where Proxmox has the configuration of containers, `<id>.conf`, which tells their host names.'),
});

export type LxcOptions = z.output<typeof lxcOptions>;
