/**
 * Channel bindings in runtimes other than Node. The sockets here have the shape that was seen on a
 * server of node:https in Bun 1.4.5 (a plain Socket with `encrypted: true`) and in Deno 2.9.6 (a
 * TLSSocket without exportKeyingMaterial), 2026-11-28.
 */

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import { fromHex } from '../../src/bytes.ts';
import { encodeBase64 } from '../../src/http/base64.ts';
import type { AcceptorOptions, ChannelBindings, GssError } from '../../src/index.ts';
import { tlsServerEndPoint } from '../../src/index.ts';
import type { HttpAuthenticatorOptions, HttpRequest, HttpResponse } from '../../src/node/http.ts';
import { httpAuthenticator } from '../../src/node/http.ts';
import { channelBindingsOf } from '../../src/node/tls-bindings.ts';
import { makeParties } from '../support/realm-kit.ts';
import { loadVectors } from '../support/vectors.ts';

const { certificate, other } = tls;
const { vectors } = loadVectors<{ signature: string; certificate: string }>(
  'tls/server-end-point.json',
);
const signedWith = (signature: string) =>
  fromHex(vectors.find((vector) => vector.signature === signature)!.certificate);

const DER = new X509Certificate(certificate).raw;
const OURS = tlsServerEndPoint(DER)!;
const RELAYED: ChannelBindings = { applicationData: new Uint8Array(53) };

const TCP = { destroyed: false, server: {}, encrypted: false, once() {} };
const BUN = { ...TCP, encrypted: true };
const DENO = {
  ...BUN,
  getX509Certificate: () => ({ raw: DER }),
  getProtocol: () => 'TLSv1.3',
  isSessionReused: () => false,
};
const withCertificate = (raw: Uint8Array | undefined) => ({
  ...DENO,
  getX509Certificate: () => raw && { raw },
});
const exporting = (protocol: string) => ({
  ...DENO,
  getProtocol: () => protocol,
  exportKeyingMaterial: () => new Uint8Array(32).fill(7),
});

function asSocket(shape: object): Socket {
  return shape as Socket;
}

