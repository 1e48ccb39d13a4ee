/** What refuses a client in practice, each made for real: the reason, its facts, and a remedy that helps. */
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { ReasonedError } from '../../src/errors.ts';
import type { Reason } from '../../src/explain/reasons.ts';
import { frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import { negotiate } from '../../src/http/negotiate.ts';
import {
  ContextFlag,
  contextNotes,
  displayStatus,
  Enctype,
  explain,
  formatKeytab,
  Mechanism,
  parseKerberosConfig,
  parseKeytab,
  TicketFlag,
} from '../../src/index.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { readErrorToken } from '../../src/testing/index.ts';
import type { ExchangeOptions, KeySpec } from '../support/realm-kit.ts';
import { establish, makeKeytab, makeParties, NOW, NOW_SECONDS } from '../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';
const NTLM = encodeUtf8('NTLMSSP\0\x01\0\0\0');
const { ntlmssp, negoex, krb5, iakerb } = Mechanism;
const HOUR = 3600;

interface Cause {
  readonly name: string;
  readonly made: () => Promise<ReasonedError>;
  readonly reason: Reason;
  readonly detail?: object;
  readonly text: RegExp;
  readonly remedy: RegExp;
}

/** The error of a client whose ticket is for one key, at an acceptor that has others. */
function keys(
  ticket: KeySpec,
  keytab: KeySpec | readonly KeySpec[],
  options: ExchangeOptions = {},
) {
  const issuing = makeKeytab({ principal: WWW, ...ticket });
  const specs = Array.isArray(keytab) ? keytab : [keytab];
  return refused({
    keytab: makeKeytab(...specs.map((spec: KeySpec) => ({ principal: WWW, ...spec }))),
    ...options,
    ticket: { keytab: issuing, ...options.ticket },
  });
}

async function refused(options: ExchangeOptions = {}): Promise<ReasonedError> {
  const { initiator, begin } = await makeParties(options);
  return errorOf(await begin().accept(initiator.begin()));
}

/** The error of a token that is made of the client's own. */
async function sent(
  change: (token: Uint8Array) => Uint8Array,
  options?: ExchangeOptions,
): Promise<ReasonedError> {
  const { initiator, begin } = await makeParties(options);
  return errorOf(await begin().accept(change(initiator.begin())));
}

function errorOf(result: { readonly status: unknown; readonly error?: unknown }): ReasonedError {
  if (result.error === undefined) throw new Error(`not refused: ${result.status}`);
  return result.error as ReasonedError;
}

/** The error of a request over HTTP. */
async function over(authorization: string): Promise<ReasonedError> {
  const { acceptor } = await makeParties();
  return errorOf(await negotiate(acceptor, authorization));
}

/** Why a client that goes away now has probably done so. */
async function abandoned(token: Uint8Array | undefined, options: ExchangeOptions = {}) {
  const { initiator, begin } = await makeParties(options);
  const handshake = begin();
  const { status } = await handshake.accept(token ?? initiator.begin());
  expect(status).toBe('continue');
  return handshake.abandonment!;
}

/** The clocks of client, KDC and acceptor, in seconds from now. */
function clocks(client: number, kdc: number, own: number, life = 10 * HOUR): ExchangeOptions {
  const start = NOW_SECONDS + kdc;
  return {
    ticket: { authTime: start, startTime: start, endTime: start + life },
    initiator: { clock: () => NOW + client * 1000 },
    acceptor: { clock: () => NOW + own * 1000 },
  };
}

/** Flips a bit of the ticket (from its end), or of the authenticator. */
function flip(fromEnd: number): (token: Uint8Array) => Uint8Array {
  return (token) => {
    const altered = token.slice();
    altered[altered.length - fromEnd]! ^= 1;
    return altered;
  };
}

async function used(options: ExchangeOptions): Promise<ReasonedError> {
  const { initiator, begin } = await makeParties(options);
  const token = initiator.begin();
  expect((await begin().accept(token)).status).toBe('complete');
  return errorOf(await begin().accept(token));
}

/** A ticket that is altered after its key has opened another one. */
async function afterAnother(): Promise<ReasonedError> {
  const { initiator, begin } = await makeParties();
  const token = initiator.begin();
  expect((await begin().accept(token)).status).toBe('complete');
  const altered = token.slice();
  altered[200]! ^= 1;
  return errorOf(await begin().accept(altered));
}

const cache = (checkAndStore: () => never): ExchangeOptions => ({
  acceptor: { replayCache: { checkAndStore } },
});
const RC4 = withLegacyEnctypes(undefined, [Enctype.rc4Hmac]);
const at = (address: readonly number[]) => ({ type: 2, address: Uint8Array.from(address) });
const krbError = encodeKrbError({
  stime: NOW_SECONDS,
  susec: 0,
  errorCode: 41,
  realm: 'EXAMPLE.TEST',
  serverName: { nameType: 2, components: ['HTTP', 'www'] },
});
const other = { type: 0, data: Uint8Array.of(9) };

const CAUSES: readonly Cause[] = [
  {
    name: '1 NTLM',
    made: () => sent(() => NTLM),
    reason: 'negotiate.ntlm',
    text: /NTLM/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '2 NTLM first',
    made: () => abandoned(encodeNegTokenInit({ mechTypes: [ntlmssp, krb5] })),
    reason: 'negotiate.ntlm',
    detail: { preferred: true },
    text: /preferred NTLM to Kerberos/,
    remedy: /klist/,
  },
  {
    name: '3 NegoEx first',
    made: () => abandoned(encodeNegTokenInit({ mechTypes: [negoex, krb5] })),
    reason: 'negotiate.negoex',
    text: /preferred NegoEx/,
    remedy: /SPN/,
  },
  {
    name: '1c asked for a token, and left',
    made: () => abandoned(encodeNegTokenInit({ mechTypes: [krb5] })),
    reason: 'negotiate.abandoned',
    text: /^the client was asked for a token and did not send it: it has no ticket for this service, or does not try \(a browser that does not trust the site, curl without --negotiate, a health check\)$/,
    remedy:
      /^see with klist at the client whether it has a ticket for this service: a client without one gives up here/,
  },
  {
    name: '1d another mechanism first, and left',
    made: () => abandoned(encodeNegTokenInit({ mechTypes: ['1.2.3.4', krb5] })),
    reason: 'negotiate.abandoned',
    detail: { names: ['1.2.3.4'], preferred: true },
    text: /^the client preferred 1\.2\.3\.4 to Kerberos, which it offers too, and was asked for Kerberos$/,
    remedy: /^see with klist at the client/,
  },
  {
    name: '3 NegoEx and NTLM',
    made: () =>
      sent(() =>
        encodeNegTokenInit({ mechTypes: [negoex, ntlmssp], mechToken: encodeUtf8('NEGOEXTS\0\0') }),
      ),
    reason: 'negotiate.ntlm',
    detail: { names: ['NegoEx', 'NTLM'] },
    text: /offers NegoEx, NTLM/,
    remedy: /SPN/,
  },
  {
    name: '4 NTLM only',
    made: () => sent(() => encodeNegTokenInit({ mechTypes: [ntlmssp] })),
    reason: 'negotiate.ntlm',
    detail: { names: ['NTLM'] },
    text: /offers NTLM and no Kerberos/,
    remedy: /SPN/,
  },
  {
    name: '5 Basic',
    made: () => over('Basic YTpi'),
    reason: 'http.other-scheme',
    detail: { scheme: 'Basic' },
    text: /Basic/,
    remedy: /--negotiate/,
  },
  {
    name: '7 base64url',
    made: () => over('Negotiate YII-_w=='),
    reason: 'token.not-base64',
    detail: { length: 8 },
    text: /not base64 \(8 characters\): .*character/,
    remedy: /base64/,
  },
  {
    name: '7 base64 of base64',
    made: () => sent((token) => encodeUtf8(Buffer.from(token).toString('base64'))),
    reason: 'token.no-gss-header',
    detail: { looksLike: 'base64' },
    text: /base64 text/,
    remedy: /decode the base64 once/,
  },
  {
    name: '7 hexadecimal',
    made: () => sent((token) => encodeUtf8(Buffer.from(token).toString('hex'))),
    reason: 'token.no-gss-header',
    detail: { looksLike: 'hexadecimal' },
    text: /hexadecimal/,
    remedy: /into bytes/,
  },
  {
    name: '7 mangled UTF-8',
    made: () => sent((token) => encodeUtf8(Buffer.from(token).toString('utf8'))),
    reason: 'token.no-gss-header',
    detail: { looksLike: 'mangled text' },
    text: /ef bf bd/,
    remedy: /never as a string/,
  },
  {
    name: '8 bare AP-REQ',
    made: () => sent((token) => unframeToken(token).inner.subarray(2)),
    reason: 'token.bare-ap-req',
    text: /bare AP-REQ/,
    remedy: /gss_init_sec_context/,
  },
  {
    name: '9 KRB-ERROR',
    made: () => sent(() => frameToken(krb5, TokenId.krbError, krbError)),
    reason: 'token.krb-error',
    detail: { errorCode: 41, errorName: 'KRB_AP_ERR_MODIFIED' },
    text: /KRB-ERROR 41 \(KRB_AP_ERR_MODIFIED\)/,
    remedy: /log of the peer/,
  },
  {
    name: '9 AP-REP',
    made: () => sent(() => frameToken(krb5, TokenId.apRep, krbError)),
    reason: 'token.ap-rep',
    text: /roles are exchanged/,
    remedy: /one side initiate/,
  },
  {
    name: '10 TGT',
    made: () => keys({ principal: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST', seed: 8 }, {}),
    reason: 'spn.ticket-granting',
    text: /ticket-granting ticket .* instead of/,
    remedy: /^have the client ask the KDC for a ticket for HTTP\/www.*|never put the key of krbtgt/,
  },
  {
    name: '11 alias',
    made: () => keys({ principal: 'HTTP/alias.example.test@EXAMPLE.TEST', seed: 8 }, {}),
    reason: 'spn.other-host',
    detail: { near: WWW },
    text: /alias \(CNAME\)/,
    remedy: /use the name www\.example\.test/,
  },
  {
    name: '11 short name',
    made: () => keys({ principal: 'HTTP/www@EXAMPLE.TEST', seed: 8 }, {}),
    reason: 'spn.short-name',
    text: /short one/,
    remedy: /www\.example\.test/,
  },
  {
    name: '11 explicit principal',
    made: () =>
      keys({ principal: 'HTTP/alias.example.test@EXAMPLE.TEST', seed: 8 }, {}, { service: WWW }),
    reason: 'spn.other-host',
    detail: { explicit: true },
    text: /alias/,
    remedy: /SPN for the alias/,
  },
  {
    name: '12 other service',
    made: () => keys({ seed: 8 }, { principal: 'host/www.example.test@EXAMPLE.TEST' }),
    reason: 'spn.other-service',
    text: /another service on the same host/,
    remedy: /setspn -S HTTP\/www\.example\.test/,
  },
  {
    name: '13, 37 another key after success',
    made: afterAnother,
    reason: 'ticket.altered',
    text: /has opened other tickets/,
    remedy: /setspn -X/,
  },
  {
    name: '14 case of the realm',
    made: () => keys({ seed: 8 }, { principal: 'HTTP/www.example.test@example.test' }),
    reason: 'spn.realm-case',
    text: /the keytab's realm is wrong/,
    remedy: /again with the realm EXAMPLE\.TEST/,
  },
  {
    name: '15 other realm',
    made: () => keys({ principal: 'HTTP/www.example.test@OTHER.TEST', seed: 8 }, {}),
    reason: 'spn.other-realm',
    text: /another realm/,
    remedy: /domain_realm.*www\.example\.test = EXAMPLE\.TEST/,
  },
  {
    name: '16 stale keytab',
    made: () => keys({ kvno: 5, seed: 8 }, { kvno: 4 }),
    reason: 'key.stale-keytab',
    detail: { kvno: 5, keytabKvnos: ['4'], keyDate: '2026-05-31T12:00:00Z' },
    text: /kvno 4 \(written 2026-05-31/,
    remedy: /export the keytab again/,
  },
  {
    name: '17 stale ticket',
    made: () => keys({ kvno: 3, seed: 8 }, { kvno: 4 }),
    reason: 'key.stale-ticket',
    text: /before the last change/,
    remedy: /klist purge/,
  },
  {
    name: '18 kvno 0',
    made: () => keys({ kvno: 5, seed: 8 }, { kvno: 0 }),
    reason: 'key.wrong-any-kvno',
    text: /kvno 0, which stands for any.*since 2026-05-31/,
    remedy:
      /ktpass \/kvno 5 -SetPass with the password that the account has \(without -SetPass ktpass sets it anew, which makes another kvno\), or ktutil addent -k 5/,
  },
  {
    name: '19 kvno of 8 bits',
    made: () => keys({ kvno: 260, seed: 8 }, { kvno: 4 }),
    reason: 'key.wrapped-kvno',
    text: /8 bits writes 260/,
    remedy: /kvno 260/,
  },
  {
    name: '19 explicit principal',
    made: () => keys({ kvno: 260 }, { kvno: 260 }, { service: WWW, ticket: { kvno: 4 } }),
    reason: 'key.wrapped-kvno',
    detail: { explicit: true },
    text: /low 8 bits/,
    remedy: /HTTP@www\.example\.test/,
  },
  {
    name: '20 enctype missing',
    made: () => keys({ seed: 8 }, { enctype: 17 }),
    reason: 'key.enctype-missing',
    text: /uses aes256.*the keytab has aes128/,
    remedy: /msDS-SupportedEncryptionTypes/,
  },
  {
    name: '20 explicit principal',
    made: () => keys({ seed: 8 }, { enctype: 17 }, { service: WWW }),
    reason: 'key.enctype-missing',
    text: /uses aes256.*the keytab has aes128/,
    remedy: /export a key/,
  },
  {
    name: '21 RC4 is off',
    made: () => keys({ enctype: 23, seed: 8, crypto: RC4 }, { enctype: 18 }),
    reason: 'key.enctype-missing',
    text: /arcfour-hmac/,
    remedy: /RC4/,
  },
  {
    name: '22 permitted enctypes',
    made: () => refused({ acceptor: { permittedEnctypes: [20] } }),
    reason: 'enctype.not-permitted',
    detail: {
      enctype: 'aes256-cts-hmac-sha1-96',
      of: 'ticket',
      permitted: ['aes256-cts-hmac-sha384-192'],
    },
    text: /not permitted here/,
    remedy: /permitted_enctypes.*permittedEnctypes/,
  },
  {
    name: '23, 24 wrong key',
    made: () => keys({ seed: 8 }, {}),
    reason: 'key.wrong',
    detail: { keyDate: '2026-05-31T12:00:00Z' },
    text: /no ticket yet: either.*two accounts/,
    remedy: /setspn -X/,
  },
  {
    name: '25 client behind',
    made: () => refused(clocks(-HOUR, -60, 0)),
    reason: 'clock.client-behind',
    detail: { offset: -3600, looksLike: 'daylight-saving' },
    text: /client's clock is 3600 s .*behind/,
    remedy: /client's clock.*NTP/,
  },
  {
    name: '25 client ahead',
    made: () => refused(clocks(600, -60, 0)),
    reason: 'clock.client-ahead',
    detail: { offset: 600 },
    text: /600 s ahead of/,
    remedy: /w32tm/,
  },
  {
    name: '25 server ahead of the end',
    made: () => refused(clocks(0, -60, 11 * HOUR)),
    reason: 'clock.server-ahead',
    detail: { offset: -39600, looksLike: 'time-zone' },
    text: /this machine's clock is 39600 s \(11 h\) ahead.*valid from.*until/,
    remedy: /^set this machine's clock/,
  },
  {
    name: '25 server ahead',
    made: () => refused(clocks(0, -60, 2 * HOUR)),
    reason: 'clock.server-ahead',
    text: /time zone/,
    remedy: /timedatectl/,
  },
  {
    name: '25 server behind',
    made: () => refused(clocks(0, -60, -2 * HOUR)),
    reason: 'clock.server-behind',
    text: /behind those of client and KDC/,
    remedy: /^set this machine's clock/,
  },
  {
    name: '26 expired',
    made: () => refused({ ticket: { authTime: NOW_SECONDS - 11 * HOUR } }),
    reason: 'ticket.expired',
    text: /ended 3600 s .*ago/,
    remedy: /kinit/,
  },
  {
    name: '27 not yet valid',
    made: () => refused({ ticket: { startTime: NOW_SECONDS + 600 } }),
    reason: 'ticket.not-yet-valid',
    text: /^the ticket starts in 600 s, at 2026-06-01T12:10:00Z; it is 2026-06-01T12:00:00Z now, and the client's clock agrees: the KDC's clock is ahead, or those of client and this machine are behind$/,
    remedy:
      /^compare this machine's clock with the KDC's \(gss-server -check\), and keep both right with NTP/,
  },
  {
    name: '27 postdated',
    made: () => refused({ ticket: { startTime: NOW_SECONDS + 7200, flags: TicketFlag.postdated } }),
    reason: 'ticket.postdated',
    text: /postdated \(kinit -s\)/,
    remedy: /kinit -v/,
  },
  {
    name: '28 INVALID',
    made: () => refused({ ticket: { flags: TicketFlag.invalid } }),
    reason: 'ticket.invalid-flag',
    text: /INVALID/,
    remedy: /kinit -v/,
  },
  {
    name: '29 replay',
    made: () => used({}),
    reason: 'replay.repeated',
    detail: { client: 'alice@EXAMPLE.TEST', age: 0 },
    text: /came twice.*0 s ago/,
    remedy: /proxy_next_upstream/,
  },
  {
    name: '29 replay from the same address',
    made: () => used({ handshake: { peerAddress: at([192, 0, 2, 7]) } }),
    reason: 'replay.repeated',
    detail: { samePeer: true },
    text: /from the same address as the first one/,
    remedy: /proxy_next_upstream/,
  },
  {
    name: '29 replay from elsewhere',
    made: async () => {
      const { initiator, acceptor } = await makeParties();
      const token = initiator.begin();
      await acceptor.begin({ peerAddress: at([192, 0, 2, 7]) }).accept(token);
      return errorOf(await acceptor.begin({ peerAddress: at([192, 0, 2, 8]) }).accept(token));
    },
    reason: 'replay.repeated',
    detail: { samePeer: false },
    text: /the first one came from another address/,
    remedy: /somebody has recorded the first request/,
  },
  {
    name: '30 address',
    made: () =>
      refused({
        ticket: { addresses: [at([10, 0, 0, 5])] },
        acceptor: { checkAddresses: true },
        handshake: { peerAddress: at([192, 0, 2, 7]) },
      }),
    reason: 'ticket.addresses',
    detail: { peerAddress: '192.0.2.7', ticketAddresses: ['10.0.0.5'] },
    text: /10\.0\.0\.5.*192\.0\.2\.7/,
    remedy: /kinit -A/,
  },
  {
    name: '30 no address',
    made: () =>
      refused({ ticket: { addresses: [at([10, 0, 0, 5])] }, acceptor: { checkAddresses: true } }),
    reason: 'ticket.no-peer-address',
    text: /no peerAddress was given/,
    remedy: /peerAddress/,
  },
  {
    name: '31 transited',
    made: () =>
      refused({
        ticket: {
          client: 'eve@OTHER.TEST',
          transited: { type: 1, contents: encodeUtf8('MIDDLE.TEST') },
        },
      }),
    reason: 'realm.transited',
    detail: { transited: ['MIDDLE.TEST'] },
    text: /MIDDLE\.TEST/,
    remedy: /\[capaths\] OTHER\.TEST = \{ EXAMPLE\.TEST = MIDDLE\.TEST \}/,
  },
  {
    name: '32 no bindings',
    made: () =>
      refused({
        acceptor: { channelBindingPolicy: 'required' },
        handshake: { channelBindings: { applicationData: encodeUtf8('x') } },
      }),
    reason: 'bindings.missing',
    text: /sent no channel bindings/,
    remedy: /'when-supported'/,
  },
  {
    name: '33 other bindings',
    made: () =>
      refused({
        initiator: { channelBindings: { applicationData: encodeUtf8('y') } },
        handshake: { channelBindings: { applicationData: encodeUtf8('x') } },
      }),
    reason: 'bindings.mismatch',
    text: /TLS proxy/,
    remedy: /tlsServerEndPoint\(certificate\)/,
  },
  {
    name: '33 none of ours',
    made: () => refused({ acceptor: { channelBindingPolicy: 'required' } }),
    reason: 'bindings.not-available',
    text: /given none/,
    remedy: /channelBindings:/,
  },
  {
    name: '34 no PAC',
    made: () => refused({ acceptor: { pacPolicy: 'required' } }),
    reason: 'pac.missing',
    text: /no PAC/,
    remedy: /NO_AUTH_DATA_REQUIRED/,
  },
  {
    name: '34 PAC signature',
    made: () =>
      refused({
        acceptor: { pacPolicy: 'required', kdcKey: makeKeytab({ seed: 9 }).entries[0]!.key },
        ticket: {
          client: { name: 'bob', groups: [512] },
          kdcKey: makeKeytab({ seed: 8 }).entries[0]!.key,
        } as never,
      }),
    reason: 'pac.signature',
    detail: { signature: 'KDC' },
    text: /KDC signature/,
    remedy: /krbtgt/,
  },
  {
    name: '36 truncated',
    made: () => sent((token) => token.subarray(0, 256)),
    reason: 'token.truncated',
    detail: { left: expect.any(Number) },
    text: /cut off on its way/,
    remedy: /large_client_header_buffers/,
  },
  {
    name: '37 altered authenticator',
    made: () => sent(flip(20)),
    reason: 'authenticator.altered',
    text: /its authenticator did not/,
    remedy: /changes tokens/,
  },
  {
    name: '38 no third leg',
    made: () =>
      abandoned(undefined, { initiator: { flags: ContextFlag.dceStyle | ContextFlag.mutual } }),
    reason: 'dce.third-leg-missing',
    text: /third leg/,
    remedy: /gss_init_sec_context/,
  },
  {
    name: '42 cache answers undefined',
    made: () => refused(cache(() => undefined as never)),
    reason: 'replay.cache-fault',
    detail: { answer: 'undefined' },
    text: /fault of the replay cache: checkAndStore.*got undefined/,
    remedy: /checkReplayCache/,
  },
  {
    name: '42 cache throws',
    made: () =>
      refused(
        cache(() => {
          throw new Error('connect ECONNREFUSED');
        }),
      ),
    reason: 'replay.cache-failed',
    detail: { problem: 'Error: connect ECONNREFUSED' },
    text: /ECONNREFUSED/,
    remedy: /engine behind the replay cache/,
  },
  {
    name: '42 cache hangs',
    made: () =>
      refused({
        acceptor: {
          replayCache: { checkAndStore: () => new Promise<boolean>(() => {}) },
          deadline: 5,
          timer: (fire) => {
            queueMicrotask(fire);
            return () => {};
          },
        },
      }),
    reason: 'replay.cache-silent',
    detail: { seconds: 5 },
    text: /did not answer for 5 s/,
    remedy: /engine or disk/,
  },
  {
    name: '44 user-to-user',
    made: () =>
      sent((token) => {
        const altered = token.slice();
        const options = altered.findIndex(
          (_, i) => altered[i] === 0xa2 && altered[i + 1] === 7 && altered[i + 2] === 3,
        );
        altered[options + 5]! |= 0x40;
        return altered;
      }),
    reason: 'ticket.user-to-user',
    text: /user without a key/,
    remedy: /setspn -S/,
  },
  {
    name: '45 IAKERB',
    made: () => sent((token) => frameToken(iakerb, 0x0501, token.subarray(20))),
    reason: 'iakerb.off',
    detail: { mechanism: 'IAKERB' },
    text: /IAKERB/,
    remedy: /reach of a KDC/,
  },
  {
    name: '45 IAKERB in SPNEGO',
    made: () => sent(() => encodeNegTokenInit({ mechTypes: [iakerb] })),
    reason: 'negotiate.iakerb-only',
    detail: { names: ['IAKERB'] },
    text: /IAKERB only/,
    remedy: /reach of a KDC/,
  },
  {
    name: 'critical authorization data',
    made: () => refused({ ticket: { authorizationData: [{ ...other, type: 999 }] } }),
    reason: 'authdata.critical',
    detail: { authorizationDataType: 999 },
    text: /type 999/,
    remedy: /AD-IF-RELEVANT/,
  },
  {
    name: 'anonymous',
    made: () =>
      refused({
        ticket: { client: 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS', flags: TicketFlag.anonymous },
      }),
    reason: 'ticket.anonymous',
    text: /anonymous/,
    remedy: /allowAnonymous/,
  },
  {
    name: 'required flags',
    made: () =>
      refused({ acceptor: { requiredFlags: ContextFlag.mutual }, initiator: { flags: 0 } }),
    reason: 'policy.flags',
    detail: { missing: ['mutual'] },
    text: /mutual/,
    remedy: /req_flags/,
  },
];

describe('the cause', () => {
  it.each(CAUSES)('$name is $reason', async ({ made, reason, detail, text, remedy }) => {
    const error = await made();
    expect(error.reason).toBe(reason);
    if (detail !== undefined) expect(error.detail).toMatchObject(detail);
    expect(error.text).toMatch(text);
    const seen = displayStatus(error);
    expect(seen.slice(2).filter((line) => remedy.test(line))).not.toEqual([]);
    const logged = JSON.parse(JSON.stringify(error)) as ReasonedError;
    expect(logged).toMatchObject({ reason, text: error.text, remedies: error.remedies });
    expect(logged.message).toBe(error.message);
  });
});

describe('a KRB-ERROR', () => {
  const channelBindings = { applicationData: encodeUtf8('x') };
  it.each<[string, ExchangeOptions, number, string | undefined]>([
    ['an enctype', { acceptor: { permittedEnctypes: [20] } }, 60, 'Encryption type not permitted'],
    ['a flag', { ticket: { flags: TicketFlag.invalid } }, 60, 'Ticket has invalid flag set'],
    [
      'bindings',
      { acceptor: { channelBindingPolicy: 'required' }, handshake: { channelBindings } },
      60,
      'Incorrect channel bindings were supplied',
    ],
    [
      'a fault of the service',
      cache(() => undefined as never),
      60,
      'The service cannot answer now',
    ],
    ['an expired ticket', { ticket: { authTime: NOW_SECONDS - 11 * HOUR } }, 32, undefined],
  ])(
    'about %s has fixed words only where it has no number',
    async (_, options, errorCode, text) => {
      const { initiator, begin } = await makeParties(options);
      const { outputToken } = await begin().accept(initiator.begin());
      const told = await readErrorToken(outputToken!);
      expect([told.errorCode, told.text]).toEqual([errorCode, text]);
    },
  );
});

describe('no delegated credential', () => {
  const { forwardable, okAsDelegate, initial } = TicketFlag;
  it.each([
    ['the ticket is not forwardable', initial, 'delegation.not-forwardable', /kinit -f/],
    ['the service is not trusted', forwardable, 'delegation.not-trusted', /ok_as_delegate/],
    [
      'the client does not ask',
      (forwardable | okAsDelegate) >>> 0,
      'delegation.not-requested',
      /--delegation/,
    ],
  ])('because %s', async (_, flags, reason, remedy) => {
    const { server } = await establish({ ticket: { flags } });
    const [note] = contextNotes(server);
    expect(note?.reason).toBe(reason);
    expect(note?.remedies.join()).toMatch(remedy);
  });
});

it('a PAC that is not shown has a note with the reason and what to do', async () => {
  const twice = { type: 1, data: new Uint8Array(3) };
  const { server } = await establish({ ticket: { pac: { buffers: [twice, twice] } } });
  expect(contextNotes(server).map(({ reason }) => reason)).toEqual([
    'delegation.not-forwardable',
    'pac.malformed',
  ]);
  const note = contextNotes(server)[1]!;
  expect(note.text).toMatch(/^the ticket's PAC is not shown: \S/);
  expect(note.remedies.length).toBeGreaterThan(0);
  expect(note).toMatchObject({
    reason: server.pacError!.reason,
    remedies: server.pacError!.remedies,
  });
});

describe('a keytab', () => {
  const bytes = formatKeytab(makeKeytab());
  const text = Buffer.from(bytes).toString('base64');
  it.each([
    ['in base64', encodeUtf8(text), 'keytab.not-a-keytab', 'base64', /base64/],
    [
      'in hexadecimal',
      encodeUtf8(Buffer.from(bytes).toString('hex')),
      'keytab.not-a-keytab',
      'hex',
      /xxd/,
    ],
    [
      'that went through UTF-8',
      encodeUtf8(Buffer.from(bytes).toString()),
      'keytab.not-a-keytab',
      'text',
      /bytes/,
    ],
    [
      'that is a credential cache',
      Uint8Array.of(5, 4, 0, 12),
      'keytab.not-a-keytab',
      'ccache',
      /KRB5CCNAME/,
    ],
    ['in UTF-16', Uint8Array.of(0xff, 0xfe, 0x42, 0), 'keytab.not-a-keytab', 'utf-16', /bytes/],
    [
      'of PEM',
      encodeUtf8('-----BEGIN CERTIFICATE-----\n'),
      'keytab.not-a-keytab',
      'pem',
      /export a keytab/,
    ],
    ['that is empty', new Uint8Array(), 'keytab.empty', undefined, /export the keys/],
    [
      'that is cut off',
      bytes.subarray(0, 40),
      'keytab.bad-entry',
      undefined,
      /write the keytab again/,
    ],
  ])('%s', async (_, contents, reason, looksLike, remedy) => {
    const error = await explain(thrownBy(() => parseKeytab(contents)));
    expect(error.reason).toBe(reason);
    if (looksLike !== undefined) expect(error.detail).toMatchObject({ looksLike });
    expect([error.hint, ...error.remedies].join()).toMatch(remedy);
  });
});

describe('a krb5.conf', () => {
  it.each([
    [
      'with a misspelt setting',
      '[libdefaults]\nclock_skew = 300\n',
      'config.unknown-setting',
      /clockskew/,
    ],
    [
      'with a brace that is never closed',
      '[realms]\nA = {\nkdc = b\n',
      'config.syntax',
      /brace|\}/,
    ],
  ])('%s', (_, contents, reason, remedy) => {
    const [problem] = parseKerberosConfig(contents).problems;
    expect(problem?.reason).toBe(reason);
    expect(`${problem?.text} ${problem?.remedies}`).toMatch(remedy);
  });
});

describe('a message', () => {
  it('of another context, of this side, or cut off has a reason and a remedy', async () => {
    const [one, two] = [await establish(), await establish({ initiator: { sequenceNumber: 9 } })];
    await explain(undefined);
    const other = thrownBy(() => two.server.unwrap(one.client.wrap(encodeUtf8('x'))));
    expect(other.reason).toBe('message.altered');
    expect(other.remedies.join()).toMatch(/its own context/);
    const own = thrownBy(() => one.server.unwrap(one.server.wrap(encodeUtf8('x'))));
    expect(own.reason).toBe('message.wrong-direction');
    expect(own.remedies.join()).toMatch(/sends messages back/);
    const cut = thrownBy(() => one.server.unwrap(one.client.wrap(encodeUtf8('x')).subarray(0, 9)));
    expect(cut.reason).toBe('message.malformed');
    expect(cut.remedies.join()).toMatch(/whole tokens/);
  });
});

function thrownBy(call: () => unknown): ReasonedError {
  try {
    call();
  } catch (error) {
    return error as ReasonedError;
  }
  throw new Error('nothing was thrown');
}
