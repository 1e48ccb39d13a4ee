/** What an exchange of Kerberos shows to the operator: facts of a refused request, and trace lines. */
import type { OpenedTicket } from '../ap/opened-tickets.ts';
import type { SecurityContext } from '../context/context.ts';
import type { ContextState } from '../context/state.ts';
import { enctypeName } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import type { OfferDetail } from '../explain/client-reasons.ts';
import { mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import type { HandshakeState } from '../handshake-state.ts';
import type { ApReq } from '../messages/ap-req.ts';
import { ApOption } from '../messages/ap-req.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { RequestFacts } from '../observe/observer.ts';
import type { ContextFacts } from '../observe/usage.ts';
import type { Trace } from '../trace.ts';
import type { Exchange } from './settings.ts';

/** @param opened - Undefined if no key opened the ticket: its names are then claims of the client. */
export function requestFactsOf({ ticket }: ApReq, opened: OpenedTicket | undefined): RequestFacts {
  const { realm, serverName, encPart } = ticket;
  const { kvno, enctype } = encPart;
  const claimed = { enctype, ...(kvno !== undefined && { kvno }) };
  if (opened === undefined) {
    return { service: printablePrincipal({ ...serverName, realm }), ...claimed };
  }
  const { service, sessionKey } = opened;
  const { clientName, clientRealm } = opened.ticket;
  return {
    client: printablePrincipal({ ...clientName, realm: clientRealm }),
    service: printablePrincipal(service.principal),
    ...claimed,
    sessionEnctype: sessionKey.enctype,
  };
}

export function traceRequest(trace: Trace, { ticket, apOptions }: ApReq, mechanism: Oid): void {
  const { realm, serverName, encPart } = ticket;
  const server = printablePrincipal({ ...serverName, realm });
  const kvno = encPart.kvno === undefined ? 'no kvno' : `kvno ${encPart.kvno}`;
  const mutual =
    (apOptions & ApOption.mutualRequired) === 0 ? '' : ', mutual authentication asked for';
  trace(
    `${mechanismName(mechanism)} AP-REQ for ${server}: ${enctypeName(encPart.enctype)}, ${kvno}${mutual}`,
  );
}

export function traceContext(
  trace: Trace,
  { flags, vouched, acceptorSubkey, sendSequence, delegatedCredential }: ContextState,
  reply: Uint8Array | undefined,
): void {
  const names = Object.entries(ContextFlag).filter(([, bit]) => (flags & bit) !== 0);
  trace(`Context flags: ${names.map(([name]) => name).join(' ') || 'none'}`);
  const { pac, pacError, authenticationIndicators: indicators } = vouched;
  if (pac !== undefined) trace('PAC verified');
  if (pacError !== undefined) trace(`PAC ignored: ${pacError.message}`);
  if (indicators.length > 0) trace(`Authentication indicators: ${indicators.join(' ')}`);
  if (delegatedCredential !== undefined) trace('Credential delegated');
  if (acceptorSubkey !== undefined) {
    trace(`Negotiated enctype based on authenticator: ${enctypeName(acceptorSubkey.enctype)}`);
  }
  if (reply !== undefined) {
    const subkey =
      acceptorSubkey === undefined ? '' : `subkey ${enctypeName(acceptorSubkey.enctype)}, `;
    trace(`Creating AP-REP, ${subkey}seqnum ${sendSequence.low}`);
  }
}

/** The facts of a new context. */
export function contextFactsOf(
  { initiatorKey }: ContextState,
  { initiator, ticket, enctype, flags }: SecurityContext,
  { settings, options }: Exchange,
): ContextFacts {
  const checked = options.channelBindings !== undefined && settings.channelBindingPolicy !== 'off';
  const bound = (flags & ContextFlag.channelBound) !== 0;
  return {
    client: initiator.text,
    ticket,
    subkeyEnctype: initiatorKey.enctype,
    messageEnctype: enctype,
    bindings: bound ? 'bound' : checked ? 'unbound' : 'none',
    flags,
    peer: options.peerAddress,
  };
}

/** See `Handshake.abandonment`. */
export function explainAbandonment(state: HandshakeState): GssError | undefined {
  switch (state.at) {
    case 'first-token':
      return state.hinted ? unanswered() : undefined;
    case 'negotiating':
      return (
        state.foreignChoice ??
        state.late?.failure ??
        explainAbandonment(state.inner) ??
        unanswered()
      );
    case 'dce-third-leg':
      return new GssError('GSS_S_FAILURE', {
        minor: new KerberosError('KRB_AP_ERR_MUT_FAIL', {
          reason: 'dce.third-leg-missing',
          hint: 'the client asked for DCE style and did not send its own AP-REP, the third leg',
        }),
      });
    case 'relaying':
      return unanswered({ relayed: true });
    case 'mic-owed':
      return unanswered();
    case 'exported':
      // Its next token, which restores the state, has come already.
      return undefined;
  }
}

function unanswered(detail?: OfferDetail): GssError {
  return new GssError('GSS_S_FAILURE', {
    reason: 'negotiate.abandoned',
    ...(detail && { detail }),
    message: 'the client was asked for another token and did not send it',
  });
}
