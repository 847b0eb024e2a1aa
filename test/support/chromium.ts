import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A headless Chromium, spoken to over its pipe by the DevTools protocol. */
export class Chromium {
  private readonly child: ChildProcess;
  private readonly directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-chromium-`));
  private readonly waiting = new Map<number, (message: Message) => void>();
  private readonly listeners = new Set<(message: Message) => void>();
  private nextId = 1;
  private rest = '';

  private constructor() {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-pipe'];
    const own = [`--user-data-dir=${this.directory}`, '--disable-background-networking', 'about:blank'];
    this.child = spawn('chromium', [...flags, ...own], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.receive(text));
    (this.child.stdio[3] as Writable).on('error', () => {});
  }

  static async start(): Promise<Chromium> {
    const browser = new Chromium();
    await browser.send('Browser.getVersion');
    return browser;
  }

  /** Opens a page in a tab of its own. */
  async open(url: string, prepare: (page: Page) => Promise<void> = async () => {}): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId as string);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await prepare(page);
    await page.send('Page.navigate', { url });
    return page;
  }

  /** @throws Error with what the browser says against it */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.nextId++;
    const answer = new Promise<Message>((resolve) => this.waiting.set(id, resolve));
    (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer.then(({ result, error }) => {
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    });
  }

  listen(listener: (message: Message) => void): void {
    this.listeners.add(listener);
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    await Promise.race([this.send('Browser.close').catch(() => {}), exited]);
    await exited;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  private receive(text: string): void {
    const parts = (this.rest + text).split('\0');
    this.rest = parts.pop()!;
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id === undefined) for (const listener of this.listeners) listener(message);
      else this.waiting.get(message.id)?.(message);
    }
  }
}

/** A page in the browser. */
export class Page {
  /** Errors and warnings of its console, violations of its policy and exceptions, so far. */
  readonly troubles: string[] = [];

  constructor(
    private readonly browser: Chromium,
    private readonly sessionId: string,
  ) {
    this.on('Log.entryAdded', ({ entry }) => this.note(entry as { level: string; text: string; url?: string }));
    this.on('Runtime.exceptionThrown', (params) => void this.troubles.push(JSON.stringify(params)));
    this.on('Runtime.consoleAPICalled', (params) => {
      if (params.type === 'error' || params.type === 'warning') this.troubles.push(JSON.stringify(params.args));
    });
  }

  on(method: string, listener: (params: Record<string, unknown>) => void): void {
    this.browser.listen((message) => {
      if (message.sessionId === this.sessionId && message.method === method) listener(message.params ?? {});
    });
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.browser.send(method, params, this.sessionId);
  }

  /** The value of an expression in the page; a promise is waited for. */
  async evaluate<T>(expression: string): Promise<T> {
    const parameters = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', parameters);
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true in the page. @throws Error after 20 s */
  async until(expression: string): Promise<void> {
    const deadline = Date.now() + 60_000;
    // A page that is being replaced has nothing to ask.
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (Date.now() > deadline) {
        const shown = await this.evaluate<string>('document.body.innerText.slice(0, 500)');
        throw new Error(`never true: ${expression}; ${this.troubles.join()}; the page: ${shown}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private note({ level, text, url = '' }: { level: string; text: string; url?: string }): void {
    if (level === 'error' || level === 'warning') this.troubles.push(`${level}: ${text} ${url}`);
  }
}
