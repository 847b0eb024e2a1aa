// Lines of the documentation, run as it says: by root, or by the user alice whose Podman is her own.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { until } from './numbers.mjs';

const USER = 'alice';
const ID = 1000;

/** The first block of a language after a heading. */
function block(file, heading, language) {
  const text = readFileSync(`docs/${file}`, 'utf8');
  const after = text.slice(text.indexOf(`\n${heading}\n`));
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(after)[1];
}

/** Commands of docs/privileges.md below a comment that begins so. */
function byHand(comment) {
  const lines = block('privileges.md', '## By hand', 'sh').trim().split('\n');
  const start = lines.findIndex((line) => line.startsWith(`# ${comment}`)) + 1;
  const end = lines.findIndex((line, at) => at > start && line.startsWith('#'));
  return lines.slice(start, end < 0 ? undefined : end);
}

const asRoot = (line) => execFileSync('sh', ['-ec', line], { stdio: 'inherit' });
/** With a session, as a user who logs in has one. */
const asUser = (line) => execFileSync('runuser', ['-l', USER, '-c', line], { stdio: 'inherit' });

/** Lets the packaged service ask the Podman of root. */
export const admitToPodman = () => byHand('the Podman of root').forEach(asRoot);

/** Makes a user whose Podman the service may ask. @returns the configuration that says where it is */
export async function startPodmanOfUser() {
  // With a range of subordinate ids.
  execFileSync('useradd', ['--create-home', `--uid=${ID}`, '--shell=/bin/bash', USER]);
  const heading = '## Podman of users';
  for (const line of block('operations.md', heading, 'sh').trim().split('\n')) {
    if (line.endsWith('# as alice')) {
      await until(`the services of ${USER}`, () => existsSync(`/run/user/${ID}/bus`));
      asUser(line);
    } else asRoot(line);
  }
  byHand('the Podman of a user').forEach(asUser);
  return block('operations.md', heading, 'yaml');
}
