/** Answers the requests of the demonstration. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { prefersJson } from '../../http/answer.ts';
import type { HeaderField } from '../../http/authentication.ts';
import { browserGuides } from './browsers.ts';
import type { Door } from './door.ts';
import type { PageContext } from './pages.ts';
import { homePage, messagePage, practicePage, reportPage } from './pages.ts';
import type { Practice } from './practice.ts';
import { SITUATIONS } from './practice.ts';
import { ICON, STYLE } from './style.ts';
import { reportText } from './text.ts';

/** What a {@link siteHandler} serves. */
export interface Site {
  readonly practice: Practice;
  /** The real door and the name of its service; undefined without a keytab. */
  readonly real?: { readonly door: Door; readonly service: string };
  readonly sessions: boolean;
  /** Called with an exception of the site's own code. */
  readonly onFault: (error: unknown) => void;
}

/** The listener of an HTTP server. */
export function siteHandler(
  site: Site,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(site, request).then(
      (page) => send(response, page, request.method === 'HEAD'),
      (error: unknown) => {
        site.onFault(error);
        if (!response.headersSent) send(response, plain(500, 'Internal Server Error\n'), false);
      },
    );
  };
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: readonly HeaderField[];
}

async function answer(site: Site, request: IncomingMessage): Promise<Page> {
  // Bodies are never used; whatever comes is discarded.
  request.resume();
  const { method = 'GET', url = '/' } = request;
  const path = url.replace(/[?#].*$/s, '');
  const context = contextOf(site, request);
  if (path === '/sign-off' && method === 'POST') return await signOff(site, request);
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...plain(405, 'Method Not Allowed\n'), headers: [['Allow', 'GET, HEAD']] };
  }
  switch (path) {
    case '/':
      return page(200, homePage(context));
    case '/sign-on':
      return await signOn(site, request, context);
    case '/style.css':
      return { status: 200, type: 'text/css; charset=utf-8', body: STYLE };
    case '/icon.svg':
      return { status: 200, type: 'image/svg+xml', body: ICON };
  }
  const id = /^\/practice\/([a-z-]{1,40})$/.exec(path)?.[1];
  const result = id === undefined ? undefined : await site.practice.play(id);
  if (result !== undefined) return page(200, practicePage(result, context));
  return page(404, messagePage('There is no such page', 'Begin at the start.', context));
}

async function signOn(site: Site, request: IncomingMessage, context: PageContext): Promise<Page> {
  if (site.real === undefined) {
    const sentence = 'This server has no keytab: start it with `-keytab` and `-service`.';
    return page(404, messagePage('No tickets are accepted here', sentence, context));
  }
  const { status, headers, report } = await site.real.door.knock(request);
  const { accept = '' } = request.headers;
  if (prefersJson(accept)) {
    return { status, headers, type: 'application/json', body: JSON.stringify(report, null, 2) };
  }
  return accept.includes('text/html')
    ? { ...page(status, reportPage(report, context)), headers }
    : { ...plain(status, reportText(report, context.guides)), headers };
}

async function signOff({ real }: Site, request: IncomingMessage): Promise<Page> {
  const headers = real === undefined ? [] : await real.door.leave(request);
  return { ...plain(303, ''), headers: [['Location', '/'], ...headers] };
}

function contextOf({ real, sessions }: Site, { headers }: IncomingMessage): PageContext {
  return {
    service: real?.service,
    sessions,
    guides: browserGuides(hostOf(headers.host), headers['user-agent']),
    situations: SITUATIONS,
  };
}

/** The host of the address bar. It becomes part of commands, so any other text is replaced. */
function hostOf(header = ''): string {
  const host = /^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::\d{1,5})?$/.exec(header)?.[1];
  return host === undefined || isIP(host) !== 0 ? 'www.example.com' : host;
}

function page(status: number, body: string): Page {
  return { status, type: 'text/html; charset=utf-8', body };
}

function plain(status: number, body: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(
  response: ServerResponse,
  { status, type, body, headers = [] }: Page,
  head: boolean,
): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  for (const [name, value] of headers) response.appendHeader(name, value);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(head ? undefined : body);
}

// The pages have no scripts, load nothing from elsewhere, and are shown in no frame. They are about one
// person, so no cache stores them.
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
  // The answer depends on them.
  Vary: 'Accept, Authorization, Cookie',
} as const;
