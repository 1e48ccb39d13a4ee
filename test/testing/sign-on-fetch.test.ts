import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../src/http/base64.ts';
import { negotiate } from '../../src/http/negotiate.ts';
import type { Handshake } from '../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor } from '../../src/index.ts';
import { httpAuthenticator } from '../../src/node/http.ts';
import type { FetchHandler, SignOnFetchOptions } from '../../src/testing/index.ts';
import { createSignOnFetch, OfferedMechanisms, testKeytab } from '../../src/testing/index.ts';

const SERVICE = 'HTTP/www.example.com@EXAMPLE.COM';
const URL_ = 'https://www.example.com/';
const keytab = testKeytab(SERVICE);
const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });

interface Seen {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** A handler of a program, with what it was asked; `alter` plays a server that is not what it seems. */
function serverOf(alter: (response: Response) => Response = (response) => response) {
  const seen: Seen[] = [];
  let state: Handshake | undefined;
  const handler: FetchHandler = async (request) => {
    const authorization = request.headers.get('Authorization');
    const { url, method } = request;
    seen.push({ url, method, authorization, body: await request.text() });
    const result = await negotiate(acceptor, authorization, { ...(state && { state }) });
    state = result.status === 401 ? result.state : undefined;
    const { status, headers } = result;
    if (result.status !== 200) return alter(new Response(null, { status, headers }));
    const { context } = result;
    const groups = context.pac?.groupSids?.length ?? 0;
    return alter(new Response(`${context.initiator} ${groups}`, { headers }));
  };
  return { handler, seen };
}

function signOn(handler: FetchHandler, options: Partial<SignOnFetchOptions> = {}) {
  return createSignOnFetch({ keytab, user: 'alice', fetch: handler, ...options });
}

describe('a fetch that signs on', () => {
  it('asks first without a token, as browsers do, and repeats the body', async () => {
    const { handler, seen } = serverOf();
    const user = { name: 'alice', groups: [512] };
    const response = await signOn(handler, { user })(URL_, { method: 'POST', body: 'form' });
    expect(await response.text()).toBe('alice@EXAMPLE.COM 2');
    expect(seen.map(({ authorization }) => authorization?.slice(0, 12))).toEqual([
      undefined,
      'Negotiate YI',
    ]);
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ['POST', 'form'],
      ['POST', 'form'],
    ]);
  });

  it('needs one request if it may send its token at once', async () => {
    const { handler, seen } = serverOf();
    const response = await signOn(handler, { preemptive: true })(new Request(URL_));
    expect(response.status).toBe(200);
    expect(seen.length).toBe(1);
  });

  it.each([
    [OfferedMechanisms.windows, 2],
    [OfferedMechanisms.windowsNtlm, 4],
  ])('plays Windows with the mechanisms %s in %i requests', async (mechanisms, count) => {
    const { handler, seen } = serverOf();
    const response = await signOn(handler, { spnego: { mechanisms } })(URL_);
    expect(await response.text()).toBe('alice@EXAMPLE.COM 0');
    expect(seen.length).toBe(count);
  });

  it.each([
    ['bare Kerberos', { spnego: false }],
    ['no mutual authentication', { flags: ContextFlag.integrity }],
    ['neither', { spnego: false, flags: 0 }],
  ] as const)('can do it with %s', async (_, options) => {
    const { handler } = serverOf();
    expect((await signOn(handler, options)(URL_)).status).toBe(200);
  });

  it('rejects a server that does not prove its identity', async () => {
    const proofOf = (response: Response) => response.headers.get('WWW-Authenticate')!;
    const withProof = (response: Response, proof?: string) => {
      if (response.status !== 200) return response;
      const headers: HeadersInit = proof === undefined ? {} : { 'WWW-Authenticate': proof };
      return new Response('welcome', { headers });
    };
    const other = serverOf();
    const foreign = await signOn(other.handler)(URL_);
    const lies: ((response: Response) => string | undefined)[] = [
      () => undefined,
      () => 'Negotiate',
      () => 'Negotiate !',
      () => proofOf(foreign),
      // A list in place of an answer, an empty reject, and the client's own token.
      () => 'Negotiate YBgGBisGAQUFAqAOMAygCjAIBgYrBgEFBQI=',
      () => `Negotiate ${encodeBase64(Uint8Array.of(0xa1, 7, 0x30, 5, 0xa0, 3, 10, 1, 2))}`,
      () => other.seen[1]!.authorization!,
      (response) => proofOf(response).slice(0, -8),
    ];
    for (const lie of lies) {
      for (const preemptive of [true, false]) {
        const { handler } = serverOf((response) => withProof(response, lie(response)));
        const refused = signOn(handler, { preemptive })(URL_);
        await expect(refused, String(lie)).rejects.toThrow(
          expect.objectContaining({ name: expect.stringMatching(/^(Gss|Kerberos|Decode)Error$/) }),
        );
      }
    }
    const honest = serverOf((response) =>
      withProof(response, `Basic realm="a, Negotiate", ${proofOf(response)}`),
    );
    expect((await signOn(honest.handler)(URL_)).status).toBe(200);
  });

