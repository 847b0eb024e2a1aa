/** Control characters besides tab and line end, and the characters that change the direction of a text. */
const OBEYED = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * A text as it may be written to a terminal: what a terminal would obey instead of show becomes `\uXXXX`, which is also
 * how JSON writes it. Names of containers and cgroups are chosen by whoever makes them.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
