import { type Html, html } from './html.js';

const WIDTH = 60;
const HEIGHT = 18;

/** A small course without axes. @param path see `pathOf` */
export function sparkline(path: string): Html {
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><path d="${path}"/></svg>`;
}

/**
 * The path of a course, the newest value at the right edge, with gaps where a value is unknown.
 * @param least the top is never below this
 */
export function pathOf(values: readonly (number | null)[], least: number): string {
  let top = least;
  for (const value of values) if (value !== null && value > top) top = value;
  const step = WIDTH / Math.max(1, values.length - 1);
  let path = '';
  let isDown = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== null)
      path += `${isDown ? 'L' : 'M'}${round(i * step)} ${round(HEIGHT - 1 - (value / top) * (HEIGHT - 2))}`;
    isDown = value !== null;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** How full a bar of this share is, and how it is coloured. @param share 0 … 1 */
export function fillOf(share: number): { readonly width: string; readonly level: 'normal' | 'near' | 'high' } {
  const level = share >= 0.9 ? 'high' : share >= 0.75 ? 'near' : 'normal';
  return { width: String(Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10), level };
}

/** A bar that is filled to a share; empty without one. @param share 0 … 1 @param label absent: the text beside it says it */
export function barOf(share: number | undefined, label?: string): Html {
  const { width, level } = fillOf(share ?? 0);
  const name = label === undefined ? html`aria-hidden="true"` : html`role="img" aria-label="${label}"`;
  return html`<svg class="bar ${share === undefined ? 'none' : level}" viewBox="0 0 100 4" preserveAspectRatio="none" ${name}><rect class="all" width="100" height="4"/><rect class="part" width="${width}" height="4"/></svg>`;
}
