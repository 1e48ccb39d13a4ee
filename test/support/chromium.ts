/** Headless Chromium, driven by the DevTools protocol. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { CHROMIUM } from './peers.ts';
import { until } from './until.ts';

export interface ChromiumOptions {
  /** Further switches, such as `--auth-server-allowlist=localhost`. */
  readonly switches?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a page looked like when it had loaded. */
export interface Visit {
  /** The status of the page itself. */
  readonly status: number;
  /** The text that a reader sees. */
  readonly text: string;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly type?: string; readonly response?: { readonly status: number } };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** One browser with one page. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #calls = 0;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.id === undefined) for (const listener of this.#listeners) listener(message);
      else this.#waiting.get(message.id)?.(message);
    });
  }

  static async launch({ switches = [], env = {} }: ChromiumOptions = {}): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    const child = spawn(CHROMIUM, [...SWITCHES, ...switches, `--user-data-dir=${profile}`], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
      // A group of its own: the processes that the browser starts end with it.
      detached: true,
    });
    const port = await devToolsPort(child, profile);
    const [page] = await targets(port);
    const socket = new WebSocket(page!.webSocketDebuggerUrl);
    await once(socket, 'open');
    const browser = new Chromium(child, profile, socket);
    for (const domain of ['Page', 'Network', 'Runtime']) await browser.call(`${domain}.enable`);
    return browser;
  }

  /** Opens an address, and waits until the page and what belongs to it is loaded. */
  async visit(url: string): Promise<Visit> {
    return await this.#load(() => this.call('Page.navigate', { url }));
  }

  /** Clicks on what a selector finds, which opens another page. */
  async click(selector: string): Promise<Visit> {
    return await this.#load(() =>
      this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`),
    );
  }

  /** The value of an expression of the page, which is awaited. */
  async evaluate<T = unknown>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.call('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: T }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** The whole page as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }

  /** One command of the DevTools protocol. */
  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  async #load(start: () => Promise<unknown>): Promise<Visit> {
    let status = 0;
    let loaded: () => void;
    const done = new Promise<void>((resolve) => {
      loaded = resolve;
    });
    const listener = ({ method, params = {} }: Message): void => {
      if (method === 'Page.loadEventFired') loaded();
      if (method === 'Network.responseReceived' && params.type === 'Document') {
        status = params.response?.status ?? 0;
      }
    };
    this.#listeners.add(listener);
    try {
      await start();
      await done;
    } finally {
      this.#listeners.delete(listener);
    }
    return { status, text: await this.evaluate<string>('document.body.innerText') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#socket.terminate();
    process.kill(-this.#process.pid!, 'SIGKILL');
    await ended;
    // A killed process may still be finishing a write when its parent has been reaped.
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The port that Chromium chose. */
async function devToolsPort(child: ChildProcess, profile: string): Promise<number> {
  const file = join(profile, 'DevToolsActivePort');
  const notStarted = (): string => 'Chromium did not start';
  return await until(() => {
    if (child.exitCode !== null) throw new Error(notStarted());
    const port = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
    return port > 0 && port;
  }, notStarted);
}

async function targets(port: number) {
  const find = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`);
    const all = (await response.json()) as { type: string; webSocketDebuggerUrl: string }[];
    const pages = all.filter(({ type }) => type === 'page');
    return pages.length > 0 && pages;
  };
  return await until(find, () => 'Chromium has no page');
}

// Tests run as root, which the sandbox does not want.
const SWITCHES = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--hide-scrollbars',
  '--remote-debugging-port=0',
  'about:blank',
];
