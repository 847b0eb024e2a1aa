/**
 * A target that a container declares by its labels.
 * @typedef {import('tallyman/plugin').AppTarget & {
 *   readonly kind: 'label',
 *   readonly request: import('tallyman/plugin').AppRequest,
 *   readonly error?: string,
 * }} LabelTarget
 */

const PORT = 'tallyman.nginx.port';
const PATH = 'tallyman.nginx.path';

/**
 * The target that the labels of a container declare. Labels are written by whoever starts the container: they name a
 * port and a path, never a host.
 * @param {import('tallyman/plugin').AppContainer} container
 * @param {number} interval ms
 * @returns {LabelTarget[]}
 */
export function labelTargets({ labels }, interval) {
  const port = labels[PORT];
  if (port === undefined) return [];
  const path = labels[PATH] ?? '/stub_status';
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
  const wrong = isPort ? undefined : `label ${PORT}: ${JSON.stringify(port)} is not a port`;
  return [
    {
      kind: 'label',
      name: 'nginx (label)',
      interval,
      request: { port: isPort ? Number(port) : 0, path: path.startsWith('/') ? path : `/${path}` },
      ...(wrong === undefined ? {} : { error: wrong }),
    },
  ];
}
