/** Recorded exchanges with a real peer: the tokens both ways, and all that makes them repeatable. */
import { expect } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { Acceptor, RandomSource, SecurityContext } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  importSecurityContext,
  parseKeytab,
} from '../../src/index.ts';
import { seededRandom } from './realm-kit.ts';

/** A file of `fixtures/transcripts/`. Bytes are hexadecimal. */
export interface Transcript {
  readonly source: string;
  readonly keytab: string;
  /** Milliseconds since 1970: the acceptor's clock stands still. */
  readonly clock: number;
  /** Of the acceptor's random source. */
  readonly randomSeed: number;
  readonly client: string;
  readonly server: string;
  /** `ContextFlag` bits of the acceptor's context. */
  readonly flags: number;
  readonly ticketEnctype: number;
  readonly sessionEnctype: number;
  /** Of the key that protects messages. */
  readonly contextEnctype: number;
  readonly steps: readonly TranscriptStep[];
}

/** Everything that passed, in order; what the acceptor sent, the peer has verified. */
export interface TranscriptStep {
  readonly from: 'initiator' | 'acceptor';
  readonly kind: 'context' | 'wrap' | 'sealed wrap' | 'mic';
  readonly token: string;
  /** For what is not a context token. */
  readonly message?: string;
}

/** The acceptor of a transcript. */
export async function transcriptAcceptor(
  transcript: Pick<Transcript, 'keytab' | 'clock'>,
  random: RandomSource,
): Promise<Acceptor> {
  const keytab = parseKeytab(fromHex(transcript.keytab), { crypto: withLegacyEnctypes() });
  const credential = await acquireCredential({ keytab });
  return createAcceptor({ credential, clock: () => transcript.clock, random });
}

/**
 * Plays the initiator's tokens to an acceptor, which has to answer as it did.
 *
 * @param moving - Exchange and context are exported and go on elsewhere before each of them.
 */
export async function replay(transcript: Transcript, moving = false): Promise<void> {
  const random = seededRandom(transcript.randomSeed);
  const acceptor = await transcriptAcceptor(transcript, random);
  const { steps } = transcript;
  let handshake = acceptor.begin();
  let context: SecurityContext | undefined;
  for (const [i, { from, kind, token, message = '' }] of steps.entries()) {
    if (moving && context !== undefined) {
      const { crypto } = context.sessionKey;
      context = importSecurityContext(context.export(), { crypto, random });
    }
    if (kind !== 'context') {
      replayMessage(context!, { from, kind, token, message });
    } else if (from === 'initiator') {
      if (moving) handshake = acceptor.resume(handshake.export());
      const result = await handshake.accept(fromHex(token));
      if (result.status === 'failed') throw result.error;
      const answer = steps[i + 1]?.kind === 'context' ? steps[i + 1]!.token : undefined;
      expect(result.outputToken && toHex(result.outputToken)).toBe(answer);
      if (result.status === 'complete') context = result.context;
    }
  }
  expect(factsOf(context!)).toEqual({
    client: transcript.client,
    server: transcript.server,
    flags: transcript.flags,
    ticketEnctype: transcript.ticketEnctype,
    sessionEnctype: transcript.sessionEnctype,
    contextEnctype: transcript.contextEnctype,
  });
}

/** What a transcript says of its context. */
export function factsOf(
  context: SecurityContext,
): Pick<
  Transcript,
  'client' | 'server' | 'flags' | 'ticketEnctype' | 'sessionEnctype' | 'contextEnctype'
> {
  return {
    client: context.initiator.toString(),
    server: context.acceptor.toString(),
    flags: context.flags,
    ticketEnctype: context.ticket.enctype,
    sessionEnctype: context.ticket.sessionEnctype,
    contextEnctype: context.enctype,
  };
}

function replayMessage(
  context: SecurityContext,
  { from, kind, token, message }: Required<TranscriptStep>,
): void {
  const bytes = fromHex(message);
  const confidential = kind === 'sealed wrap';
  if (from === 'acceptor') {
    const made = kind === 'mic' ? context.getMic(bytes) : context.wrap(bytes, { confidential });
    expect(toHex(made)).toBe(token);
  } else if (kind === 'mic') {
    expect(context.verifyMic(bytes, fromHex(token))).toEqual({ qop: 0, sequence: 'ok' });
  } else {
    const opened = context.unwrap(fromHex(token));
    expect(opened).toEqual({ message: bytes, confidential, qop: 0, sequence: 'ok' });
  }
}
