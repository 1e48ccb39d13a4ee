/** What refuses clients of a server in practice: what each side has, what is sent, and what is read. */
import { encodeUtf8 } from '../../src/bytes.ts';
import type { SecurityContext } from '../../src/context/context.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { Reason } from '../../src/explain/reasons.ts';
import { frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import type { AcceptorOptions, Keytab } from '../../src/index.ts';
import { ContextFlag, Enctype, Mechanism, TicketFlag } from '../../src/index.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import type { Initiator, InitiatorOptions, MintTicketOptions } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { KeySpec } from '../support/realm-kit.ts';
import { makeKeytab } from '../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';
const HOST = 'host/www.example.test@EXAMPLE.TEST';

export interface RefusedClient {
  /** With the number of the cause. */
  readonly name: string;
  /** The server's keys; by default one of {@link WWW}. */
  readonly keytab?: readonly KeySpec[];
  /** The key with which the KDC made the ticket, if it is another one. */
  readonly key?: KeySpec;
  readonly ticket?: Partial<MintTicketOptions>;
  /** Seconds from now until the ticket is valid. */
  readonly starts?: number;
  readonly initiator?: Partial<InitiatorOptions>;
  /** Seconds by which clocks are ahead. */
  readonly clocks?: { readonly client?: number; readonly kdc?: number; readonly server?: number };
  /** The service that the server accepts. */
  readonly service?: string;
  /** A line for [libdefaults] of the server's krb5.conf, and the same as options of an acceptor. */
  readonly config?: string;
  readonly acceptor?: Partial<AcceptorOptions>;
  /** The channel bindings of the connection. */
  readonly channel?: string;
  /** What becomes of the token. */
  readonly change?: (token: Uint8Array) => Uint8Array;
  /** The whole header, over HTTP only. */
  readonly header?: string;
  /** A request that is accepted before: with the same token, or another one. */
  readonly before?: 'same' | 'another';
  /** The client leaves after the first answer. */
  readonly leaves?: true;
  /** What it sends in its context; `another` is one of another connection. */
  readonly messages?: (context: SecurityContext, another: SecurityContext) => readonly Uint8Array[];
  /** The cause does not exist there. */
  readonly program?: false;
  readonly http?: false;
  /** What the operator reads. */
  readonly reason: Reason;
  readonly text: RegExp;
  /** The first remedy. */
  readonly remedy: RegExp;
}

/** The service of a cause, as an option. */
export function serviceOf({ service = 'HTTP@www.example.test' }: RefusedClient): string {
  return service;
}

export function keytabOf(specs: readonly KeySpec[] = [{}]): Keytab {
  return makeKeytab(...specs.map((spec) => ({ principal: WWW, ...spec })));
}

/** The client of a cause. */
export function clientOf({ key, keytab, ...cause }: RefusedClient): Initiator {
  return initiatorOf({ ...cause, keytab: key === undefined ? keytab : [key] });
}

/** A client that the server of a cause accepts. */
export function goodClientOf({ keytab }: RefusedClient): Initiator {
  return initiatorOf({ keytab });
}

type Facts = Pick<RefusedClient, 'ticket' | 'initiator' | 'clocks' | 'starts'> & {
  readonly keytab: RefusedClient['keytab'];
};

function initiatorOf({ keytab, clocks = {}, starts, ticket, initiator }: Facts): Initiator {
  const now = Math.floor(Date.now() / 1000);
  const authTime = now + (clocks.kdc ?? 0);
  const startTime = starts === undefined ? authTime : now + starts;
  const minted = mintTicket({
    keytab: keytabOf(keytab),
    client: 'alice@EXAMPLE.TEST',
    authTime,
    startTime,
    endTime: startTime + 10 * HOUR,
    ...ticket,
  });
  const clock = () => Date.now() + (clocks.client ?? 0) * 1000;
  return createInitiator({ ticket: minted, clock, ...initiator });
}

const HOUR = 3600;
const X = encodeUtf8('x');
const NTLM = encodeUtf8('NTLMSSP\0\x01\0\0\0');
const NEGOEX = encodeUtf8('NEGOEXTS\0\0');
const RC4 = withLegacyEnctypes(undefined, [Enctype.rc4Hmac]);
const { ntlmssp, negoex, krb5, iakerb } = Mechanism;
const KRB_ERROR = encodeKrbError({
  stime: 0,
  susec: 0,
  errorCode: 41,
  realm: 'EXAMPLE.TEST',
  serverName: { nameType: 2, components: ['HTTP', 'www'] },
});

/** Flips a bit of the byte at an index; one below zero counts from the end. */
function flip(index: number): (token: Uint8Array) => Uint8Array {
  return (token) => {
    const altered = token.slice();
    altered[index < 0 ? altered.length + index : index]! ^= 1;
    return altered;
  };
}

/** Sets USE-SESSION-KEY in ap-options (RFC 4120 §5.5.1). */
function askForUserToUser(token: Uint8Array): Uint8Array {
  const altered = token.slice();
  const options = altered.findIndex(
    (_, i) => altered[i] === 0xa2 && altered[i + 1] === 7 && altered[i + 2] === 3,
  );
  altered[options + 5]! |= 0x40;
  return altered;
}

function repeat(token: Uint8Array): readonly Uint8Array[] {
  return [token, token];
}

/** The message after one that is lost. */
function afterGap(context: SecurityContext): readonly Uint8Array[] {
  const [first, , third] = [context.wrap(X), context.wrap(X), context.wrap(X)];
  return [first!, third!];
}

export const REFUSED_CLIENTS: readonly RefusedClient[] = [
  {
    name: '1 NTLM',
    change: () => NTLM,
    reason: 'negotiate.ntlm',
    text: /sent NTLM instead of Kerberos/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '2 NTLM first',
    initiator: { spnego: { mechanisms: [ntlmssp, krb5] } },
    leaves: true,
    reason: 'negotiate.ntlm',
    text: /preferred NTLM to Kerberos/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '3a NegoEx first',
    initiator: { spnego: { mechanisms: [negoex, krb5] } },
    leaves: true,
    reason: 'negotiate.negoex',
    text: /preferred NegoEx to Kerberos/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '3b NegoEx and NTLM',
    change: () => encodeNegTokenInit({ mechTypes: [negoex, ntlmssp], mechToken: NEGOEX }),
    reason: 'negotiate.ntlm',
    text: /offers NegoEx, NTLM and no Kerberos/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '4 NTLM only',
    change: () => encodeNegTokenInit({ mechTypes: [ntlmssp] }),
    reason: 'negotiate.ntlm',
    text: /offers NTLM and no Kerberos/,
    remedy: /SPN of exactly one account/,
  },
  {
    name: '5 Basic',
    header: 'Basic YTpi',
    reason: 'http.other-scheme',
    text: /authenticates with Basic/,
    remedy: /curl --negotiate/,
  },
  {
    name: '6 empty',
    header: 'Negotiate',
    reason: 'token.empty',
    text: /empty token: it has no ticket/,
    remedy: /kinit/,
  },
  {
    name: '7a base64url',
    header: 'Negotiate YII-_w==',
    reason: 'token.not-base64',
    text: /alphabet of base64url .* at character 4/,
    remedy: /not base64url/,
  },
  {
    name: '7 cut',
    header: 'Negotiate YIIBA',
    reason: 'token.not-base64',
    text: /it was cut: 5 characters/,
    remedy: /large_client_header_buffers/,
  },
  {
    name: '7 quoted',
    header: 'Negotiate "YIIB"',
    reason: 'token.not-base64',
    text: /quotation mark at character 1/,
    remedy: /without quotation marks/,
  },
  {
    name: '7 comma',
    header: 'Negotiate YIIB, Negotiate YIIB',
    reason: 'token.not-base64',
    text: /second "Negotiate" at character 7/,
    remedy: /write the scheme once/,
  },
  {
    name: '7 base64 twice',
    change: (token) => encodeUtf8(Buffer.from(token).toString('base64')),
    reason: 'token.no-gss-header',
    text: /is base64 text/,
    remedy: /decode the base64 once/,
  },
  {
    name: '7 hex',
    change: (token) => encodeUtf8(Buffer.from(token).toString('hex')),
    reason: 'token.no-gss-header',
    text: /is hexadecimal text/,
    remedy: /into bytes/,
  },
  {
    name: '7 mangled',
    change: (token) => encodeUtf8(Buffer.from(token).toString('utf8')),
    reason: 'token.no-gss-header',
    text: /ef bf bd/,
    remedy: /as bytes all the way/,
  },
  {
    name: '8 bare AP-REQ',
    change: (token) => unframeToken(token).inner.subarray(2),
    reason: 'token.bare-ap-req',
    text: /bare AP-REQ: .* krb5_mk_req does not/,
    remedy: /gss_init_sec_context instead of krb5_mk_req/,
  },
  {
    name: '9a KRB-ERROR',
    change: () => frameToken(krb5, TokenId.krbError, KRB_ERROR),
    reason: 'token.krb-error',
    text: /KRB-ERROR 41 \(KRB_AP_ERR_MODIFIED\)/,
    remedy: /log of the peer/,
  },
  {
    name: '9b bare KRB-ERROR',
    change: () => KRB_ERROR,
    reason: 'token.krb-error',
    text: /KRB-ERROR 41 \(KRB_AP_ERR_MODIFIED\)/,
    remedy: /log of the peer/,
  },
  {
    name: '9c AP-REP',
    change: () => frameToken(krb5, TokenId.apRep, KRB_ERROR),
    reason: 'token.ap-rep',
    text: /roles are exchanged/,
    remedy: /have one side initiate/,
  },
  {
    name: '10 TGT',
    key: { principal: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST', seed: 8 },
    reason: 'spn.ticket-granting',
    text: /ticket-granting ticket \(krbtgt/,
    remedy: /^have the client ask the KDC for a ticket for HTTP\/www/,
  },
  {
    name: '10 kadmin',
    key: { principal: 'kadmin/changepw@EXAMPLE.TEST', seed: 8 },
    reason: 'spn.ticket-granting',
    text: /service of the KDC \(kadmin/,
    remedy: /^have the client ask the KDC for a ticket for HTTP\/www/,
  },
  {
    name: '11a alias',
    key: { principal: 'HTTP/alias.example.test@EXAMPLE.TEST', seed: 8 },
    reason: 'spn.other-host',
    text: /^the keytab holds HTTP\/www\S+, which is the same service on another host; the client asked for HTTP\/alias\S+: an alias/,
    remedy: /have clients use the name www/,
  },
  {
    name: '11d short',
    key: { principal: 'HTTP/www@EXAMPLE.TEST', seed: 8 },
    reason: 'spn.short-name',
    text: /the short one; the client asked for HTTP\/www@/,
    remedy: /use the host name www\.example\.test/,
  },
  {
    name: '11f explicit',
    key: { principal: 'HTTP/alias.example.test@EXAMPLE.TEST', seed: 8 },
    service: WWW,
    reason: 'spn.other-host',
    text: /an alias \(CNAME\)/,
    remedy: /have clients use the name www/,
  },
  {
    name: '12a other service',
    keytab: [{ principal: HOST }],
    key: { seed: 8 },
    service: '*',
    reason: 'spn.other-service',
    text: /^the keytab holds host\/\S+, which is another service on the same host; the client asked for HTTP\/www/,
    remedy: /export the key of HTTP\/www/,
  },
  {
    name: '12b absent',
    key: { principal: 'ldap/dc.example.test@EXAMPLE.TEST', seed: 8 },
    reason: 'spn.not-in-keytab',
    text: /^the keytab holds HTTP\S+; the client asked for ldap\/dc/,
    remedy: /^find out why the client asks for ldap\/dc.*if that is a name of this service, export/,
  },
  {
    name: '12c not accepted',
    keytab: [{}, { principal: HOST, seed: 8 }],
    key: { principal: HOST, seed: 8 },
    reason: 'spn.not-accepted',
    text: /this acceptor accepts HTTP\/www\S+ only/,
    remedy: /accept host@www\.example\.test too/,
  },
  {
    name: '13 two accounts',
    key: { seed: 8 },
    before: 'another',
    reason: 'ticket.altered',
    text: /has opened other tickets.*another account has the same SPN/,
    remedy: /new ticket .*two accounts \(setspn -X/,
  },
  {
    name: '13 two accounts, first',
    key: { seed: 8 },
    reason: 'key.wrong',
    text: /written 2026.*opened no ticket yet.*two accounts/,
    remedy: /export the keytab again.*two accounts \(setspn -X/,
  },
  {
    name: '14 realm case',
    keytab: [{ principal: 'HTTP/www.example.test@example.test' }],
    key: { seed: 8 },
    reason: 'spn.realm-case',
    text: /differs in the case of the realm.*the keytab's realm is wrong/,
    remedy: /write the keytab again with the realm EXAMPLE\.TEST/,
  },
  {
    name: '15 other realm',
    key: { principal: 'HTTP/www.example.test@OTHER.TEST', seed: 8 },
    reason: 'spn.other-realm',
    text: /same name in another realm; the client asked for \S+@OTHER\.TEST/,
    remedy: /\[domain_realm\].*www\.example\.test = EXAMPLE\.TEST/,
  },
  {
    name: '16 stale keytab',
    keytab: [{ kvno: 4 }],
    key: { kvno: 5, seed: 8 },
    reason: 'key.stale-keytab',
    text: /has kvno 5; .* kvno 4 \(written 2026.*changed after/,
    remedy: /export the keytab again/,
  },
  {
    name: '17 stale ticket',
    keytab: [{ kvno: 4 }],
    key: { kvno: 3, seed: 8 },
    reason: 'key.stale-ticket',
    text: /has kvno 3; .* kvno 4; .* before the last change/,
    remedy: /new ticket \(kinit; Windows: klist purge\)/,
  },
  {
    name: '18 kvno 0',
    keytab: [{ kvno: 0 }],
    key: { kvno: 5, seed: 8 },
    reason: 'key.wrong-any-kvno',
    text: /kvno 0, which stands for any.*changed since 2026/,
    remedy: /ktpass \/kvno 5/,
  },
  {
    name: '19b 8 bits',
    keytab: [{ kvno: 4 }],
    key: { kvno: 260, seed: 8 },
    reason: 'key.wrapped-kvno',
    text: /kvno 4, as a tool with 8 bits writes 260/,
    remedy: /writes kvno 260/,
  },
  {
    name: '19d wrapped ticket',
    keytab: [{ kvno: 260 }],
    ticket: { kvno: 4 },
    service: WWW,
    reason: 'key.wrapped-kvno',
    text: /kvno 4, the low 8 bits of a kvno of the keytab \(260\)/,
    remedy: /name the service as HTTP@www/,
  },
  {
    name: '20a enctype',
    keytab: [{ enctype: 17 }],
    key: { seed: 8 },
    reason: 'key.enctype-missing',
    text: /uses aes256.*keytab has aes128/,
    remedy: /export a key of aes256/,
  },
  {
    name: '20c explicit',
    keytab: [{ enctype: 17 }],
    key: { seed: 8 },
    service: WWW,
    reason: 'key.enctype-missing',
    text: /uses aes256.*keytab has aes128/,
    remedy: /export a key of aes256/,
  },
  {
    name: '21 RC4 off',
    keytab: [{}, { enctype: 23, seed: 8, crypto: RC4 }],
    key: { enctype: 23, seed: 8, crypto: RC4 },
    reason: 'key.weak',
    text: /arcfour-hmac is weak/,
    remedy: /aes256/,
  },
  {
    name: '21 RC4 session key',
    key: { crypto: RC4 },
    ticket: { sessionEnctype: 23 },
    reason: 'enctype.weak-off',
    text: /arcfour-hmac of the session key is weak/,
    remedy: /aes256/,
  },
  {
    name: '22 permitted',
    config: 'permitted_enctypes = aes256-cts-hmac-sha384-192',
    acceptor: { permittedEnctypes: [20] },
    reason: 'enctype.not-permitted',
    text: /aes256-cts-hmac-sha1-96, which is not permitted/,
    remedy: /permitted_enctypes in \[libdefaults\]/,
  },
  {
    name: '23 wrong key',
    key: { seed: 8 },
    reason: 'key.wrong',
    text: /mistyped, or used with another salt/,
    remedy: /asks the KDC for key and salt/,
  },
  {
    name: '25 client behind',
    clocks: { client: -HOUR, kdc: -60 },
    reason: 'clock.client-behind',
    text: /client's clock is 3600 s \(1 h\) behind.*daylight saving/,
    remedy: /^set the client's clock.*NTP/,
  },
  {
    name: '25 client ahead',
    clocks: { client: 600, kdc: -60 },
    reason: 'clock.client-ahead',
    text: /client's clock is 600 s ahead/,
    remedy: /^set the client's clock.*NTP/,
  },
  {
    name: '25g server 11 h ahead',
    clocks: { kdc: -60, server: 11 * HOUR },
    reason: 'clock.server-ahead',
    text: /this machine's clock is 3960\d s .*ahead.*time zone/,
    remedy: /^set this machine's clock.*NTP/,
  },
  {
    name: '25 server 2 h ahead',
    clocks: { kdc: -60, server: 2 * HOUR },
    reason: 'clock.server-ahead',
    text: /this machine's clock is 720\d s .*ahead.*time zone/,
    remedy: /^set this machine's clock.*NTP/,
  },
  {
    name: '25 server behind',
    clocks: { kdc: -60, server: -2 * HOUR },
    reason: 'clock.server-behind',
    text: /this machine's clock is \d+ s .*behind/,
    remedy: /^set this machine's clock.*NTP/,
  },
  {
    name: '26 expired',
    clocks: { kdc: -11 * HOUR },
    reason: 'ticket.expired',
    text: /ended 36\d\d s \(1 h\) ago.*client's clock agrees/,
    remedy: /new ticket \(kinit/,
  },
  {
    name: '27 not yet valid',
    starts: 1200,
    reason: 'ticket.not-yet-valid',
    text: /starts in \d+ s/,
    remedy: /gss-server -check/,
  },
  {
    name: '27 postdated',
    starts: 7200,
    ticket: { flags: TicketFlag.postdated },
    reason: 'ticket.postdated',
    text: /postdated \(kinit -s\)/,
    remedy: /kinit -v/,
  },
  {
    name: '28 INVALID',
    ticket: { flags: TicketFlag.invalid },
    reason: 'ticket.invalid-flag',
    text: /flag INVALID/,
    remedy: /kinit -v/,
  },
  {
    name: '29 replay',
    before: 'same',
    reason: 'replay.repeated',
    text: /came twice.*alice@EXAMPLE\.TEST.*made \d s ago.*from the same address/,
    remedy: /proxy_next_upstream/,
  },
  {
    name: '30 address',
    program: false,
    acceptor: { checkAddresses: true },
    ticket: { addresses: [{ type: 2, address: Uint8Array.of(10, 0, 0, 5) }] },
    reason: 'ticket.addresses',
    text: /bound to 10\.0\.0\.5, and the client comes from 127\.0\.0\.1/,
    remedy: /kinit -A/,
  },
  {
    name: '31 transited',
    ticket: {
      client: 'eve@OTHER.TEST',
      transited: { type: 1, contents: encodeUtf8('MIDDLE.TEST') },
    },
    reason: 'realm.transited',
    text: /went through MIDDLE\.TEST/,
    remedy: /\[capaths\] OTHER\.TEST = \{ EXAMPLE\.TEST = MIDDLE\.TEST \}/,
  },
  {
    name: '32 no bindings',
    program: false,
    acceptor: { channelBindingPolicy: 'required' },
    channel: 'x',
    reason: 'bindings.missing',
    text: /sent no channel bindings/,
    remedy: /'when-supported'/,
  },
  {
    name: '33 other bindings',
    program: false,
    initiator: { channelBindings: { applicationData: encodeUtf8('y') } },
    channel: 'x',
    reason: 'bindings.mismatch',
    text: /bound to another channel: a TLS proxy/,
    remedy: /tlsServerEndPoint\(certificate\)/,
  },
  {
    name: '33 none of ours',
    program: false,
    acceptor: { channelBindingPolicy: 'required' },
    reason: 'bindings.not-available',
    text: /given none/,
    remedy: /channelBindings:/,
  },
  {
    name: '34 no PAC',
    program: false,
    acceptor: { pacPolicy: 'required' },
    reason: 'pac.missing',
    text: /no PAC/,
    remedy: /NO_AUTH_DATA_REQUIRED/,
  },
  {
    name: '34 PAC signature',
    program: false,
    acceptor: { pacPolicy: 'required', kdcKey: makeKeytab({ seed: 9 }).entries[0]!.key },
    ticket: {
      client: { name: 'bob', groups: [512] },
      kdcKey: makeKeytab({ seed: 8 }).entries[0]!.key,
    },
    reason: 'pac.signature',
    text: /KDC signature of the PAC does not verify/,
    remedy: /kdcKey is the key of krbtgt/,
  },
  {
    name: '36 truncated',
    change: (token) => token.subarray(0, 256),
    reason: 'token.truncated',
    text: /cut off on its way; \d+ bytes are announced at one place, \d+ are left/,
    remedy: /large_client_header_buffers/,
  },
  {
    name: '37a altered ticket',
    before: 'another',
    change: flip(200),
    reason: 'ticket.altered',
    text: /altered on its way/,
    remedy: /what changes tokens on their way/,
  },
  {
    name: '37b altered authenticator',
    change: flip(-20),
    reason: 'authenticator.altered',
    text: /ticket decrypted, its authenticator did not/,
    remedy: /what changes tokens/,
  },
  {
    name: '37c altered OID',
    change: flip(8),
    reason: 'negotiate.mechanism-off',
    text: /the client uses 1\.2\.841\S+; accepted: Kerberos V5/,
    remedy: /use Kerberos V5 or SPNEGO .*altered on its way/,
  },
  {
    name: '37d altered length',
    change: flip(20),
    reason: 'token.malformed',
    text: /\(AP-REQ: truncated: .*\): it was altered/,
    remedy: /leaves its bytes unchanged; gss-inspect/,
  },
  {
    name: '38 DCE',
    initiator: { flags: ContextFlag.dceStyle | ContextFlag.mutual },
    leaves: true,
    http: false,
    reason: 'dce.third-leg-missing',
    text: /third leg/,
    remedy: /gss_init_sec_context returns after the answer/,
  },
  {
    name: '42 cache throws',
    program: false,
    acceptor: {
      replayCache: {
        checkAndStore: () => {
          throw new Error('connect ECONNREFUSED');
        },
      },
    },
    reason: 'replay.cache-failed',
    text: /threw Error: connect ECONNREFUSED/,
    remedy: /engine behind the replay cache/,
  },
  {
    name: '42 cache answers nothing',
    program: false,
    acceptor: { replayCache: { checkAndStore: () => undefined as never } },
    reason: 'replay.cache-fault',
    text: /expected true or false, got undefined/,
    remedy: /checkAndStore return true/,
  },
  {
    name: '42 cache hangs',
    program: false,
    acceptor: { deadline: 1, replayCache: { checkAndStore: () => new Promise<boolean>(() => {}) } },
    reason: 'replay.cache-silent',
    text: /did not answer for 1 s/,
    remedy: /engine or disk/,
  },
  {
    name: '43a duplicate',
    messages: (context) => repeat(context.wrap(X)),
    reason: 'message.duplicate',
    text: /came before.*its number is \d+, and \d+ was expected/,
    remedy: /what sends the same message again/,
  },
  {
    name: '43c gap',
    messages: afterGap,
    reason: 'message.gap',
    text: /a message before this one is missing; its number is \d+, and \d+ was expected/,
    remedy: /one at a time and in their order/,
  },
  {
    name: '43d other context',
    messages: (_, another) => [another.wrap(X)],
    reason: 'message.altered',
    text: /made by another context/,
    remedy: /its own context/,
  },
  {
    name: '43e altered',
    messages: (context) => [flip(-3)(context.wrap(X))],
    reason: 'message.altered',
    text: /was altered/,
    remedy: /nothing changes bytes/,
  },
  {
    name: '43f truncated',
    messages: (context) => [context.wrap(X).subarray(0, 9)],
    reason: 'message.malformed',
    text: /shorter than its header/,
    remedy: /whole tokens arrive/,
  },
  {
    name: '43g no token',
    messages: () => [encodeUtf8('hello world')],
    reason: 'message.malformed',
    text: /not a token of the expected kind: /,
    remedy: /unwrap/,
  },
  {
    name: '43h MIC',
    messages: (context) => [context.getMic(X)],
    reason: 'message.malformed',
    text: /another TOK_ID/,
    remedy: /wrap goes with unwrap and getMic with verifyMic/,
  },
  {
    name: '44 user-to-user',
    change: askForUserToUser,
    reason: 'ticket.user-to-user',
    text: /ENC-TKT-IN-SKEY/,
    remedy: /setspn -S/,
  },
  {
    name: '44 in SPNEGO',
    change: () => encodeNegTokenInit({ mechTypes: ['1.2.840.113554.1.2.2.3'] }),
    reason: 'negotiate.user-to-user-only',
    text: /user-to-user Kerberos only/,
    remedy: /setspn -S/,
  },
  {
    name: '45a IAKERB',
    change: (token) => frameToken(iakerb, TokenId.iakerbProxy, token.subarray(20)),
    reason: 'iakerb.off',
    text: /the client uses IAKERB/,
    remedy: /reach of a KDC/,
  },
  {
    name: '45b IAKERB in SPNEGO',
    change: () => encodeNegTokenInit({ mechTypes: [iakerb] }),
    reason: 'negotiate.iakerb-only',
    text: /IAKERB only/,
    remedy: /reach of a KDC/,
  },
  {
    name: '45c IAKERB first',
    change: () => encodeNegTokenInit({ mechTypes: [iakerb, krb5] }),
    leaves: true,
    reason: 'negotiate.abandoned',
    text: /preferred IAKERB to Kerberos/,
    remedy: /klist/,
  },
  {
    name: 'unknown mechanism',
    change: () => encodeNegTokenInit({ mechTypes: ['1.2.3.4'] }),
    reason: 'negotiate.no-common-mechanism',
    text: /it offers 1\.2\.3\.4/,
    remedy: /offer Kerberos V5/,
  },
  {
    name: 'anonymous',
    ticket: { client: 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS', flags: TicketFlag.anonymous },
    reason: 'ticket.anonymous',
    text: /the client is anonymous/,
    remedy: /allowAnonymous.*-anonymous/,
  },
  {
    name: 'critical',
    ticket: { authorizationData: [{ type: 999, data: Uint8Array.of(9) }] },
    reason: 'authdata.critical',
    text: /critical authorization data of type 999/,
    remedy: /AD-IF-RELEVANT/,
  },
];
