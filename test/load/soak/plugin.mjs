// A metric source of the soak that fails as a file beside it says: `ok`, `throw`, `reject`, `columns` or `slow`.
import { readFileSync } from 'node:fs';
import { definePlugin, z } from 'tallyman/plugin';

const fields = [{ name: 'soak.value', unit: 'count', kind: 'gauge', help: 'A number that grows.', source: {} }];
const columnsOf = (count) => Array.from({ length: count }, (_, i) => ({ field: fields[0], labels: [`c${i}`] }));

export default definePlugin({
  kind: 'metric-source',
  name: 'soak',
  version: '1.0.0',
  apiVersion: 1,
  description: 'Fails as its options say to.',
  configSchema: z.strictObject({ mode: z.string().describe('File that says how it fails.') }),
  create(context, { mode: file }) {
    let mode = 'ok';
    context.timers.every(500, () => {
      mode = readFileSync(file, 'utf8').trim();
      if (mode === 'reject') void Promise.reject(new Error('nobody listens'));
    });
    return {
      fields: fields.map((field) => ({ ...field, labels: ['column'] })),
      part: 'other',
      attach() {
        let columns = columnsOf(1);
        let taken = 0;
        return {
          get columns() {
            return columns;
          },
          sample(row) {
            if (mode === 'throw') throw new Error('reported to fail');
            if (mode === 'slow') for (const end = performance.now() + 2; performance.now() < end; );
            if (mode === 'columns' && ++taken % 7 === 0) {
              columns = columnsOf(1 + (taken % 3));
              return 'layout-changed';
            }
            for (let i = 0; i < columns.length; i++) row.set(i, taken);
            return 'ok';
          },
          close() {},
        };
      },
    };
  },
});
