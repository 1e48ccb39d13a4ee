/** One exchange over several mechanisms: its first token chooses one, which takes the later ones. */
import { DecodeError, KerberosError, refusalOf } from './errors.ts';
import { readFirstToken, unframeToken } from './gss/framing.ts';
import { Mechanism, mechanismName } from './gss/mechanism.ts';
import type { Oid } from './gss/oid.ts';
import { GssError } from './gss/status.ts';
import type {
  ExportedState,
  FirstTokenState,
  HandshakeState,
  ReadyState,
  Step,
} from './handshake-state.ts';
import { disposeState } from './handshake-state.ts';
import type { Exchange, MechanismSteps } from './krb5/settings.ts';
import { explainForeignOffer, refuseForeignToken } from './spnego/foreign-token.ts';
import type { Negotiation } from './spnego/negotiation.ts';
import { findMechanism, negotiationOf } from './spnego/negotiation.ts';

/**
 * Takes the next token of an exchange.
 *
 * @param state - The state of the exchange, which this call consumes: its keys are wiped unless the
 *   next state holds them.
 */
export type Advance = (
  state: HandshakeState,
  token: Uint8Array,
  exchange: Exchange,
) => Promise<Step>;

/**
 * An exchange over these mechanisms, which an initiator may use with SPNEGO or without it.
 *
 * @param mechanisms - Without SPNEGO itself.
 */
export function advanceOver(mechanisms: readonly MechanismSteps[]): Advance {
  const negotiation = negotiationOf(mechanisms);
  const all = [negotiation, ...mechanisms];
  return async (given, token, exchange) => {
    let state = given;
    try {
      const ready = given.at === 'exported' ? await restore(given, exchange) : given;
      state = ready;
      const step = await take(ready, token, exchange, negotiation, all);
      if (step.status === 'failed') disposeState(state);
      return step;
    } catch (error) {
      disposeState(state);
      return state.at === 'first-token' && state.hinted
        ? negotiation.refuse(error)
        : refuseUnanswered(error);
    }
  };
}

/**
 * The failure of an exchange in which no mechanism has begun. Like MIT krb5, without a minor status
 * for a malformed token: there is no mechanism that could have one.
 *
 * @throws The error itself if it is neither a {@link GssError} nor a {@link KerberosError}.
 */
export function refuseUnanswered(error: unknown): Step {
  if (error instanceof GssError) return { status: 'failed', error };
  if (!(error instanceof KerberosError)) throw error;
  const { message, hint } = error;
  const defective = new GssError('GSS_S_DEFECTIVE_TOKEN', {
    ...refusalOf(error),
    message,
    hint,
    cause: error,
  });
  return { status: 'failed', error: defective };
}

async function restore(
  exported: ExportedState,
  { settings, patience }: Exchange,
): Promise<ReadyState> {
  if (importer === undefined) {
    const loading = import('./handshake-import.ts').then(
      (loaded) => {
        importer = loaded;
      },
      (cause: unknown) => {
        throw new GssError('GSS_S_FAILURE', { reason: 'fault.program', cause });
      },
    );
    await patience.wait(loading, settings.waits.modules);
  }
  const state = importer!.importState(exported, settings);
  disposeState(exported);
  return state;
}

function take(
  state: ReadyState,
  token: Uint8Array,
  exchange: Exchange,
  negotiation: Negotiation,
  all: readonly MechanismSteps[],
): Step | Promise<Step> {
  switch (state.at) {
    case 'first-token':
      return begin(state, token, exchange, negotiation, all);
    case 'relaying':
    case 'dce-third-leg': {
      const mechanism = findMechanism(
        all,
        state.at === 'relaying' ? Mechanism.iakerb : state.context.mechanism,
      );
      if (mechanism === undefined) throw new DecodeError('no such mechanism');
      return mechanism.step(state, token, exchange);
    }
    case 'negotiating':
    case 'mic-owed':
      return negotiation.step(state, token, exchange);
  }
}

/** Chooses the mechanism by the first token. */
function begin(
  { hinted }: FirstTokenState,
  token: Uint8Array,
  exchange: Exchange,
  negotiation: Negotiation,
  all: readonly MechanismSteps[],
): Step | Promise<Step> {
  const accepted = exchange.settings.mechanisms;
  // An empty token asks which mechanisms there are (MS-SPNG §3.2.5.2).
  if (token.length === 0 && !hinted && accepted.includes(Mechanism.spnego)) {
    return negotiation.hint(exchange.settings.lateFallback);
  }
  refuseForeignToken(token);
  const first = readFirstToken(token);
  const tag = token[0] ?? 0;
  const mechanism = first.framed
    ? findMechanism(all, first.mechanism)
    : all.find(({ bareTags }) => bareTags.includes(tag));
  if (mechanism?.oids.some((oid) => accepted.includes(oid))) {
    return mechanism === negotiation
      ? negotiation.begin(first, exchange, hinted)
      : mechanism.begin(first, exchange);
  }
  if (first.framed) throw explainRefused(first.mechanism, accepted, mechanism !== undefined);
  // The tags of SPNEGO are context-specific: they mean SPNEGO only where it is accepted.
  if (mechanism !== undefined && mechanism !== negotiation) {
    throw explainRefused(mechanism.oids[0], accepted, true);
  }
  // Not an initial token: unframeToken throws the error that says what it is instead.
  unframeToken(token);
  throw new DecodeError('token names no mechanism');
}

/** As in MIT krb5, a known mechanism that is not accepted has another status than an unknown one. */
function explainRefused(mechanism: Oid, accepted: readonly Oid[], isKnown: boolean): GssError {
  if (FOREIGN.includes(mechanism)) return explainForeignOffer([mechanism]);
  const known = isKnown || mechanism === Mechanism.iakerb;
  return new GssError(known ? 'GSS_S_NO_CRED' : 'GSS_S_BAD_MECH', {
    reason: mechanism === Mechanism.iakerb ? 'iakerb.off' : 'negotiate.mechanism-off',
    detail: { mechanism: mechanismName(mechanism), accepted: accepted.map(mechanismName) },
    message: `the client uses ${mechanismName(mechanism)}; accepted: ${accepted.map(mechanismName).join(', ')}`,
  });
}

// What is refused with the same reason as in a list of SPNEGO.
const FOREIGN: readonly Oid[] = [Mechanism.ntlmssp, Mechanism.negoex, Mechanism.userToUser];
let importer: typeof import('./handshake-import.ts') | undefined;