  it('rejects a server that answers before the exchange is over', async () => {
    const { handler } = serverOf((response) =>
      response.headers.get('WWW-Authenticate') === 'Negotiate'
        ? response
        : new Response('welcome', { headers: response.headers }),
    );
    const refused = signOn(handler, { spnego: { mechanisms: OfferedMechanisms.windowsNtlm } })(
      URL_,
    );
    await expect(refused).rejects.toThrow('the server answered 200 before the exchange was over');
  });

  it('returns the answers that let nobody in, and those of servers that ask for no token', async () => {
    const stranger = testKeytab(SERVICE);
    const { handler } = serverOf();
    expect((await signOn(handler, { keytab: stranger })(URL_)).status).toBe(401);
    for (const status of [400, 407, 500, 503]) {
      const busy = serverOf((response) =>
        response.status === 200 ? new Response(null, { status }) : response,
      );
      expect((await signOn(busy.handler)(URL_)).status).toBe(status);
    }
    const basic = new Headers({ 'WWW-Authenticate': 'Basic realm="Negotiate"' });
    for (const answer of [
      new Response('public'),
      new Response(null, { status: 404 }),
      new Response(null, { status: 401, headers: basic }),
    ]) {
      expect(await signOn(() => answer)(URL_)).toBe(answer);
    }
  });

  it('signs on again after a redirect within the origin, and keeps its token from others', async () => {
    const { handler, seen } = serverOf((response) => {
      if (response.status !== 200) return response;
      const to = ['https://www.example.com/second', 'https://elsewhere.example/', undefined];
      const location = to[seen.filter(({ authorization }) => authorization !== null).length - 1];
      if (location === undefined) return response;
      return new Response(null, {
        status: 302,
        headers: [...response.headers, ['Location', location]] as [string, string][],
      });
    });
    const response = await signOn(handler)(URL_, { method: 'POST', body: 'form' });
    expect(response.status).toBe(401);
    expect(
      seen.map(({ url, method, authorization }) => [url, method, authorization !== null]),
    ).toEqual([
      [URL_, 'POST', false],
      [URL_, 'POST', true],
      [`${URL_}second`, 'GET', false],
      [`${URL_}second`, 'GET', true],
      ['https://elsewhere.example/', 'GET', false],
    ]);
    const manual = await signOn(handler)(URL_, { redirect: 'manual' });
    expect(manual.status).toBe(200);
  });

  it('keeps cookies if it is told to', async () => {
    const requests: (string | null)[] = [];
    const { handler } = serverOf((response) => {
      if (response.status === 200) response.headers.append('Set-Cookie', 'session=1; Path=/');
      return response;
    });
    const remembering: FetchHandler = (request) => {
      requests.push(request.headers.get('Cookie'));
      return request.headers.has('Cookie') ? new Response('known') : handler(request);
    };
    const fetchAsAlice = signOn(remembering, { cookies: true });
    expect(await (await fetchAsAlice(URL_)).text()).toBe('alice@EXAMPLE.COM 0');
    expect(await (await fetchAsAlice(URL_)).text()).toBe('known');
    expect(requests).toEqual([null, null, 'session=1']);
    const forgetful = signOn(remembering);
    await forgetful(URL_);
    expect(await (await forgetful(URL_)).text()).toBe('alice@EXAMPLE.COM 0');
  });

  it('needs to know who the user is', () => {
    expect(() => createSignOnFetch({ keytab })).toThrow(
      new TypeError('createSignOnFetch: expected a ticket, or a keytab and a user'),
    );
    expect(() => createSignOnFetch({ keytab, user: 'alice', service: 'ftp@' })).toThrow(RangeError);
  });

  it('reaches a server of node:http by its port, in one leg and in three', async () => {
    const authenticate = httpAuthenticator({ acceptor });
    const server = createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
      const context = await authenticate(request, response);
      response.end(context?.initiator.toString());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      for (const mechanisms of [OfferedMechanisms.mit, OfferedMechanisms.windowsNtlm]) {
        const fetchAsAlice = createSignOnFetch({ keytab, user: 'alice', spnego: { mechanisms } });
        expect(await (await fetchAsAlice(url)).text()).toBe('alice@EXAMPLE.COM');
      }
    } finally {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  });
});
