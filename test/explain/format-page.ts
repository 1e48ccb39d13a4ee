/** docs/errors.md: made from the catalogue, and from the descriptions of the reasons beside their types. */
import { readFileSync } from 'node:fs';
import { CATALOGUE } from '../../src/explain/catalogue.ts';
import type { Explanation, Reason } from '../../src/explain/reasons.ts';
import { SAMPLES } from './samples.ts';

/** The reasons with their descriptions, in the order of the source files. */
export function describedReasons(): Map<Reason, string> {
  const found = new Map<Reason, string>();
  for (const file of ['client', 'policy', 'service', 'proxy']) {
    const path = new URL(`../../src/explain/${file}-reasons.ts`, import.meta.url);
    for (const [, text, reason] of readFileSync(path, 'utf8').matchAll(ENTRY)) {
      found.set(reason as Reason, text!);
    }
  }
  return found;
}

/** The explanation of a reason, with the facts of its sample. */
export function explained(reason: Reason): { text: string; remedies: readonly string[] } {
  const entry = CATALOGUE[reason] as unknown as Explanation<'fault.callback'>;
  const detail = (SAMPLES[reason] ?? {}) as Record<never, never>;
  return { text: entry.text(detail), remedies: entry.remedies(detail) };
}

export function formatPage(): string {
  const lines = [INTRODUCTION, ...wordsOfMit()];
  let area = '';
  for (const [reason, meaning] of describedReasons()) {
    const [name = ''] = reason.split('.');
    if (name !== area) lines.push(`## ${AREAS[name] ?? name}\n`);
    area = name;
    const { text, remedies } = explained(reason);
    lines.push(`### ${reason}\n`, `${meaning}\n`, `> ${text}\n`);
    lines.push(...remedies.map((remedy, i) => `${i + 1}. ${remedy}`), '');
  }
  return lines.join('\n');
}

/** The words of MIT krb5, which stand before the reason in a log, and the reasons that have them. */
export function wordsOfMit(): string[] {
  return [
    '## By the words of MIT krb5\n',
    '`Unspecified GSS failure.  Minor code may provide more information` and `Unknown error` say nothing: search for',
    'the line after them, or for the `reason` and the `hint` of the same client.\n',
    '| words | reasons |',
    '|---|---|',
    ...Object.entries(MIT_WORDS).map(rowOf),
    '',
    '## By the words of a client\n',
    'What gss-client, curl and other programs with MIT krb5 print about a refusal, and kinit or kvno before it.\n',
    '| words | reasons |',
    '|---|---|',
    ...[...Object.values(CLIENT_WORDS), ...BEFORE_THE_SERVER].map(rowOf),
    '',
  ];
}

function rowOf([words, reasons]: readonly [string, string]): string {
  const links = reasons.split(' ').map((reason) => `[${reason}](#${reason.replace('.', '')})`);
  return `| ${words} | ${links.join(', ')} |`;
}

/** MIT's words for the number in a KRB-ERROR, and the reasons for which clients get it. */
export const CLIENT_WORDS: Readonly<Record<number, readonly [words: string, reasons: string]>> = {
  14: ['KDC has no support for encryption type', 'key.weak key.unusable enctype.weak-off'],
  31: ['Decrypt integrity check failed', 'key.wrong ticket.altered authenticator.altered'],
  32: ['Ticket expired', 'ticket.expired clock.server-ahead'],
  33: ['Ticket not yet valid', 'ticket.not-yet-valid ticket.postdated clock.server-behind'],
  34: ['Request is a replay', 'replay.repeated'],
  35: [
    "The ticket isn't for us",
    'spn.other-host spn.other-service spn.short-name spn.other-realm spn.realm-case spn.name-case spn.ticket-granting spn.not-in-keytab spn.not-accepted',
  ],
  37: [
    'Clock skew too great',
    'clock.client-ahead clock.client-behind clock.server-ahead clock.server-behind',
  ],
  38: ['Incorrect net address', 'ticket.addresses ticket.no-peer-address'],
  41: ['Message stream modified', 'pac.signature pac.missing'],
  44: [
    'Key version is not available',
    'key.stale-keytab key.stale-ticket key.enctype-missing key.wrong-any-kvno key.wrapped-kvno',
  ],
  45: ['Service key not available', 'ticket.user-to-user'],
  60: [
    'Generic error (see e-text)',
    'enctype.not-permitted ticket.invalid-flag ticket.anonymous authdata.critical replay.cache-failed replay.cache-fault replay.cache-silent token.malformed',
  ],
};

/** What clients print that send no ticket, so that a server sees little of them or nothing. */
export const BEFORE_THE_SERVER: readonly (readonly [words: string, reasons: string])[] = [
  ['not found in Kerberos database', 'negotiate.ntlm negotiate.abandoned spn.other-host'],
  ['No Kerberos credentials available', 'negotiate.abandoned token.empty server.client-gone'],
  ['SPNEGO cannot find mechanisms to negotiate', 'negotiate.abandoned token.empty'],
  ['Cannot contact any KDC for realm', 'kdc.unreachable negotiate.abandoned'],
  ['Cannot find KDC for realm', 'kdc.unknown negotiate.abandoned'],
];

