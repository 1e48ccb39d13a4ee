import { beforeAll, describe, expect, it } from 'vitest';
import type { AuthenticationRequest } from '../../src/http/authentication.ts';
import type { ExchangeKeeper } from '../../src/http/exchanges.ts';
import { explain, GssError, Mechanism } from '../../src/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/spnego/neg-token.ts';
import { httpSite, NEGOTIATE, tokenOf } from '../support/http-site.ts';
import { CLIENT } from '../support/realm-kit.ts';
import { settle } from '../support/timers.ts';

/** SPNEGO without a token for the mechanism: the exchange takes two requests. */
const FIRST = encodeNegTokenInit({ mechTypes: [Mechanism.krb5] });
const NTLM_FIRST = encodeNegTokenInit({
  mechTypes: [Mechanism.ntlmssp, Mechanism.krb5],
  mechToken: Buffer.from('NTLMSSP\0\x01\0\0\0'),
});

type Site = Awaited<ReturnType<typeof httpSite>>;

function second({ initiator }: Site): Uint8Array {
  return encodeNegTokenResp({ responseToken: initiator().begin() });
}

// The first message with something to say waits for the texts, which changes the order of requests.
beforeAll(() => explain(undefined));

describe('an exchange of two requests', () => {
  it('continues over the same connection', async () => {
    const site = await httpSite({ challenges: ['Basic realm="x"'] });
    const connection = {};
    const first = await site.ask(FIRST, { connection });
    // A further challenge would distract the client.
    expect(first).toMatchObject({ outcome: 'challenged', status: 401 });
    expect(first.headers).toHaveLength(1);
    expect(tokenOf(first).length).toBeGreaterThan(0);
    const result = await site.ask(second(site), { connection });
    expect(result).toMatchObject({
      outcome: 'authenticated',
      identity: { principal: CLIENT, mechanism: 'spnego' },
    });
    expect((await site.ask(undefined, { connection })).outcome).toBe('challenged');
  });

  it('does not go on over another connection', async () => {
    const site = await httpSite();
    await site.ask(FIRST, { connection: {} });
    expect(await site.ask(second(site), { connection: {} })).toMatchObject({
      outcome: 'refused',
      error: { code: 'GSS_S_DEFECTIVE_TOKEN', reason: 'token.out-of-order' },
    });
  });

  it.each<[string, Partial<AuthenticationRequest>, string]>([
    ['without a connection', {}, 'does not show which requests share a connection'],
    ['over HTTP/2', { connectionUnavailable: 'over HTTP/2' }, 'over HTTP/2'],
    ['behind a proxy', { connection: {}, proxyHeader: 'via' }, 'the header via reveals a proxy'],
  ])('is refused %s, and the operator told why', async (_, request, hint) => {
    const { ask, errors } = await httpSite();
    const refused = { outcome: 'refused', status: 401, headers: [NEGOTIATE] };
    expect(await ask(FIRST, request)).toMatchObject(refused);
    expect(errors).toMatchObject([
      {
        code: 'GSS_S_UNAVAILABLE',
        reason: 'negotiate.other-connection',
        detail: { problem: expect.stringContaining(hint) },
        hint: expect.stringContaining(hint),
      },
    ]);
    // What the client would rather have is in the same line.
    await ask(NTLM_FIRST, request);
    expect(errors[1]).toMatchObject({
      minor: { code: 'NTLM_RECEIVED' },
      detail: { prefers: 'NTLM' },
      hint: expect.stringContaining('NTLM'),
    });
  });

  it('continues behind a proxy that is trusted to keep connections apart', async () => {
    const site = await httpSite({ sharedConnections: 'trust' });
    const request = { connection: {}, proxyHeader: 'via' };
    expect((await site.ask(FIRST, request)).outcome).toBe('challenged');
    expect((await site.ask(second(site), request)).outcome).toBe('authenticated');
  });

  it('is continued once', async () => {
    const site = await httpSite();
    const connection = {};
    await site.ask(FIRST, { connection });
    const results = await Promise.all([
      site.ask(second(site), { connection }),
      site.ask(second(site), { connection }),
    ]);
    const outcomes = results.map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual(['authenticated', 'refused']);
  });

  it('of each of several connections continues separately', async () => {
    const site = await httpSite();
    const connections = Array.from({ length: 20 }, () => ({}));
    await Promise.all(connections.map((connection) => site.ask(FIRST, { connection })));
    const results = await Promise.all(
      connections.map((connection) => site.ask(second(site), { connection })),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(Array(20).fill('authenticated'));
  });

  it.each<[string, Uint8Array | string | undefined]>([
    ['starts over', FIRST],
    ['asks without credentials', undefined],
    ['sends another scheme', 'Basic YTpi'],
    ['sends garbage', 'Negotiate !'],
  ])('ends when its client %s', async (_, token) => {
    const site = await httpSite();
    const connection = {};
    await site.ask(FIRST, { connection });
    await site.ask(token, { connection });
    const continued = await site.ask(second(site), { connection });
    // Whoever starts over has a new exchange.
    expect(continued.outcome).toBe(token === FIRST ? 'authenticated' : 'refused');
  });

  it('is not touched by requests in parallel on its connection that are none of its own', async () => {
    const site = await httpSite();
    const connection = {};
    const [, whole] = await Promise.all([
      site.ask(FIRST, { connection }),
      site.ask(site.initiator().begin(), { connection }),
    ]);
    expect(whole.outcome).toBe('authenticated');
  });

  it('replaces the one that another request of its connection has left', async () => {
    const site = await httpSite();
    const connection = {};
    const both = [site.ask(NTLM_FIRST, { connection }), site.ask(FIRST, { connection })];
    await Promise.all(both);
    expect((await site.ask(second(site), { connection })).outcome).toMatch(/authenticated|refused/);
    expect((await site.ask(second(site), { connection })).outcome).toBe('refused');
  });

  it('ends with its connection, and a choice of NTLM is reported', async () => {
    const site = await httpSite();
    const gone = new AbortController();
    const request = { connection: {}, signal: gone.signal };
    await site.ask(NTLM_FIRST, request);
    expect(site.told).toEqual(['challenged']);
    gone.abort(new Error('gone'));
    expect(site.told).toEqual(['challenged', 'refused NTLM_RECEIVED']);
    expect((await site.ask(second(site), { connection: request.connection })).outcome).toBe(
      'refused',
    );
  });

  it('leaves no listener on the signal of its connection', async () => {
    const site = await httpSite();
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: 'abort', listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: 'abort', listener: () => void) => void listeners.delete(listener),
    };
    const connection = {};
    await site.ask(FIRST, { connection, signal });
    expect(listeners.size).toBe(1);
    await site.ask(second(site), { connection, signal });
    expect(listeners.size).toBe(0);
  });
});

