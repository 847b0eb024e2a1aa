import { setText } from './dom.js';
import { ask } from './poller.js';

/**
 * Replaces the tables by those of the page as the agent makes it now: their markup is made in one place, by the server.
 */
export async function renewSections(url: string, signal: AbortSignal): Promise<void> {
  const fresh = new DOMParser().parseFromString(await ask(url, signal), 'text/html');
  localTimes(fresh);
  const main = document.querySelector('main')!;
  // Which there are has to be known before they move from one document to the other.
  const sections = [...fresh.querySelectorAll<HTMLElement>('[data-renewed]')];
  const ids = new Set(sections.map(({ id }) => id));
  for (const section of sections) {
    const old = document.getElementById(section.id);
    if (old === null) main.append(section);
    else if (!isInUse(old)) replace(old, section);
  }
  for (const old of document.querySelectorAll('[data-renewed]')) {
    if (!ids.has(old.id)) old.remove();
  }
  renewOthers(fresh);
}

/** Times in the zone of whoever looks. */
export function localTimes(page: Document): void {
  for (const element of page.querySelectorAll('time')) {
    const time = new Date(element.dateTime);
    setText(element, time.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' }));
  }
}

/** The limits as they are now, and a table that was not there before. */
function renewOthers(fresh: Document): void {
  for (const id of ['charts', 'containers']) {
    const [old, current] = [document.getElementById(id), fresh.getElementById(id)];
    if (current === null) continue;
    if (old === null) document.querySelector('main')!.append(current);
    else Object.assign(old.dataset, { cores: current.dataset.cores, memory: current.dataset.memory });
  }
}

/** Text that is being selected shall not be taken away. */
function isInUse(section: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(section, true);
}

/** Puts the new one in the old one's place, with what the person has done there: opened, scrolled, focused. */
function replace(old: HTMLElement, section: HTMLElement): void {
  if (old.innerHTML === section.innerHTML) return;
  const opened = [...old.querySelectorAll('details')].map(({ open }) => open);
  for (const [index, details] of section.querySelectorAll('details').entries()) {
    details.open = opened[index] ?? details.open;
  }
  const { scrollLeft = 0, scrollTop = 0 } = old.querySelector('.scroll') ?? {};
  const focused = old.contains(document.activeElement) ? focusOf(document.activeElement!) : undefined;
  old.replaceWith(section);
  section.querySelector('.scroll')?.scrollTo(scrollLeft, scrollTop);
  if (focused !== undefined) section.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
}

function focusOf(element: Element): string {
  const href = element.getAttribute('href');
  return href === null
    ? element.tagName.toLowerCase() + (element.className && `.${element.className}`)
    : `[href="${CSS.escape(href)}"]`;
}