/** What is fixed in MIT's messages. */
export const MIT_WORDS: Readonly<Record<string, string>> = {
  'not found in keytab; keytab is likely out of date':
    'key.stale-keytab key.wrong-any-kvno key.wrapped-kvno',
  'not found in keytab; ticket is likely out of date': 'key.stale-ticket',
  'not found in keytab (ticket kvno':
    'spn.other-host spn.other-service spn.short-name spn.other-realm spn.realm-case spn.name-case spn.unsplit-name spn.account-name spn.ticket-granting spn.not-in-keytab',
  'found in keytab but cannot decrypt ticket': 'key.wrong ticket.altered',
  'found in keytab but not with enctype': 'key.enctype-missing',
  'found in keytab but does not match server principal': 'spn.not-accepted',
  'Cannot decrypt ticket for': 'spn.other-host',
  'No key table entry found matching': 'keytab.no-service',
  'Cannot find key for': 'key.stale-keytab key.stale-ticket key.wrapped-kvno',
  'No credentials were supplied, or the credentials were unavailable or inaccessible':
    'keytab.missing keytab.unreadable keytab.not-a-keytab keytab.no-service iakerb.off',
  'is nonexistent or empty': 'keytab.missing keytab.empty',
  'Clock skew too great':
    'clock.client-ahead clock.client-behind clock.server-ahead clock.server-behind',
  'Ticket expired': 'ticket.expired clock.server-ahead',
  'Ticket not yet valid': 'ticket.not-yet-valid ticket.postdated clock.server-behind',
  'Ticket has invalid flag set': 'ticket.invalid-flag',
  'Request is a replay': 'replay.repeated',
  'Decrypt integrity check failed': 'authenticator.altered message.altered',
  'Incorrect net address': 'ticket.addresses ticket.no-peer-address',
  'Illegal cross-realm ticket': 'realm.transited',
  'Incorrect channel bindings were supplied':
    'bindings.missing bindings.mismatch bindings.not-available',
  'but the enctype is not supported here': 'key.weak key.unusable',
  'Invalid token was supplied':
    'token.no-gss-header token.bare-ap-req token.truncated token.malformed token.krb-error token.ap-rep',
  'An unsupported mechanism was requested':
    'negotiate.ntlm negotiate.negoex negotiate.mechanism-off negotiate.no-common-mechanism',
  'Mutual authentication failed': 'dce.third-leg-missing dce.third-leg-wrong',
  'reading token flags: 0 bytes read': 'negotiate.abandoned negotiate.ntlm server.client-gone',
  'Out of memory allocating token data': 'token.too-long',
  'binding socket: Address already in use': 'server.port-in-use',
  'binding socket: Permission denied': 'server.port-privileged',
  'A token had an invalid Message Integrity Check (MIC)': 'message.altered',
  'token does not hold an AP-REQ': 'token.krb-error token.ap-rep token.wrong-message',
  'token does not start with [APPLICATION 0]': 'token.no-gss-header token.krb-error',
  'only a DCE style AP-REQ comes unframed': 'token.bare-ap-req',
  'User-to-user authentication is not offered': 'ticket.user-to-user',
  'signature does not verify': 'pac.signature',
  'not a keytab: it does not begin with 05 02': 'keytab.not-a-keytab',
  'other users can read or replace its keys': 'keytab.too-open',
  'is not of the form "name = value"': 'config.syntax',
  'starts a section inside braces': 'config.syntax',
  'the server refused a request of': 'http.header-too-long http.header-malformed',
  'Encryption type ... is not supported': 'enctype.weak-off enctype.unsupported',
  'Encryption type ... not permitted': 'enctype.not-permitted',
  'SPNEGO failed to negotiate a mechanism':
    'negotiate.no-common-mechanism negotiate.iakerb-only negotiate.user-to-user-only',
  'The token was a duplicate of an earlier token': 'message.duplicate',
  'An expected per-message token was not received': 'message.gap',
  'A later token has already been processed': 'message.unsequenced',
};

const ENTRY = /^ {2}\/\*\* (.*) \*\/\n {2}'([a-z]+\.[a-z0-9-]+)': /gm;

const INTRODUCTION = `<!-- Written by \`npm run docs:errors\` from src/explain. Do not edit. -->

# Errors and what to do about them

Every error has a \`reason\`, which is stable, a \`text\` with the facts (an example is shown with each), and \`remedies\`,
the likeliest first. \`gss-server\`, \`onRefused\` of the HTTP adapters, \`toJSON()\` and \`console.log(error)\` show all of
them; \`displayStatus\` has the two lines of MIT krb5 before them. The client is never told the reason: it gets the number
of the code, and fixed words where the code has no number.

TypeScript narrows \`error.detail\` by \`error.reason\`:

\`\`\`ts
import { isRefusal } from 'krb5-acceptor';

export function newKvno(error: unknown): number | undefined {
  return isRefusal(error) && error.reason === 'key.stale-keytab' ? error.detail.kvno : undefined;
}
\`\`\`
`;

const AREAS: Readonly<Record<string, string>> = {
  token: 'Tokens that cannot be read',
  negotiate: 'Negotiation (SPNEGO)',
  iakerb: 'IAKERB',
  dce: 'DCE style',
  spn: 'Tickets for another service',
  key: 'Keys',
  enctype: 'Encryption types',
  clock: 'Clocks',
  ticket: 'Tickets',
  authenticator: 'Authenticators',
  authdata: 'Authorization data',
  replay: 'Replay cache',
  realm: 'Realms',
  bindings: 'Channel bindings',
  pac: 'PAC',
  policy: 'Policy of the acceptor',
  delegation: 'Delegation',
  message: 'Messages of a context',
  export: 'Exported contexts',
  name: 'Names',
  fault: "Faults of the application's own code",
  keytab: 'Keytabs',
  config: 'krb5.conf',
  http: 'HTTP',
  proxy: 'Proxies (krb5-forward-auth)',
  server: 'Servers and programs',
  kdc: 'KDCs',
  dns: 'DNS',
  testing: 'Clients of krb5-acceptor/testing',
  sasl: 'SASL',
};
