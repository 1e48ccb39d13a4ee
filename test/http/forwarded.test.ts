import { describe, expect, it } from 'vitest';
import type { TrustProxy } from '../../src/http/forwarded.ts';
import { clientReader, TRUST_PROXY } from '../../src/http/forwarded.ts';
import { parseHostAddress } from '../../src/messages/host-address.ts';

const PROXY = '10.0.0.9';

/** What is told of a request over TLS from the proxy's address. */
function clientOf(
  headers: Readonly<Record<string, string>>,
  trustProxy?: TrustProxy,
  direct = { secure: true, peerAddress: PROXY as string | undefined },
) {
  return clientReader(trustProxy)(direct, (name) => headers[name]);
}

function address(text: string) {
  return { peerAddress: parseHostAddress(text) };
}

describe('a direct request', () => {
  it('is identified by its connection, whatever is trusted', () => {
    for (const trust of [undefined, false, true, [PROXY]]) {
      expect(clientOf({ host: 'www.example.test' }, trust)).toEqual({
        secure: true,
        ...address(PROXY),
      });
    }
  });

  it('may have no address, and nothing that is known about TLS', () => {
    expect(clientReader()({}, () => null)).toEqual({});
    expect(clientReader()({ secure: false, peerAddress: '/run/socket' }, () => null)).toEqual({
      secure: false,
    });
  });
});

describe('a request with the header of a proxy', () => {
  const HEADERS = ['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

  it.each([...HEADERS, 'x-real-ip'])('does not count as direct by default: %s', (name) => {
    // Neither the address nor the TLS of the connection are the client's.
    for (const value of ['192.0.2.7', 'https', '']) {
      expect(clientOf({ [name]: value })).toEqual({ proxyHeader: name });
    }
  });

  const FORWARDED = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };

  it.each<[string, TrustProxy]>([
    ['every proxy', true],
    ['its address', [PROXY]],
    ['its network', ['192.168.0.0/16', '10.0.0.0/8']],
    ['a network of any length', ['10.0.0.8/31']],
  ])('is believed where %s is trusted', (_, trust) => {
    const client = { proxyHeader: 'x-forwarded-for', secure: true, ...address('192.0.2.7') };
    expect(clientOf(FORWARDED, trust)).toEqual(client);
  });

  it.each<[string, TrustProxy, string | undefined]>([
    ['another address', ['10.0.0.8'], PROXY],
    ['another network', ['10.0.0.10/31', '11.0.0.0/8'], PROXY],
    ['a network of the other family', ['::/0'], PROXY],
    ['an address, if the connection has none', [PROXY], undefined],
    ['an address, if the connection is of a Unix socket', ['0.0.0.0/0', '::/0'], '/run/socket'],
  ])('is not believed where %s is trusted', (_, trust, peerAddress) => {
    const told = clientOf(FORWARDED, trust, { secure: true, peerAddress });
    expect(told).toEqual({ proxyHeader: 'x-forwarded-for' });
  });

  it('has the address that the first proxy that is not trusted wrote', () => {
    const of = (list: string, trust: TrustProxy) =>
      clientOf({ 'x-forwarded-for': list }, trust).peerAddress;
    const trusted = [PROXY, '10.0.0.8'];
    expect(of('6.6.6.6, 192.0.2.7, 10.0.0.8', trusted)).toEqual(parseHostAddress('192.0.2.7'));
    expect(of('6.6.6.6, 192.0.2.7', true)).toEqual(parseHostAddress('192.0.2.7'));
    expect(of('6.6.6.6, 10.0.0.8', true)).toEqual(parseHostAddress('10.0.0.8'));
    // What stands before garbage is of nobody that is trusted.
    expect(of('6.6.6.6, unknown, 10.0.0.8', trusted)).toBeUndefined();
    expect(of('10.0.0.8', trusted)).toBeUndefined();
    expect(of('', trusted)).toBeUndefined();
  });

  it.each([
    ['192.0.2.7:4711', '192.0.2.7'],
    ['[2001:db8::7]:4711', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
  ])('may have its address as %s', (hop, text) => {
    expect(clientOf({ 'x-forwarded-for': hop }, true).peerAddress).toEqual(parseHostAddress(text));
  });

  it.each([
    ['https', true],
    ['HTTPS', true],
    ['http', false],
    ['https, http', false],
    ['http, https', true],
    ['httpss', false],
    ['', false],
    [' ', false],
  ])(
    'came over TLS to the proxy that is trusted, if the last word says so: %j',
    (proto, secure) => {
      expect(clientOf({ 'x-forwarded-proto': proto }, true).secure).toBe(secure);
    },
  );

  it('is not known to have come over TLS, where a trusted proxy does not say', () => {
    // The connection has TLS, but that is the proxy's.
    expect(clientOf({ 'x-forwarded-for': '192.0.2.7' }, true).secure).toBeUndefined();
  });

  it('may be long', () => {
    const list = `${'1.1.1.1,'.repeat(100_000)}192.0.2.7`;
    expect(clientOf({ 'x-forwarded-for': list }, true)).toMatchObject(address('192.0.2.7'));
    expect(clientOf({ 'x-forwarded-for': '1'.repeat(100_000) }, true).peerAddress).toBeUndefined();
  });
});

describe('the option', () => {
  it('has only addresses and networks in its list', () => {
    for (const good of [true, false, ['::1'], ['10.0.0.0/8', '2001:db8::/32']]) {
      expect(() => TRUST_PROXY.check(good, 'trustProxy')).not.toThrow();
    }
    for (const slip of [
      [],
      ['localhost'],
      ['10.0.0.0/33'],
      ['10.0.0.0/'],
      ['10.0.0.0/8/8'],
      ['2001:db8::/129'],
      ['loopback'],
      [undefined],
      'loopback',
      1,
      'true',
    ]) {
      expect(() => TRUST_PROXY.check(slip, 'trustProxy')).toThrow('trustProxy: expected');
    }
  });
});
