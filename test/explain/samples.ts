/** Facts to show the texts of the catalogue with: in docs/errors.md and in tests. */
import type { ClockDetail, NoKeyDetail } from '../../src/explain/client-reasons.ts';
import type { DetailOf, Reason } from '../../src/explain/reasons.ts';

/** Reasons whose detail has a fact that must be there need a sample; others may have one. */
type Samples = {
  readonly [R in Reason as Record<never, never> extends DetailOf<R> ? never : R]: DetailOf<R>;
} & {
  readonly [R in Reason]?: DetailOf<R>;
};

const TICKET: NoKeyDetail = {
  ticketServer: 'HTTP/www.example.test@EXAMPLE.TEST',
  kvno: 5,
  enctype: 'aes256-cts-hmac-sha1-96',
  keytabPrincipals: ['HTTP/www.example.test@EXAMPLE.TEST'],
  keytabKvnos: ['4'],
  keytabEnctypes: ['aes256-cts-hmac-sha1-96'],
  keyDate: '2026-05-31T12:00:00Z',
};

const CLOCK: ClockDetail = {
  clientTime: '2026-06-01T11:00:00Z',
  now: '2026-06-01T12:00:00Z',
  startTime: '2026-06-01T11:59:00Z',
  endTime: '2026-06-01T21:59:00Z',
  offset: -3600,
  maxSkew: 300,
  looksLike: 'daylight-saving',
};

const TIMES = {
  now: '2026-06-01T12:00:00Z',
  startTime: '2026-06-01T01:00:00Z',
  endTime: '2026-06-01T11:00:00Z',
};

const MECHANISMS = { mechanism: 'IAKERB', accepted: ['SPNEGO', 'Kerberos V5'] };

