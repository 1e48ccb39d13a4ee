/** Sessions as clients of an authenticator see them. */
import { describe, expect, it } from 'vitest';
import type { AuthenticationRequest, HeaderField } from '../../../src/http/authentication.ts';
import { createAuthenticator } from '../../../src/http/authenticator.ts';
import { encodeBase64 } from '../../../src/http/base64.ts';
import type { AuthenticatorOptions } from '../../../src/http/options.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import { CLIENT, makeKeytab, makeParties, NOW, seededRandom } from '../../support/realm-kit.ts';

const KEY = encodeBase64(Uint8Array.from({ length: 32 }, (_, i) => i + 1));
const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';

async function site(
  options: Partial<AuthenticatorOptions> = {},
  principal = WWW,
  {
    service,
    client = CLIENT,
  }: { readonly service?: string | undefined; readonly client?: string } = {},
) {
  const keytab = makeKeytab({ principal });
  const { acceptor, ticket } = await makeParties({
    keytab,
    ticket: { service: principal, client },
    ...(service !== undefined && { service }),
  });
  let time = NOW;
  let seed = 10;
  const authenticator = createAuthenticator({
    acceptor,
    sessions: { keys: [KEY] },
    clock: () => time,
    random: seededRandom(9),
    ...options,
  });
  const ask = (request: Partial<AuthenticationRequest> = {}) =>
    authenticator.authenticate({
      authorization: undefined,
      host: 'www.example.test',
      secure: true,
      ...request,
    });
  const signOn = async (request: Partial<AuthenticationRequest> = {}) => {
    const client = createInitiator({ ticket, clock: () => NOW, random: seededRandom(seed++) });
    const result = await ask({
      ...request,
      authorization: `Negotiate ${encodeBase64(client.begin())}`,
    });
    if (result.outcome === 'authenticated') result.context?.dispose();
    return result;
  };
  const wait = (milliseconds: number) => {
    time += milliseconds;
  };
  return { authenticator, ask, signOn, wait };
}

function cookieOf({ headers }: { readonly headers: readonly HeaderField[] }): string {
  const [, field] = headers.find(([name]) => name === 'Set-Cookie') ?? [];
  return field!.split(';')[0]!;
}

describe('sessions of an authenticator', () => {
  it('spare a client its ticket from the second request on', async () => {
    const { ask, signOn } = await site();
    const first = await signOn();
    expect(first).toMatchObject({ outcome: 'authenticated', via: 'ticket' });
    const second = await ask({ cookie: cookieOf(first) });
    expect(second).toMatchObject({
      outcome: 'authenticated',
      via: 'session',
      identity: { principal: CLIENT },
      headers: [],
    });
    expect(second).not.toHaveProperty('context');
    expect(Object.isFrozen(second.outcome === 'authenticated' && second.identity)).toBe(true);
  });

  it('challenge a client with an invalid cookie', async () => {
    const { ask, signOn } = await site();
    const cookie = cookieOf(await signOn());
    for (const forged of [cookie.slice(0, -4), `${cookie}; ${cookie}`, '__Host-krb5=AAAA']) {
      expect(await ask({ cookie: forged })).toMatchObject({ outcome: 'challenged', status: 401 });
    }
  });

  it('begin anew with a ticket, whatever cookie comes with it', async () => {
    const { ask, signOn } = await site();
    const old = cookieOf(await signOn());
    const again = await signOn({ cookie: old });
    expect(again).toMatchObject({ via: 'ticket' });
    expect(cookieOf(again)).not.toBe(old);
    expect(await ask({ cookie: cookieOf(again) })).toMatchObject({ via: 'session' });
  });

  it('are asked to authorize each time', async () => {
    let allowed = true;
    const { ask, signOn } = await site({ authorize: () => allowed });
    const cookie = cookieOf(await signOn());
    expect(await ask({ cookie })).toMatchObject({ outcome: 'authenticated' });
    allowed = false;
    expect(await ask({ cookie })).toMatchObject({ outcome: 'refused', status: 403 });
    expect((await signOn()).headers.map(([name]) => name)).not.toContain('Set-Cookie');
  });

  it('do not begin for a client that is refused or not there', async () => {
    const { ask } = await site();
    expect((await ask()).headers).toEqual([['WWW-Authenticate', 'Negotiate']]);
    expect((await ask({ authorization: 'Negotiate YII=' })).headers).toHaveLength(1);
  });

  it('end with a logout: the browser forgets the cookie', async () => {
    const { authenticator } = await site();
    expect(await authenticator.logout()).toEqual([
      ['Set-Cookie', '__Host-krb5=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0'],
    ]);
    const without = await makeParties();
    expect(await createAuthenticator({ acceptor: without.acceptor }).logout()).toEqual([]);
  });

  it('end with a logout everywhere, if there is a store', async () => {
    const store = new Map<string, string>();
    const { authenticator, ask, signOn } = await site({ sessions: { keys: [KEY], store } });
    const cookie = cookieOf(await signOn());
    expect(await ask({ cookie })).toMatchObject({ via: 'session' });
    await authenticator.logout({ cookie, host: 'www.example.test', secure: true });
    expect(store.size).toBe(0);
    expect(await ask({ cookie })).toMatchObject({ outcome: 'challenged' });
  });

  it('end with the ticket', async () => {
    const { ask, signOn, wait } = await site();
    const first = await signOn();
    if (first.outcome !== 'authenticated') throw new Error(first.outcome);
    wait(Date.parse(first.identity.expiresAt) - NOW - 1);
    expect(await ask({ cookie: cookieOf(first) })).toMatchObject({ via: 'session' });
    wait(1);
    expect(await ask({ cookie: cookieOf(first) })).toMatchObject({ outcome: 'challenged' });
  });

  it.each([
    ['named', 'HTTP@app.example.test'],
    ['of its keytab', undefined],
  ])('of one service are none of another, %s, whatever the request claims', async (_, name) => {
    const www = await site();
    const cookie = cookieOf(await www.signOn());
    const app = await site({}, 'HTTP/app.example.test@EXAMPLE.TEST', { service: name });
    expect(await app.ask({ cookie })).toMatchObject({ outcome: 'challenged' });
    const other = await site({}, WWW, { service: 'HTTP@www.example.test' });
    expect(await other.ask({ cookie })).toMatchObject({ via: 'session' });
  });

  it('come and go over TLS only', async () => {
    const { ask, signOn } = await site({ sessions: { keys: [KEY], onWarning: () => {} } });
    const cookie = cookieOf(await signOn());
    expect(await ask({ cookie, secure: false })).toMatchObject({ outcome: 'challenged' });
    const inClear = await signOn({ secure: false });
    expect(inClear).toMatchObject({ outcome: 'authenticated', via: 'ticket' });
    expect(inClear.headers.map(([name]) => name)).not.toContain('Set-Cookie');
  });

  it('that do not fit leave the client to its ticket', async () => {
    const messages: string[] = [];
    const onWarning = ({ message }: { message: string }) => messages.push(message);
    const { signOn } = await site({ sessions: { keys: [KEY], onWarning } }, WWW, {
      client: `alice/${'x'.repeat(2000)}@EXAMPLE.TEST`,
    });
    const result = await signOn();
    expect(result).toMatchObject({ outcome: 'authenticated', via: 'ticket' });
    expect(result.headers.map(([name]) => name)).not.toContain('Set-Cookie');
    expect(messages).toEqual([expect.stringMatching(/^No session for alice\/x+@/)]);
  });
});
