import { describe, expect, it } from 'vitest';
import type {
  Authentication,
  AuthenticationRequest,
  HeaderField,
} from '../../src/http/authentication.ts';
import { createAuthenticator } from '../../src/http/authenticator.ts';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { AuthenticatorOptions } from '../../src/http/options.ts';
import type { GssError } from '../../src/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { CLIENT, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const NEGOTIATE: HeaderField = ['WWW-Authenticate', 'Negotiate'];

/** An authenticator with one client, and what its hooks are told. */
async function site(
  options: Partial<AuthenticatorOptions> = {},
  { acceptor: acceptorOptions, ...exchange }: ExchangeOptions = {},
) {
  const { acceptor, ticket } = await makeParties({
    ...exchange,
    ...(acceptorOptions && { acceptor: acceptorOptions }),
  });
  const told: string[] = [];
  const errors: GssError[] = [];
  const authenticator = createAuthenticator({
    acceptor,
    clock: () => NOW,
    onAccepted: ({ identity, via }) => told.push(`accepted ${identity.principal} by ${via}`),
    onChallenged: () => told.push('challenged'),
    onRefused: (error) => {
      told.push(`refused ${error.minor?.code ?? error.code}`);
      errors.push(error);
    },
    onWarning: (message) => told.push(`warned ${message}`),
    ...options,
  });
  let seed = 100;
  const initiator = () =>
    createInitiator({ ticket, clock: () => NOW, random: seededRandom(seed++) });
  const ask = (token?: Uint8Array | string, request: Partial<AuthenticationRequest> = {}) =>
    authenticator.authenticate({
      authorization:
        token === undefined || typeof token === 'string'
          ? token
          : `Negotiate ${encodeBase64(token)}`,
      ...request,
    });
  return { authenticator, acceptor, initiator, ask, told, errors };
}

function tokenOf({ headers }: Authentication): Uint8Array {
  const [, value = ''] = headers.find(([, text]) => text.startsWith('Negotiate ')) ?? [];
  return decodeBase64(value.replace('Negotiate ', ''))!;
}

describe('createAuthenticator', () => {
  it('challenges a request without credentials, and admits one with a ticket', async () => {
    const { ask, initiator, told } = await site();
    for (const authorization of [undefined, null, '', '  ']) {
      expect(await ask(undefined, { authorization })).toEqual({
        outcome: 'challenged',
        status: 401,
        headers: [NEGOTIATE],
      });
    }
    const client = initiator();
    const result = await ask(client.begin());
    expect(result).toMatchObject({
      outcome: 'authenticated',
      via: 'ticket',
      identity: { principal: CLIENT, mechanism: 'kerberos' },
    });
    // RFC 4559 §4.2: the proof of the server's identity.
    client.finish(tokenOf(result)).dispose();
    expect(told).toEqual([...Array(4).fill('challenged'), `accepted ${CLIENT} by ticket`]);
  });
});
