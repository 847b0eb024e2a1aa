/** Markup that may be sent as it is: only `html` makes it, and it escapes whatever is put into it. */
export class Html {
  private constructor(readonly text: string) {}

  /** For `html` alone: its template's own text is written by us, its values are not. */
  static join(strings: readonly string[], values: readonly HtmlValue[]): Html {
    let text = strings[0]!;
    for (const [index, value] of values.entries()) text += textOf(value) + strings[index + 1]!;
    return new Html(text);
  }
}

/** Text and numbers are escaped, lists are written one after the other, nothing is nothing. */
export type HtmlValue = Html | string | number | bigint | undefined | false | readonly HtmlValue[];

/** `html\`<b title="${text}">${text}</b>\``: safe between tags and in quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.join(strings, values);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textOf(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(textOf).join('');
  return escapeText(String(value));
}

/** Control characters, which no page may contain, and halves of characters become U+FFFD. */
function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!)
    .replace(/[^\P{Cc}\t\n]/gu, '\ufffd');
}

/** What is written of a long page at a time: pieces, with steps of mere work (undefined) in between. */
export type Pieces = Generator<Html | undefined, void, void>;
