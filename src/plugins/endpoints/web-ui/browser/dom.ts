import type { Html } from '../shared/html.js';

/** Makes the element that this is the markup of. */
export function elementOf<E extends Element>(markup: Html): E {
  const template = document.createElement('template');
  template.innerHTML = markup.text;
  return template.content.firstElementChild as E;
}

/** Writes a text that has changed: browsers lay out anew what is written. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
