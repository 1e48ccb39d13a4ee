/** A SASL server and a client of it, without a network. */
import type {
  SaslExchange,
  SaslExchangeOptions,
  SaslMechanism,
  SaslResult,
  SaslServerOptions,
  SaslSession,
} from '../../src/sasl/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import type { SaslClient, SaslClientOptions } from '../../src/testing/index.ts';
import { createSaslClient } from '../../src/testing/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

export interface SaslPartiesOptions extends ExchangeOptions {
  readonly mechanism?: SaslMechanism;
  readonly server?: Omit<SaslServerOptions, 'acceptor'>;
  readonly begin?: SaslExchangeOptions;
  readonly client?: Partial<SaslClientOptions>;
}

export interface SaslParties {
  readonly client: SaslClient;
  readonly exchange: SaslExchange;
}

/** A client with a ticket, and the server's exchange; nothing sent yet. */
export async function makeSaslParties(options: SaslPartiesOptions = {}): Promise<SaslParties> {
  const { mechanism = 'GSSAPI' } = options;
  const { acceptor, ticket } = await makeParties(options);
  const server = createSaslServer({ acceptor, ...options.server });
  const client = createSaslClient(mechanism, {
    ticket,
    clock: () => NOW,
    random: seededRandom(3),
    ...options.client,
  });
  return { client, exchange: server.begin(mechanism, options.begin) };
}

/** What came of an exchange, and the client's side of it. */
export interface Outcome {
  readonly result: Exclude<SaslResult, { status: 'continue' }>;
  readonly client?: SaslSession;
  /** What the server sent, the data of its success message included. */
  readonly challenges: readonly Uint8Array[];
}

/** Runs an exchange to its end. @param alter - Changes responses of the client, by their index. */
export async function exchange(
  { client, exchange }: SaslParties,
  alter: (response: Uint8Array, index: number) => Uint8Array = (response) => response,
): Promise<Outcome> {
  const challenges: Uint8Array[] = [];
  let session: SaslSession | undefined;
  let result = await exchange.step(alter(client.begin(), 0));
  for (let i = 1; result.status === 'continue'; i++) {
    challenges.push(result.challenge);
    const step = client.step(result.challenge);
    session = step.session;
    result = await exchange.step(alter(step.response, i));
  }
  if (result.status === 'complete' && result.successData !== undefined) {
    challenges.push(result.successData);
    session = client.step(result.successData).session;
  }
  return { result, challenges, ...(session !== undefined && { client: session }) };
}

/** Both sides of an authenticated connection. */
export async function meet(
  options: SaslPartiesOptions = {},
): Promise<{ readonly client: SaslSession; readonly server: SaslSession }> {
  const { result, client } = await exchange(await makeSaslParties(options));
  if (result.status === 'failed') throw result.error;
  if (client === undefined) throw new Error('the client has not finished');
  return { client, server: result.session };
}

/** The error of an exchange that has to be refused. */
export async function refusalOf(
  options: SaslPartiesOptions,
  alter?: Parameters<typeof exchange>[1],
) {
  const { result } = await exchange(await makeSaslParties(options), alter);
  if (result.status !== 'failed') throw new Error('the client was not refused');
  return result.error;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
