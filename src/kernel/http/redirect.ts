import type { Exchange } from './exchange.js';

const REDIRECT_TEXT: Record<301 | 307, string> = { 301: 'Moved Permanently', 307: 'Temporary Redirect' };

/** Sends the client elsewhere, as the contract's server does for each method. */
export async function redirect(exchange: Exchange, status: 301 | 307, location: string): Promise<void> {
  const { method, response } = exchange;
  const html = `<a href="${location.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}">${REDIRECT_TEXT[status]}</a>.\n\n`;
  if (method === 'GET') {
    response.writeHead(status, { Location: location, 'Content-Type': 'text/html; charset=utf-8' });
    await exchange.end(Buffer.from(html));
    return;
  }
  response.writeHead(
    status,
    method === 'HEAD' ? { Location: location, 'Content-Type': 'text/html; charset=utf-8' } : { Location: location },
  );
  await exchange.end();
}

/** The answer to a browser's question whether it may ask. */
export async function sendNothing(exchange: Exchange): Promise<void> {
  exchange.response.writeHead(204);
  await exchange.end();
}
