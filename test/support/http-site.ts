/** An authenticator with one client, and what its hooks are told. */
import type {
  Authentication,
  AuthenticationRequest,
  HeaderField,
} from '../../src/http/authentication.ts';
import { createAuthenticator } from '../../src/http/authenticator.ts';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { AuthenticatorOptions } from '../../src/http/options.ts';
import type { GssError } from '../../src/index.ts';
import type { InitiatorOptions } from '../../src/testing/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import type { ExchangeOptions } from './realm-kit.ts';
import { makeParties, NOW, seededRandom } from './realm-kit.ts';

export const NEGOTIATE: HeaderField = ['WWW-Authenticate', 'Negotiate'];

export async function httpSite(
  options: Partial<AuthenticatorOptions> = {},
  exchange: ExchangeOptions = {},
) {
  const { acceptor, ticket, keytab } = await makeParties(exchange);
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
  const initiator = (own: Partial<InitiatorOptions> = {}) =>
    createInitiator({ ticket, clock: () => NOW, random: seededRandom(seed++), ...own });
  const ask = (token?: Uint8Array | string | null, request: Partial<AuthenticationRequest> = {}) =>
    authenticator.authenticate({
      authorization: token instanceof Uint8Array ? `Negotiate ${encodeBase64(token)}` : token,
      ...request,
    });
  return { authenticator, acceptor, keytab, initiator, ask, told, errors };
}

/** The token of a header `Negotiate <token>`. */
export function tokenOf({ headers }: Pick<Authentication, 'headers'>): Uint8Array {
  const [, value = ''] = headers.find(([, text]) => text.startsWith('Negotiate ')) ?? [];
  return decodeBase64(value.replace('Negotiate ', ''))!;
}
