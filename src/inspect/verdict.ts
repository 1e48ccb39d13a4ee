/** What this acceptor would say to a token: asked of a real one that has no effect on anything. */
import { createAcceptor } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { ErrorDetail } from '../errors.ts';
import { explain } from '../errors.ts';
import type { Reason } from '../explain/reasons.ts';
import { displayMajor, GssError } from '../gss/status.ts';
import { negotiate } from '../http/negotiate.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { acquireCredential } from '../krb5/credential.ts';
import type { AcceptorOptions, AcceptResult } from '../krb5/settings.ts';
import { printable } from '../text.ts';
import { CONTEXT_FLAGS, namedFlags } from './names/flags.ts';

/** The acceptor's answer to a token. */
export interface Verdict {
  readonly outcome: 'accepted' | 'continues' | 'refused' | 'unknown';
  /** One sentence. */
  readonly text: string;
  /** The status of an HTTP answer, if the token was in a header. */
  readonly status?: number;
  /** The facts of an accepted client, or of a refusal, in lines. */
  readonly facts: readonly string[];
  /** The stable name of the reason of a refusal: `key.stale-keytab`. */
  readonly reason?: Reason;
  /** The facts of that reason, for a program. */
  readonly detail?: ErrorDetail;
  /** What to do about a refusal, the likeliest first. */
  readonly remedies: readonly string[];
  /** The verdict at the time when the token was made, if only its age is wrong now. */
  readonly whenMade?: Verdict & { readonly at: string };
}

/** What a verdict depends on. */
export interface JudgeOptions {
  /** Absent: only what a token shows without keys is judged. */
  readonly keytab?: Keytab;
  readonly crypto: CryptoProvider;
  /** As of `acquireCredential`. */
  readonly service?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Seconds. */
  readonly maxSkew?: number;
}

/** @param token - A header's value, or a token's bytes. */
export async function judge(token: string | Uint8Array, options: JudgeOptions): Promise<Verdict> {
  const { keytab, now, maxSkew, service } = options;
  try {
    const credential = await acquireCredential({
      keytab: keytab ?? emptyKeytab(options.crypto),
      ...(keytab !== undefined && service !== undefined && { service }),
      onWarning: () => {},
    });
    const settings: AcceptorOptions = {
      credential,
      clock: () => now,
      // Every request is new: nothing is looked up, and nothing is kept.
      replayCache: { checkAndStore: () => true },
      ...(maxSkew !== undefined && { maxSkew }),
    };
    using acceptor = createAcceptor(settings);
    if (typeof token !== 'string') {
      return await describe(await acceptor.begin().accept(token), options);
    }
    const result = await negotiate(acceptor, token);
    const { status } = result;
    if (result.status === 200) return { ...accepted(result.context), status };
    if ('error' in result && result.error !== undefined) {
      const verdict = await refused(result.error, options);
      return verdict.outcome === 'unknown' ? verdict : { ...verdict, status };
    }
    return { ...continues('state' in result && result.state !== undefined), status };
  } catch (error) {
    if (error instanceof GssError) return await refused(error, options);
    throw error;
  }
}

async function describe(result: AcceptResult, options: JudgeOptions): Promise<Verdict> {
  switch (result.status) {
    case 'complete':
      return accepted(result.context);
    case 'continue':
      return continues(true);
    case 'failed':
      return await refused(result.error, options);
  }
}

function accepted(context: SecurityContext): Verdict {
  using held = context;
  const { ticket, flags } = held;
  const facts = [
    `service: ${printable(ticket.server)}, kvno ${ticket.kvno}`,
    `enctypes: ticket ${enctypeName(ticket.enctype)}, session key ${enctypeName(ticket.sessionEnctype)}, messages ${enctypeName(held.enctype)}`,
    `flags: ${namedFlags(CONTEXT_FLAGS, flags & ~0x180)}`,
    `delegated credential: ${held.delegatedCredential === undefined ? 'none' : 'yes'}`,
    `PAC: ${held.pac === undefined ? 'none that counts' : `of ${printable(held.pac.samAccountName ?? held.pac.client.name)}`}`,
  ];
  held.delegatedCredential?.dispose();
  const client = printable(`${held.initiator}`);
  return {
    outcome: 'accepted',
    text: `The acceptor takes it: the client is ${client}.`,
    facts,
    remedies: [],
  };
}

function continues(hasToken: boolean): Verdict {
  const text = hasToken
    ? 'The acceptor answers, and waits for another token of the client.'
    : 'The acceptor asks for a token: there is none in the header.';
  return { outcome: 'continues', text, facts: [], remedies: [] };
}

async function refused(error: GssError, { keytab }: JudgeOptions): Promise<Verdict> {
  const { code, minor, reason, detail } = await explain(error);
  if (keytab === undefined && minor !== undefined && NEEDS_KEYS.has(minor.code)) {
    return {
      outcome: 'unknown',
      text: 'The token is well-formed; whether it is accepted depends on keys.',
      facts: [],
      remedies: ['Choose the keytab of the service (gss-inspect -keytab).'],
    };
  }
  if (reason === 'iakerb.off') {
    return {
      outcome: 'unknown',
      text: 'An acceptor with the option iakerb sends the message in it to a KDC; any other refuses the token.',
      reason,
      detail,
      facts: [],
      remedies: error.remedies.map(printable),
    };
  }
  const facts = [`${code}: ${displayMajor(error.major)[0]}`];
  if (minor !== undefined) facts.push(`${minor.code}: ${printable(minor.message)}`);
  return {
    outcome: 'refused',
    text: `The acceptor refuses it: ${printable(error.text)}.`,
    reason,
    detail,
    facts,
    remedies: error.remedies.map(printable),
  };
}

/** A keytab with a key that opens nothing. */
function emptyKeytab(crypto: CryptoProvider): Keytab {
  const principal = { nameType: 0, components: ['unknown'], realm: 'UNKNOWN' };
  const key = new EncryptionKey(18, new Uint8Array(32), crypto);
  return { version: 2, entries: [{ principal, kvno: 0, timestamp: 0, key }] };
}

/** Refusals of which a token's keys are the reason. */
const NEEDS_KEYS: ReadonlySet<string> = new Set([
  'KRB_AP_ERR_NOKEY',
  'KRB_AP_ERR_NOT_US',
  'KRB_AP_ERR_BADKEYVER',
  'KRB_AP_ERR_BAD_INTEGRITY',
]);
