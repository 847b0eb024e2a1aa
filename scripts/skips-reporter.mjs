// A reporter of Node's test runner: one JSON object a line for each skipped test, with its file, name and reason.
export default async function* skips(events) {
  for await (const { type, data } of events) {
    const skipped = type === 'test:pass' && data.skip !== undefined && data.skip !== false;
    if (!skipped) continue;
    const reason = data.skip === true ? '' : data.skip;
    yield `${JSON.stringify({ file: data.file ?? '', name: data.name, reason })}\n`;
  }
}
