// Writes V8's cache for dist/bundle: runs a command that loads every module, and keeps what V8 compiled for it. Started as
// `node --hash-seed=1 scripts/bundle-cache.mjs`, as otherwise two builds of the same sources would differ.
import '../dist/cli/process-setup.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { loadBundle } from '../dist/cli/bundle.js';
import { root } from './packages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tallyman-build-'));
const config = join(folder, 'tallyman.yaml');
writeFileSync(config, '{}\n', { mode: 0o600 });

const { program, script } = loadBundle();
const cli = { env: {}, out: () => {}, error: (text) => process.stderr.write(text), notice: () => true };
const status = await program.runCli(['check', '--config', config], cli);
rmSync(folder, { recursive: true, force: true });
// V8 uses a cache only where all flags are those that it was made with.
setFlagsFromString('--hash-seed=0');
writeFileSync(join(root, 'dist/bundle/agent.cache'), script.createCachedData());
process.exit(status);