/** What a server says to requests that come over such a socket, one for each of the bindings. */
async function serve(
  shape: object,
  policy: NonNullable<AcceptorOptions['channelBindingPolicy']>,
  sent: readonly (ChannelBindings | undefined)[],
  options: Partial<HttpAuthenticatorOptions> = {},
) {
  const { acceptor, ticket } = await makeParties({ acceptor: { channelBindingPolicy: policy } });
  const failures: GssError[] = [];
  const warnings: string[] = [];
  const authenticate = httpAuthenticator({
    acceptor,
    onFailure: (error) => failures.push(error),
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  const ask = async (authorization?: string) => {
    const request = { socket: shape, httpVersionMajor: 1, headers: { authorization } };
    const response = { statusCode: 200, setHeader() {}, end() {} };
    const server = { ...(shape as typeof BUN).server, maxHeaderSize: 81_920 };
    const socket = { ...shape, server };
    const context = await authenticate(
      { ...request, socket } as unknown as HttpRequest,
      response as unknown as HttpResponse,
    );
    context?.dispose();
    return response.statusCode;
  };
  const challenged = await ask();
  const statuses: number[] = [];
  for (const channelBindings of sent) {
    const { initiator } = await makeParties({
      initiator: { ticket, ...(channelBindings && { channelBindings }) },
    });
    statuses.push(await ask(`Negotiate ${encodeBase64(initiator.begin())}`));
  }
  return { challenged, statuses, failures, warnings };
}

describe('a TLS connection whose bindings are unavailable', () => {
  const unbound: readonly (readonly [string, object, RegExp])[] = [
    ['Bun', BUN, /this runtime does not give a server the certificate/],
    ['no certificate', withCertificate(undefined), /the connection has no certificate/],
    ['Ed25519', withCertificate(signedWith('ed25519')), /signed with Ed25519, .*RFC 5929/],
    ['Ed448', withCertificate(signedWith('ed448')), /signed with Ed448, .*RFC 5929/],
    [
      'two hash functions',
      withCertificate(signedWith('pss-sha512-mgf1-sha256')),
      /signed with RSASSA-PSS, which has more than one hash function/,
    ],
    [
      'a session that was resumed',
      { ...withCertificate(signedWith('ed25519')), isSessionReused: () => true },
      /signed with Ed25519/,
    ],
  ];

  it.each(unbound)('is reported once: %s', async (_, shape, reason) => {
    const { statuses, warnings } = await serve(shape, 'when-supported', [undefined, OURS]);
    expect(statuses).toEqual([200, 200]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(warnings[0]).toMatch(/^requests over TLS are not bound to their connections: /);
  });

  it.each(unbound)(
    'is refused with the reason where bindings are required: %s',
    async (...args) => {
      const [, shape, reason] = args;
      const { challenged, statuses, failures } = await serve(shape, 'required', [OURS, undefined]);
      expect(challenged).toBe(401);
      expect(statuses).toEqual([401, 401]);
      expect(failures.map(({ code }) => code)).toEqual([
        'GSS_S_BAD_BINDINGS',
        'GSS_S_BAD_BINDINGS',
      ]);
      for (const { hint } of failures) {
        expect(hint).toMatch(/^channel bindings are required, and /);
        expect(hint).toMatch(reason);
      }
    },
  );

  it('differs from a connection without TLS', async () => {
    const { statuses, warnings } = await serve(TCP, 'when-supported', [undefined, OURS]);
    expect(statuses).toEqual([200, 200]);
    expect(warnings).toEqual([]);
    expect(channelBindingsOf(asSocket(TCP))).toBeUndefined();
  });

  it('advises to set none if that is intended', async () => {
    const options = { channelBindings: 'none' } as const;
    const { statuses, warnings } = await serve(BUN, 'when-supported', [RELAYED], options);
    expect(statuses).toEqual([200]);
    expect(warnings).toEqual([]);
  });
});

describe('bindings by the methods of the socket, not by its class', () => {
  it('are those of the certificate', async () => {
    const sent = [OURS, RELAYED, undefined];
    const { statuses, warnings } = await serve(DENO, 'required', sent);
    expect(statuses).toEqual([200, 401, 401]);
    expect(warnings).toEqual([]);
    expect(channelBindingsOf(asSocket(DENO))).toEqual(OURS);
    expect(channelBindingsOf(asSocket({ ...DENO, destroyed: true }))).toBeUndefined();
  });

  it.each([
    ['PEM', certificate],
    ['a chain in PEM', `${certificate}${other.certificate}`],
    ['PEM as bytes', Buffer.from(certificate)],
    ['DER', new Uint8Array(DER)],
    ['one of two', [other.certificate, certificate]],
  ])('are those of the certificate that the caller gives: %s', async (_, given) => {
    const options = { certificate: given };
    for (const shape of [BUN, TCP, DENO]) {
      const sent = [OURS, RELAYED, undefined];
      const { statuses, warnings } = await serve(shape, 'required', sent, options);
      expect(statuses).toEqual([200, 401, 401]);
      expect(warnings).toEqual([]);
    }
  });

  it('need a certificate with bindings, and the right option', async () => {
    const { acceptor } = await makeParties();
    const make = (options: object) => () => httpAuthenticator({ acceptor, ...options });
    expect(make({ certificate: signedWith('ed25519') })).toThrow(RangeError);
    expect(make({ certificate: signedWith('ed25519') })).toThrow(/certificate: .*Ed25519/);
    expect(make({ certificate: 7 })).toThrow(
      /certificate: expected the contents of .*, and not its name, got number/,
    );
    expect(make({ certificate: [] })).toThrow(/certificate: expected at least one/);
    for (const channelBindings of ['none', 'tls-exporter', () => OURS]) {
      expect(make({ certificate, channelBindings })).toThrow(/with tls-server-end-point only/);
    }
    expect(make({ certificate: 'no certificate' })).toThrow(/^certificate: /);
  });
});

describe('tls-exporter', () => {
  const options = { channelBindings: 'tls-exporter' } as const;

  it.each(['when-supported', 'required'] as const)(
    'is a refusal where the runtime has none (%s)',
    async (policy) => {
      for (const shape of [DENO, BUN]) {
        const { challenged, statuses, failures } = await serve(shape, policy, [OURS, undefined], {
          ...options,
        });
        expect(challenged).toBe(401);
        expect(statuses).toEqual([503, 503]);
        expect(failures.map(({ code }) => code)).toEqual([
          'GSS_S_UNAVAILABLE',
          'GSS_S_UNAVAILABLE',
        ]);
        expect(failures[0]?.message).toMatch(/does not export keying material/);
        expect(failures[0]?.hint).toMatch(/tls-server-end-point/);
      }
    },
  );

  it('names the TLS version without them', async () => {
    const tls12 = exporting('TLSv1.2');
    expect(channelBindingsOf(asSocket(tls12), 'tls-exporter')).toBeUndefined();
    const { failures } = await serve(tls12, 'required', [OURS], options);
    expect(failures[0]?.hint).toMatch(/tls-exporter needs TLS 1.3, and .* TLSv1.2/);
    const { statuses, warnings } = await serve(tls12, 'when-supported', [undefined], options);
    expect(statuses).toEqual([200]);
    expect(warnings).toHaveLength(1);
  });

  it('is a typed error of channelBindingsOf where the runtime has none', () => {
    for (const [shape, type] of [
      [DENO, 'tls-exporter'],
      [BUN, 'tls-exporter'],
      [BUN, 'tls-server-end-point'],
    ] as const) {
      expect(() => channelBindingsOf(asSocket(shape), type)).toThrow(
        expect.objectContaining({ name: 'GssError', code: 'GSS_S_UNAVAILABLE' }),
      );
    }
    expect(channelBindingsOf(asSocket(exporting('TLSv1.3')), 'tls-exporter')).toBeDefined();
  });
});
