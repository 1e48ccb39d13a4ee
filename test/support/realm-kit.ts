/** A realm for unit tests: a keytab, a clock that stands still, and randomness that repeats. */
import type {
  AcceptorOptions,
  CryptoProvider,
  Handshake,
  RandomSource,
  SecurityContext,
} from '../../src/index.ts';
import { acquireCredential, createAcceptor, EncryptionKey } from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import type { InitiatorOptions, MintTicketOptions } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';

/** 2026-06-01T12:00:00.25Z. */
export const NOW = Date.UTC(2026, 5, 1, 12) + 250;
export const NOW_SECONDS = Math.floor(NOW / 1000);
const YESTERDAY = NOW_SECONDS - 86_400;
export const SERVICE = 'host/server.example.test@EXAMPLE.TEST';
export const CLIENT = 'alice@EXAMPLE.TEST';

/** Bytes of a counter-driven generator: the same in every run. */
export function seededRandom(seed = 1): RandomSource {
  let state = seed >>> 0;
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      // xorshift32: enough to look random to the code under test.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      target[i] = state >>> 0;
    }
  };
}

export interface KeySpec {
  readonly principal?: string;
  readonly kvno?: number;
  readonly enctype?: number;
  readonly seed?: number;
  /** Seconds since 1970; a day ago if absent. */
  readonly timestamp?: number;
  /** Needed for the weak enctypes. */
  readonly crypto?: CryptoProvider;
}

export function makeKeytab(...specs: readonly KeySpec[]): Keytab {
  const list = specs.length === 0 ? [{}] : specs;
  return {
    version: 2,
    entries: list.map(
      ({
        principal = SERVICE,
        kvno = 1,
        timestamp = YESTERDAY,
        enctype = 18,
        seed = 7,
        crypto,
      }) => ({
        principal: parsePrincipal(principal),
        kvno,
        timestamp,
        key: EncryptionKey.generate(enctype, seededRandom(seed), crypto),
      }),
    ),
  };
}

export interface ExchangeOptions {
  readonly keytab?: Keytab;
  readonly service?: string;
  readonly ticket?: Partial<MintTicketOptions>;
  readonly initiator?: Partial<InitiatorOptions>;
  readonly acceptor?: Partial<AcceptorOptions>;
  readonly handshake?: Parameters<ReturnType<typeof createAcceptor>['begin']>[0];
}

/** A client with a ticket and an acceptor that has its key; nothing sent yet. */
export async function makeParties(options: ExchangeOptions = {}) {
  const keytab = options.keytab ?? makeKeytab();
  const random = seededRandom(3);
  const credential = await acquireCredential({
    keytab,
    ...(options.service !== undefined && { service: options.service }),
  });
  const acceptor = createAcceptor({ credential, clock: () => NOW, random, ...options.acceptor });
  const ticket = mintTicket({
    keytab,
    client: CLIENT,
    clock: () => NOW,
    random,
    ...options.ticket,
  });
  const initiator = createInitiator({ ticket, clock: () => NOW, random, ...options.initiator });
  const begin = (): Handshake => acceptor.begin(options.handshake);
  return { keytab, credential, acceptor, ticket, initiator, begin };
}

/** Both sides of an established context. */
export async function establish(
  options: ExchangeOptions = {},
): Promise<{ readonly client: SecurityContext; readonly server: SecurityContext }> {
  const { initiator, begin } = await makeParties(options);
  const result = await begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error(`not established: ${JSON.stringify(result)}`);
  return { client: initiator.finish(result.outputToken), server: result.context };
}
