import { definePlugin } from 'tallyman/plugin';
import { SystemdUnits } from './handler.js';
import { configSchema } from './options.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'systemd-units',
  apiVersion: 1,
  version: '1.0.0',
  description: 'Names the cgroups of systemd units: nginx instead of /system.slice/nginx.service.',
  configSchema,
  create: (context, options) => new SystemdUnits(context, options),
});