describe('a keeper of the application', () => {
  function keeperThat(faults: Partial<ExchangeKeeper>): ExchangeKeeper {
    return { take: () => undefined, keep: () => [], ...faults };
  }

  it('may hand an exchange to another process, by a cookie', async () => {
    const stored = new Map<string, Uint8Array>();
    const keeper: ExchangeKeeper = {
      take: async ({ cookie }, acceptor) => {
        const bytes = stored.get(cookie ?? '');
        stored.delete(cookie ?? '');
        return bytes && { handshake: acceptor.resume(bytes) };
      },
      keep: async ({ handshake }) => {
        stored.set('exchange=1', handshake.export());
        return [['Set-Cookie', 'exchange=1']];
      },
    };
    const site = await httpSite({ exchanges: keeper });
    const first = await site.ask(FIRST);
    expect(first.headers.map(([name]) => name)).toEqual(['WWW-Authenticate', 'Set-Cookie']);
    const cookie = 'exchange=1';
    expect((await site.ask(second(site), { cookie })).outcome).toBe('authenticated');
    expect((await site.ask(second(site), { cookie })).outcome).toBe('refused');
  });

  it.each<[string, Partial<ExchangeKeeper>, string]>([
    [
      'take throws',
      {
        take: () => {
          throw new Error('down');
        },
      },
      'unavailable',
    ],
    ['take rejects', { take: () => Promise.reject(new Error('down')) }, 'unavailable'],
    [
      'keep throws',
      {
        keep: () => {
          throw new Error('down');
        },
      },
      'unavailable',
    ],
    ['keep rejects', { keep: () => Promise.reject(new Error('down')) }, 'unavailable'],
    [
      'keep refuses',
      {
        keep: () => {
          throw new GssError('GSS_S_UNAVAILABLE', { reason: 'fault.program' });
        },
      },
      'refused',
    ],
  ])('that fails lets nobody in: %s', async (_, faults, outcome) => {
    const { ask } = await httpSite({ exchanges: keeperThat(faults) });
    expect((await ask(FIRST, { connection: {} })).outcome).toBe(outcome);
    await settle();
  });
});
