/** The users of an htdigest file: name → MD5 of `user:realm:password`, of one realm. */
export type DigestHashes = ReadonlyMap<string, string>;

/**
 * Reads an htdigest file, of which the entries of `realm` count.
 * @throws Error naming the line that is not of its form, or when no entry is of the realm
 */
export function parseHtdigest(text: string, realm: string): DigestHashes {
  const users = new Map<string, string>();
  const others = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const entry = /^([^:]+):([^:]*):([0-9a-f]{32})\s*$/i.exec(line);
    if (entry === null) throw new Error(`line ${index + 1} is not of the form user:realm:md5`);
    if (entry[2] === realm) users.set(entry[1]!, entry[3]!.toLowerCase());
    else others.add(entry[2]!);
  }
  if (users.size === 0 && others.size > 0) {
    const names = [...others].map((name) => JSON.stringify(name)).join(', ');
    throw new Error(
      `it has no user of the realm ${JSON.stringify(realm)}, only of ${names}: set web.auth.digest.realm`,
    );
  }
  return users;
}
