import { type Html, html } from '../shared/html.js';

/** `2026-11-25 14:02:03 UTC`; with a script the browser shows it in its own zone. @param micros µs since the epoch */
export function timeOf(micros: number): Html {
  const date = new Date(micros / 1000);
  if (Number.isNaN(date.getTime())) return html`unknown`;
  const iso = date.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}
