/** The handlers of docs/http.md, run as they are printed there. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { answerDenied } from '../../src/http/answer.ts';
import { createAuthenticator } from '../../src/http/authenticator.ts';
import { encodeBase64 } from '../../src/http/base64.ts';
import type { AuthenticatorOptions } from '../../src/http/options.ts';
import { CLIENT, makeParties, NOW } from '../support/realm-kit.ts';

type Handler = (request: Request) => Promise<Response>;

const text = readFileSync('docs/http.md', 'utf8');
const recipes = new Map(
  [...text.matchAll(/^## (.+?)\n(?:(?!^## )[\s\S])*?^```ts\n([\s\S]*?)^```$/gm)].map((match) => [
    match[1]!,
    match[2]!,
  ]),
);

/** A handler with its own acceptor, and a function that sends it requests. */
async function setUp(title: string) {
  const { acceptor, initiator } = await makeParties();
  const said: string[] = [];
  const { outputText } = ts.transpileModule(recipes.get(title)!, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  });
  const make = new Function(
    'createAuthenticator',
    'answerDenied',
    'acceptor',
    'log',
    'checkPassword',
    `${outputText}; return handler;`,
  );
  const handler = make(
    (options: AuthenticatorOptions) => createAuthenticator({ ...options, clock: () => NOW }),
    answerDenied,
    acceptor,
    (line: string) => said.push(line),
    async (authorization: string) => authorization === 'Basic YWxpY2U6c2VjcmV0',
  ) as Handler;
  const ask = (authorization?: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (authorization !== undefined) headers.set('Authorization', authorization);
    return handler(new Request('https://www.example.test/', { ...init, headers }));
  };
  const token = `Negotiate ${encodeBase64(initiator.begin())}`;
  return { ask, token, said };
}

const challengeOf = (response: Response) => response.headers.get('WWW-Authenticate');

describe('recipes for HTTP', () => {
  it('are the ones that are tested here', () => {
    expect([...recipes.keys()]).toEqual([
      'A handler',
      'CORS: the preflight has no credentials',
      'Basic beside Negotiate',
      'No second challenge',
    ]);
  });

  it.each([...recipes.keys()])('ask a client to authenticate, and admit it: %s', async (title) => {
    const { ask, token } = await setUp(title);
    const asked = await ask();
    expect(asked.status).toBe(401);
    expect(challengeOf(asked)).toMatch(/^Negotiate(?:$|, Basic )/);
    const welcome = await ask(token);
    expect(welcome.status).toBe(200);
    expect(await welcome.text()).toBe(`welcome ${CLIENT}`);
    // RFC 4559 §4.2: it proves the server's identity to the client.
    expect(challengeOf(welcome)).toMatch(/^Negotiate [A-Za-z0-9+/=]+$/);
    expect((await ask('Negotiate !')).status).toBe(400);
    expect((await ask(token)).status).not.toBe(200);
  });

  it('answer a preflight without credentials, for one origin', async () => {
    const { ask, token } = await setUp('CORS: the preflight has no credentials');
    const headers = { Origin: 'https://app.example.com' };
    // Fetch §4.8: without this header it is no preflight.
    const asks = { 'Access-Control-Request-Method': 'GET' };
    const preflight = await ask(undefined, { method: 'OPTIONS', headers: { ...headers, ...asks } });
    expect(preflight.status).toBe(204);
    expect((await ask(undefined, { method: 'OPTIONS', headers })).status).toBe(401);
    for (const response of [
      preflight,
      await ask(undefined, { headers }),
      await ask(token, { headers }),
    ]) {
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe(headers.Origin);
      expect(response.headers.get('Access-Control-Allow-Credentials')).toBe('true');
    }
    const other = await ask(undefined, {
      method: 'OPTIONS',
      headers: { Origin: 'https://x.test', ...asks },
    });
    expect(other.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });

  it('offer Basic beside Negotiate, and accept only a valid password', async () => {
    const { ask } = await setUp('Basic beside Negotiate');
    expect(challengeOf(await ask())).toBe('Negotiate, Basic realm="example", charset="UTF-8"');
    expect((await ask('Basic YWxpY2U6c2VjcmV0')).status).toBe(200);
    const refused = await ask('Basic YWxpY2U6d3Jvbmc=');
    expect(refused.status).toBe(401);
    expect(challengeOf(refused)).toMatch(/^Negotiate, Basic /);
  });

  it('do not challenge a refused client again', async () => {
    const { ask, token, said } = await setUp('No second challenge');
    expect((await ask(token)).status).toBe(200);
    const replay = await ask(token);
    expect(replay.status).toBe(403);
    // The KRB-ERROR, and no challenge.
    expect(challengeOf(replay)).toMatch(/^Negotiate YH/);
    const other = await ask('Kerberos boIB7DCCAeg=');
    expect([other.status, challengeOf(other)]).toEqual([403, null]);
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(
      /^http\.other-scheme: the client authenticates with Kerberos; have the client send/,
    );
  });
});

describe('docs/sessions.md', () => {
  const page = readFileSync('docs/sessions.md', 'utf8');
  const code = /^```ts\n([^`]*function isSameOrigin[^`]*)^```$/m.exec(page)![1]!;
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  });
  const isSameOrigin = new Function(`${outputText}; return isSameOrigin;`)() as (
    request: Request,
  ) => boolean;

  it.each([
    ['GET', { 'Sec-Fetch-Site': 'cross-site' }, true],
    ['POST', { 'Sec-Fetch-Site': 'same-origin' }, true],
    ['POST', { 'Sec-Fetch-Site': 'same-site' }, false],
    ['POST', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://www.example.com' }, false],
    ['POST', { Origin: 'https://www.example.com' }, true],
    ['POST', { Origin: 'https://www.example.com.evil.test' }, false],
    ['DELETE', { Origin: 'null' }, false],
    ['POST', {}, true],
  ])('lets a %s with %j change something: %s', (method, headers, expected) => {
    // A Request would drop these headers, as a browser does when a page sets them.
    const request = { method, headers: new Headers(headers as Record<string, string>) };
    expect(isSameOrigin(request as Request)).toBe(expected);
  });
});
