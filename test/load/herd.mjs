// One small process per cgroup, all asleep. Told `active`, each is woken once a second through its pipe and then burns
// a little CPU and takes or gives back 256 KiB, so that the cgroup's CPU and memory numbers move every second.
// Runs as a child of the bench: takes the cgroups' folders as its first message; ends with its parent.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SLICES = 50;
/** The shell holds the block twice or once. glibc maps a string this long (see MALLOC_MMAP_THRESHOLD_), so whole pages move. */
const MEMBER_ENV = { PATH: process.env.PATH, MALLOC_MMAP_THRESHOLD_: '131072' };
const MEMBER = `
block=$(head -c 262144 /dev/zero | tr '\\0' x)
while read -r line; do
  case $line in take) copy=$block ;; *) copy= ;; esac
done`;

const members = [];
let timer;
let slice = 0;
let turn = 0;

process.once('disconnect', () => process.exit());
process.on('message', (message) => {
  if (message.folders) populate(message.folders);
  else setActive(message.active);
});

function populate(folders) {
  for (const own of folders) {
    const member = spawn('/bin/sh', ['-c', MEMBER], { env: MEMBER_ENV, stdio: ['pipe', 'ignore', 'inherit'] });
    for (const folder of own) writeFileSync(join(folder, 'cgroup.procs'), String(member.pid));
    member.stdin.on('error', () => {});
    members.push(member.stdin);
  }
  process.send('ready');
}

/** Spreads the wakings over the second, so that no burst of them stands out in the agent's numbers. */
function setActive(active) {
  clearInterval(timer);
  if (active) timer = setInterval(wakeSome, 1000 / SLICES);
}

function wakeSome() {
  const line = turn % 2 === 0 ? 'take\n' : 'give\n';
  for (let index = slice; index < members.length; index += SLICES) members[index].write(line);
  slice = (slice + 1) % SLICES;
  if (slice === 0) turn++;
}
