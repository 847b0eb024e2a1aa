// What docs/architecture.md shows of the rooms of the kernel, read from the modules by which they register themselves.

/** @returns each room with the tokens it provides and needs, and the lists it contributes to */
export function readRooms(modules) {
  const rooms = modules.map(({ name, register }) => {
    const room = { name, provides: [], needs: new Set(), lists: new Set() };
    const need = (tokens) => {
      for (const token of Object.values(tokens)) room.needs.add(token);
    };
    register({
      provide(token, needs) {
        room.provides.push(token);
        need(needs);
      },
      contribute(list, needs) {
        room.lists.add(list.name);
        need(needs);
      },
    });
    return room;
  });
  const owners = new Map(rooms.flatMap(({ name, provides }) => provides.map((token) => [token, name])));
  return rooms.map(({ name, provides, needs, lists }) => {
    const others = [...needs].filter((token) => !token.isList && owners.has(token) && owners.get(token) !== name);
    const below = new Map();
    for (const token of others) below.set(owners.get(token), [...(below.get(owners.get(token)) ?? []), token.name]);
    return { name, provides: provides.map((token) => token.name), below, lists: [...lists] };
  });
}

/** Edges that follow from others are left out: the picture shows who stands on whom. */
function reduced(rooms) {
  const below = new Map(rooms.map((room) => [room.name, [...room.below.keys()]]));
  const reaches = (from, to) => below.get(from).some((next) => next === to || reaches(next, to));
  return rooms.flatMap(({ name }) =>
    below
      .get(name)
      .filter((lower) => !below.get(name).some((other) => other !== lower && reaches(other, lower)))
      .map((lower) => [lower, name]),
  );
}

export function renderRooms(modules) {
  const rooms = readRooms(modules);
  const edges = reduced(rooms).map(([lower, upper]) => `  ${lower} --> ${upper}`);
  const rows = rooms.map(({ name, provides, below, lists }) => {
    const needs = [...below].map(([room, tokens]) => `${room}: ${tokens.join(', ')}`).join('; ');
    return [`\`${name}\``, provides.join(', ') || '–', needs || '–', lists.join(', ') || '–'];
  });
  const table = [['Room', 'Provides', 'Needs', 'On the lists of'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [
    '```mermaid',
    'flowchart BT',
    ...edges,
    '```',
    '',
    line(table[0]),
    rule,
    ...table.slice(1).map(line),
    '',
  ].join('\n');
}