export const SAMPLES: Samples = {
  'token.not-base64': { length: 812, problem: 'it has a blank', at: 44 },
  'token.truncated': { wanted: 516, left: 256 },
  'token.krb-error': { errorCode: 41, errorName: 'KRB_AP_ERR_MODIFIED' },
  'token.wrong-version': { version: 4 },
  'negotiate.ntlm': {},
  'negotiate.negoex': {},
  'negotiate.iakerb-or-ntlm': { names: ['IAKERB', 'NTLM'] },
  'negotiate.no-common-mechanism': { offered: ['1.2.3.4'], names: ['1.2.3.4'] },
  'negotiate.mechanism-off': { mechanism: 'SPNEGO', accepted: ['Kerberos V5'] },
  'negotiate.other-connection': { prefers: 'NTLM', problem: 'the header via reveals a proxy' },
  'iakerb.off': MECHANISMS,
  'iakerb.realm-not-relayed': { realm: 'PARTNER.TEST' },
  'iakerb.transcript': { problem: 'different' },
  'spn.ticket-granting': { ...TICKET, ticketServer: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST' },
  'spn.other-service': {
    ...TICKET,
    keytabPrincipals: ['host/www.example.test@EXAMPLE.TEST'],
    near: 'host/www.example.test@EXAMPLE.TEST',
  },
  'spn.other-host': {
    ...TICKET,
    ticketServer: 'HTTP/alias.example.test@EXAMPLE.TEST',
    near: 'HTTP/www.example.test@EXAMPLE.TEST',
  },
  'spn.short-name': {
    ...TICKET,
    ticketServer: 'HTTP/www@EXAMPLE.TEST',
    near: 'HTTP/www.example.test@EXAMPLE.TEST',
  },
  'spn.other-realm': {
    ...TICKET,
    ticketServer: 'HTTP/www.example.test@OTHER.TEST',
    near: 'HTTP/www.example.test@EXAMPLE.TEST',
  },
  'spn.realm-case': {
    ...TICKET,
    keytabPrincipals: ['HTTP/www.example.test@example.test'],
    near: 'HTTP/www.example.test@example.test',
  },
  'spn.name-case': {
    ...TICKET,
    keytabPrincipals: ['http/www.example.test@EXAMPLE.TEST'],
    near: 'http/www.example.test@EXAMPLE.TEST',
  },
  'spn.unsplit-name': {
    ...TICKET,
    keytabPrincipals: ['HTTP\\/www.example.test@EXAMPLE.TEST'],
    near: 'HTTP\\/www.example.test@EXAMPLE.TEST',
  },
  'spn.account-name': { ...TICKET, ticketServer: 'svc-web@EXAMPLE.TEST' },
  'spn.not-in-keytab': { ...TICKET, ticketServer: 'ldap/dc.example.test@EXAMPLE.TEST' },
  'spn.not-accepted': { ...TICKET, service: 'host/@' },
  'spn.no-service': { ...TICKET, service: 'host/@' },
  'key.stale-keytab': TICKET,
  'key.stale-ticket': { ...TICKET, kvno: 3 },
  'key.enctype-missing': { ...TICKET, enctype: 'arcfour-hmac' },
  'key.wrong': { ...TICKET, kvno: 4 },
  'key.wrong-any-kvno': { ...TICKET, keytabKvnos: ['0'] },
  'key.wrapped-kvno': { ...TICKET, kvno: 260 },
  'key.unusable': { ...TICKET, enctype: 'etype 99' },
  'key.weak': { ...TICKET, enctype: 'arcfour-hmac' },
  'key.size': { enctype: 'aes256-cts-hmac-sha1-96', length: 16, expected: 32 },
  'key.checksum-type': { enctype: 'aes256-cts-hmac-sha1-96', checksumType: 7 },
  'enctype.not-permitted': {
    enctype: 'arcfour-hmac',
    of: 'ticket',
    permitted: ['aes256-cts-hmac-sha1-96'],
  },
  'enctype.unsupported': { enctype: 'etype 99', of: 'session key' },
  'enctype.weak-off': { enctype: 'arcfour-hmac', of: 'session key' },
  'enctype.no-common-subkey': {
    offered: ['aes128-cts-hmac-sha1-96'],
    permitted: ['aes256-cts-hmac-sha1-96'],
  },
  'clock.client-ahead': { ...CLOCK, clientTime: '2026-06-01T13:00:00Z', offset: 3600 },
  'clock.client-behind': CLOCK,
  'clock.server-ahead': { ...CLOCK, startTime: '2026-06-01T10:59:00Z' },
  'clock.server-behind': { ...CLOCK, clientTime: '2026-06-01T13:00:00Z', offset: 3600 },
  'ticket.expired': TIMES,
  'ticket.not-yet-valid': { ...TIMES, startTime: '2026-06-01T12:30:00Z' },
  'ticket.postdated': { ...TIMES, startTime: '2026-06-02T08:00:00Z' },
  'ticket.altered': { ...TICKET, kvno: 4 },
  'ticket.addresses': { peerAddress: '192.0.2.7', ticketAddresses: ['10.0.0.5'] },
  'ticket.no-peer-address': { ticketAddresses: ['10.0.0.5'] },
  'authenticator.other-client': {
    ticketClient: 'alice@EXAMPLE.TEST',
    authenticator: 'bob@EXAMPLE.TEST',
  },
  'authdata.critical': { authorizationDataType: 999 },
  'replay.repeated': {
    client: 'alice@EXAMPLE.TEST',
    service: 'HTTP/www.example.test@EXAMPLE.TEST',
    clientTime: '2026-06-01T12:00:00Z',
    clientMicroseconds: 123,
    age: 2,
  },
  'replay.cache-silent': { name: 'replay cache', seconds: 5 },
  'replay.cache-failed': { problem: 'Error: connect ECONNREFUSED 127.0.0.1:6379' },
  'replay.cache-fault': { answer: 'an object' },
  'replay.cache-restarted': { seconds: 2 },
  'realm.transited': {
    transited: ['MIDDLE.TEST'],
    path: ['OTHER.TEST', 'EXAMPLE.TEST'],
  },
  'realm.not-allowed': { clientRealm: 'OTHER.TEST' },
  'realm.vouched-by-another': { clientRealm: 'OTHER.TEST', serviceRealm: 'EXAMPLE.TEST' },
  'pac.signature': { signature: 'server' },
  'pac.other-account': { requestorSid: 'S-1-5-21-1-2-3-1104', userSid: 'S-1-5-21-1-2-3-500' },
  'policy.flags': { missing: ['mutual'] },
  'policy.indicator': { required: ['pkinit'], indicators: [] },
  'policy.authorize': { client: 'alice@EXAMPLE.TEST', answer: 'false' },
  'delegation.other-client': { delegated: 'bob@EXAMPLE.TEST', initiator: 'alice@EXAMPLE.TEST' },
  'name.mechanism': { mechanism: 'NTLM' },
  'fault.callback': { callback: 'channelBindings' },
  'fault.callback-silent': { name: 'function authorize', seconds: 5 },
  'fault.module-silent': { name: 'module loader', seconds: 5 },
  'keytab.missing': { path: '/etc/krb5.keytab' },
  'keytab.unreadable': { path: '/etc/krb5.keytab' },
  'keytab.empty': { path: '/etc/krb5.keytab' },
  'keytab.not-a-keytab': { path: '/etc/krb5.keytab', looksLike: 'base64' },
  'keytab.unusable': {
    principals: ['HTTP/www.example.test@EXAMPLE.TEST'],
    enctypes: ['arcfour-hmac'],
  },
  'keytab.newest-unusable': {
    principals: ['HTTP/www.example.test@EXAMPLE.TEST'],
    enctypes: ['arcfour-hmac'],
  },
  'keytab.not-used': {
    principals: ['HTTP/www.example.test@EXAMPLE.TEST'],
    enctypes: ['arcfour-hmac'],
  },
  'keytab.failed': { problem: 'connect ECONNREFUSED 192.0.2.7:8200' },
  'keytab.silent': { name: 'keytab', seconds: 5 },
  'keytab.no-service': {
    service: 'HTTP/www@',
    keytabPrincipals: ['HTTP/www.example.test@EXAMPLE.TEST'],
    near: 'HTTP/www.example.test@EXAMPLE.TEST',
    likeness: 'short-name',
  },
  'http.header-too-long': { bytes: 20_000, limit: 16_384 },
  'http.other-scheme': { scheme: 'Basic' },
  'http.plain-http': { proxyHeader: 'x-forwarded-proto' },
  'http.session-too-long': { length: 5120, groups: 200 },
  'http.session-plain-http': { cookie: '__Host-session' },
  'proxy.not-trusted': { address: '10.1.2.3' },
  'proxy.forged-header': { header: 'Remote-User' },
  'proxy.no-request': { header: 'x-forwarded-uri', problem: 'is missing: the proxy must set it' },
  'proxy.unsuitable-name': { client: 'alice@EXAMPLE.TEST' },
  'proxy.rules': {
    client: 'alice@EXAMPLE.TEST',
    request: 'GET www.example.test/admin/users',
    rule: '/admin',
    problem: 'no rule of /admin permits it',
  },
  'server.option': { option: '-rcache memory:' },
  'server.port-in-use': { port: 4444, address: '::' },
  'server.port-privileged': { port: 88 },
  'kdc.unknown': { realm: 'EXAMPLE.TEST' },
  'kdc.unreachable': { realm: 'EXAMPLE.TEST' },
  'kdc.no-service': {},
};
