// The containers that use most CPU, then what the kernel kills for want of memory, as it happens.
//
//   node busiest.mjs [http://127.0.0.1:8080]
import { createClient } from 'tallyman/client';

const { v20 } = createClient(process.argv[2] ?? 'http://127.0.0.1:8080');

// The rate is between two samples, so two are asked for.
const stats = await v20.stats('/', { recursive: true, count: 2 });
const busiest = Object.entries(stats)
  .map(([name, samples]) => ({ name, cores: (samples.at(-1)?.cpu_inst?.usage.total ?? 0) / 1e9 }))
  .sort((a, b) => b.cores - a.cores)
  .slice(0, 10);
for (const { name, cores } of busiest) console.log(`${cores.toFixed(3)} CPUs  ${name}`);

const kills = await v20.events.stream({ types: ['oomKill'] });
console.log('waiting for OOM kills');
for await (const { timestamp, container_name, event_data } of kills) {
  console.log(`${timestamp}  ${container_name}: ${event_data.oom?.process_name} (${event_data.oom?.pid})`);
}
