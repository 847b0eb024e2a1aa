import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnit } from './unit-files.js';

/** Units that are remembered: those that come and go (`run-….service`) are not to pile up. */
const MOST_KNOWN = 1_000;
/** A description is read again when a unit is asked about later than this, ms: its files may have been edited. */
const FRESH = 10_000;

/** Units of the system's own systemd: below slices only. */
const UNIT = /^(?:\/[^/]+\.slice)*\/([^/]+\.[a-z]+)$/;

/**
 * What is known of a unit.
 * @typedef {object} Known
 * @property {string | undefined} description
 * @property {number} readAt monotonic ms
 */

/** @typedef {import('tallyman/plugin').ContainerHandler} ContainerHandler */

/**
 * Names the cgroups of systemd's units.
 * @implements {ContainerHandler}
 */
export class SystemdUnits {
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** @type {Set<string>} */
  #reading = new Set();
  /** @type {import('tallyman/plugin').ContainerRegistrar | undefined} */
  #registrar;
  #context;
  #options;

  /**
   * @param {import('tallyman/plugin').PluginContext} context
   * @param {import('./options.js').Options} options
   */
  constructor(context, options) {
    this.#context = context;
    this.#options = options;
  }

  /** @param {import('tallyman/plugin').ContainerRegistrar} registrar */
  start(registrar) {
    this.#registrar = registrar;
    registrar.reconsiderAll();
  }

  stop() {
    this.#registrar = undefined;
  }

  /**
   * @param {string} path
   * @returns {import('tallyman/plugin').Identification}
   */
  identify(path) {
    const unit = UNIT.exec(path)?.[1];
    if (unit === undefined || !this.#options.units.some((pattern) => pattern.test(unit))) return { verdict: 'pass' };
    const known = this.#known.get(unit);
    const isFresh = known !== undefined && this.#context.clock.monotonic() - known.readAt < FRESH;
    if (!isFresh) void this.#read(unit, path);
    if (known === undefined) return { verdict: 'pending', reason: `the files of ${unit} are being read` };
    return { verdict: 'accept', description: this.#describe(unit, known) };
  }

  /** @returns {Promise<import('tallyman/plugin').Finding[]>} */
  async findings() {
    const directories = this.#directories();
    if (directories.some((directory) => existsSync(directory))) return [];
    return [
      {
        id: 'systemd-unit-files',
        severity: 'info',
        what: `none of these directories exists: ${directories.join(', ')}`,
        effect: 'systemd units are shown without what their files say that they are',
        mend: 'set host.root to where the host’s root directory is mounted, or `directories` of systemd-units',
      },
    ];
  }

  /**
   * @param {string} unit
   * @param {Known} known
   * @returns {import('tallyman/plugin').ContainerDescription}
   */
  #describe(unit, { description }) {
    const friendly = this.#options.names.find((entry) => entry.unit.test(unit))?.name;
    return {
      aliases: friendly === undefined ? [unit] : [friendly, unit],
      namespace: 'units',
      labels: description === undefined ? {} : { description },
      envs: {},
      networkMode: 'none',
      state: { status: 'running' },
    };
  }

  /**
   * Reads what the files of a unit say, and has its cgroup asked about again when that is new.
   * @param {string} unit
   * @param {string} path
   */
  async #read(unit, path) {
    if (this.#registrar === undefined || this.#reading.has(unit)) return;
    this.#reading.add(unit);
    try {
      const description = await describeUnit(unit, this.#directories());
      const before = this.#known.get(unit);
      this.#remember(unit, { description, readAt: this.#context.clock.monotonic() });
      if (before === undefined || before.description !== description) this.#registrar?.reconsider(path);
    } finally {
      this.#reading.delete(unit);
    }
  }

  /**
   * @param {string} unit
   * @param {Known} known
   */
  #remember(unit, known) {
    // At the end of the map, so that those that were not asked about for the longest time come first.
    this.#known.delete(unit);
    this.#known.set(unit, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
  }

  #directories() {
    return this.#options.directories.map((directory) => join(this.#context.linux.paths.root, directory));
  }
}
