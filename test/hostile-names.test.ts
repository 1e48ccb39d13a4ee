/** Names that clients and foreign KDCs choose: no text about them moves a cursor, ends a line or turns it around. */
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../src/bytes.ts';
import type { ReasonedError } from '../src/errors.ts';
import { frameToken, TokenId } from '../src/gss/framing.ts';
import type { GssName } from '../src/index.ts';
import { ContextFlag, canonicalizeName, GssNameType, importName, Mechanism } from '../src/index.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../src/messages/authorization-data.ts';
import { encodeKrbError } from '../src/messages/krb-error.ts';
import { NameType } from '../src/messages/principal.ts';
import { mintPac } from '../src/testing/pac.ts';
import { printable } from '../src/text.ts';
import { gssErrorOf } from './support/library-errors.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import { makeKeytab, makeParties, NOW_SECONDS } from './support/realm-kit.ts';

const EVIL = 'al\u001b[2J\rice\u202e\u2028';
const LONG = Array.from({ length: 200 }, (_, i) => `R${i}`).join('.');

/** The PAC of another client, with a good signature. */
function pacOfAnother(): ExchangeOptions {
  const keytab = makeKeytab();
  const client = { nameType: NameType.principal, components: [`${EVIL}2`] };
  const pac = mintPac(
    { clientName: client, clientRealm: 'EXAMPLE.TEST', authTime: NOW_SECONDS } as never,
    {},
    { serverKey: keytab.entries[0]!.key },
  );
  const data = encodeAuthorizationData([{ type: AuthorizationDataType.win2kPac, data: pac }]);
  return {
    keytab,
    ticket: {
      client: `${EVIL}@EXAMPLE.TEST`,
      authorizationData: [{ type: AuthorizationDataType.ifRelevant, data }],
    },
    acceptor: { pacPolicy: 'required' },
  };
}

function crossing(contents: string): ExchangeOptions {
  return {
    ticket: {
      client: `eve@${LONG}.${EVIL}`,
      transited: { type: 1, contents: encodeUtf8(contents) },
    },
  };
}

const REFUSED: readonly (readonly [reason: string, options: ExchangeOptions])[] = [
  ['realm.transited', crossing(`${EVIL},FAKE\nLINE`)],
  ['realm.transited', crossing(Array.from({ length: 90 }, (_, i) => `${EVIL}${i}`).join(','))],
  ['pac.other-client', pacOfAnother()],
  [
    'realm.not-allowed',
    { ticket: { client: `eve@${EVIL}` }, acceptor: { clientRealms: ['EXAMPLE.TEST'] } },
  ],
  [
    'authenticator.other-client',
    {
      initiator: { authenticator: { clientRealm: EVIL } } as ExchangeOptions['initiator'] & object,
    },
  ],
  [
    'policy.flags',
    {
      ticket: { client: `${EVIL}@EXAMPLE.TEST` },
      initiator: { flags: 0 },
      acceptor: { requiredFlags: ContextFlag.confidentiality },
    },
  ],
];

function textsOf(error: ReasonedError): string[] {
  const { message, text, hint, remedies } = error;
  return [message, text, hint ?? '', ...remedies];
}

describe('hostile names', () => {
  it.each(REFUSED)('are printable and bounded in the texts of %s', async (reason, options) => {
    const lines: string[] = [];
    const acceptor = { ...options.acceptor, trace: (line: string) => void lines.push(line) };
    const { initiator, begin } = await makeParties({ ...options, acceptor });
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'failed') throw new Error(result.status);
    expect(result.error.reason).toBe(reason);
    const texts = [...textsOf(result.error), ...textsOf(result.error.minor ?? result.error)];
    for (const text of [...texts, ...lines, ...Object.values(result.request ?? {}).map(String)]) {
      expect(printable(text)).toBe(text);
      expect(text.length).toBeLessThan(10_000);
    }
  });

  it.each([
    GssNameType.principalName,
    GssNameType.enterpriseName,
    GssNameType.hostBasedService,
    GssNameType.userName,
  ])('are printable and bounded where they cannot be read (%s)', (type) => {
    for (const name of [`${EVIL}@`, `${EVIL}@@/${LONG}${LONG}`, `@/${LONG}${LONG}\\`]) {
      const read = (): GssName => canonicalizeName(importName(name, type));
      const { message } = gssErrorOf(read);
      expect(printable(message)).toBe(message);
      expect(message.length).toBeLessThan(400);
    }
  });

  it('are printable in the steps of an accept', async () => {
    const lines: string[] = [];
    const trace = (line: string): void => void lines.push(line);
    const client = `${EVIL}@EXAMPLE.TEST`;
    const { initiator, begin } = await makeParties({ ticket: { client }, acceptor: { trace } });
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error(result.status);
    // The context has the name as it is.
    expect(result.context.initiator.text).toBe(client);
    expect(lines.at(-1)).toContain('Accepted al\\x1b[2J\\x0dice');
    for (const line of lines) expect(printable(line)).toBe(line);
  });

  it('are printable in what a KRB-ERROR of the client says', async () => {
    const { begin } = await makeParties();
    const message = encodeKrbError({
      stime: NOW_SECONDS,
      susec: 0,
      errorCode: 60,
      realm: EVIL,
      serverName: { nameType: 1, components: [EVIL] },
      eText: EVIL,
    });
    const result = await begin().accept(frameToken(Mechanism.krb5, TokenId.krbError, message));
    if (result.status !== 'failed') throw new Error(result.status);
    for (const text of textsOf(result.error)) expect(printable(text)).toBe(text);
  });
});
