/** Makes the context and the AP-REP of a verified AP-REQ (RFC 4121 §4.1). */
import type { VerifiedApReq } from '../ap/accept.ts';
import type { OpenedTicket } from '../ap/opened-tickets.ts';
import type { Patience } from '../ap/patience.ts';
import type { VouchedData } from '../ap/vouched-data.ts';
import { vouchedDataOf } from '../ap/vouched-data.ts';
import type { DelegatedCredential } from '../context/delegated-credential.ts';
import type { ContextState, TicketInfo } from '../context/state.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { loadEnctype } from '../crypto/provider.ts';
import { encodeFramed, TokenId } from '../gss/framing.ts';
import { GssName } from '../gss/name.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag } from '../gss/status.ts';
import { disposeContext } from '../handshake-state.ts';
import type { EncApRepPart, PartSealer } from '../messages/ap-rep.ts';
import { encodeSealedApRep } from '../messages/ap-rep.ts';
import type { Room } from '../messages/der/writer.ts';
import type { Mutable } from '../messages/message.ts';
import type { Principal } from '../messages/principal.ts';
import { isAnonymousName } from '../messages/principal.ts';
import type { RandomSource } from '../random.ts';
import { randomSequenceNumber, SequenceCounter, SequenceWindow } from '../tokens/sequence.ts';
import type { InitiatorRequest } from './request.ts';
import { chooseSubkeyEnctype } from './request.ts';
import type { AcceptorSettings } from './settings.ts';

/** An established context, and the token with the AP-REP if one is due. */
export interface Established {
  readonly state: ContextState;
  readonly reply: Uint8Array | undefined;
}

/**
 * Makes the keys, numbers and flags of the context, and the AP-REP.
 *
 * @returns A promise only if something has to be loaded first, or the initiator delegated a credential.
 */
export function establish(
  verified: VerifiedApReq,
  request: InitiatorRequest,
  mechanism: Oid,
  settings: AcceptorSettings,
  patience: Patience,
): Established | Promise<Established> {
  const { opened } = verified;
  const vouched = vouchedDataOf(opened, settings);
  // The enctype is chosen before any key is made: a refusal leaves no key behind.
  const enctype = isMutual(request)
    ? chooseSubkeyEnctype(verified, settings.permittedEnctypes.subkey)
    : undefined;
  const { delegation } = request;
  const loading =
    enctype === undefined ? undefined : loadEnctype(enctype, opened.sessionKey.crypto);
  const reading = vouched.pac?.load();
  const parts: ContextParts = { vouched, enctype };
  return loading === undefined && reading === undefined && delegation === undefined
    ? makeContext(verified, request, mechanism, settings, parts)
    : establishLater(verified, request, mechanism, settings, parts, patience, [loading, reading]);
}

/** No closure of {@link establish}, because nearly every context would pay for it and not use it. */
async function establishLater(
  verified: VerifiedApReq,
  request: InitiatorRequest,
  mechanism: Oid,
  settings: AcceptorSettings,
  parts: ContextParts,
  patience: Patience,
  loads: readonly (Promise<void> | undefined)[],
): Promise<Established> {
  for (const loading of loads) {
    if (loading !== undefined) await patience.wait(loading, patience.settings.modules);
  }
  const { delegation } = request;
  const delegated = delegation && (await openWhenLoaded(delegation, verified, patience));
  try {
    return makeContext(verified, request, mechanism, settings, { ...parts, delegated });
  } catch (error) {
    delegated?.dispose();
    throw error;
  }
}

/** MIT krb5: DCE style implies mutual authentication, even if the initiator does not ask for it. */
function isMutual({ flags }: InitiatorRequest): boolean {
  return (flags & (ContextFlag.mutual | ContextFlag.dceStyle)) !== 0;
}

async function openWhenLoaded(
  delegation: Uint8Array,
  verified: VerifiedApReq,
  patience: Patience,
): Promise<DelegatedCredential> {
  const { modules } = patience.settings;
  if (opener === undefined) {
    const loading = import('../context/open-delegation.ts').then((loaded) => {
      opener = loaded;
    });
    await patience.wait(loading, modules);
  }
  const delegated = opener!.openDelegation(delegation, verified);
  try {
    for (const { sessionKey } of delegated.tickets) {
      const loading = loadEnctype(sessionKey.enctype, sessionKey.crypto);
      if (loading !== undefined) await patience.wait(loading, modules);
    }
  } catch (error) {
    delegated.dispose();
    throw error;
  }
  return delegated;
}

interface ContextParts {
  readonly vouched: VouchedData;
  /** Of the acceptor's subkey. */
  readonly enctype: number | undefined;
  readonly delegated?: DelegatedCredential | undefined;
}

/** If the random source fails, no copy of a key is left. */
function makeContext(
  verified: VerifiedApReq,
  request: InitiatorRequest,
  mechanism: Oid,
  settings: AcceptorSettings,
  { vouched, enctype, delegated }: ContextParts,
): Established {
  const { authenticator, opened } = verified;
  const { service, ticket, sessionKey } = opened;
  const dce = (request.flags & ContextFlag.dceStyle) !== 0;
  const mutual = isMutual(request);
  const flags =
    request.flags |
    (delegated === undefined ? 0 : ContextFlag.delegation) |
    (mutual ? ContextFlag.mutual : 0) |
    // Anonymity (RFC 2743 §1.2.5) follows from the ticket: an initiator cannot request it here.
    (isAnonymousName(ticket.clientName) ? ContextFlag.anonymous : 0);
  const { subkey = sessionKey } = verified;
  // A source for each context, so that clones of this process do not draw the same numbers.
  const random = settings.randomOfContext();
  const acceptorSubkey =
    enctype === undefined ? undefined : makeSubkey(enctype, subkey, dce, random);
  const old = (acceptorSubkey ?? subkey).rfc1964 !== undefined;
  const peerSequence = authenticator.sequenceNumber ?? 0;
  // Without an AP-REP the initiator cannot learn our number: both sides count from its own, as in
  // MIT krb5.
  const ownSequence = mutual ? randomSequenceNumber(random) : peerSequence;
  const acceptor = nameOfService(service.principal);
  const state: Mutable<ContextState> = {
    role: 'acceptor',
    initiator: GssName.ofPrincipal(verified.client),
    acceptor,
    mechanism,
    flags: flags | ContextFlag.transferable | ContextFlag.protectionReady,
    ticket: describeTicket(opened, acceptor.text),
    authorizationData: ticket.authorizationData ?? [],
    vouched,
    // A copy, which the context wipes: the ticket's own may serve another request.
    initiatorKey: verified.subkey ?? sessionKey.copy(),
    sendSequence: new SequenceCounter(ownSequence),
    window: new SequenceWindow(peerSequence, {
      replay: (flags & ContextFlag.replay) !== 0,
      sequence: (flags & ContextFlag.sequence) !== 0,
      // RFC 1964 §1.2.1.2: 32 bits.
      width: old ? 32 : 64,
    }),
    random,
  };
  if (acceptorSubkey !== undefined) state.acceptorSubkey = acceptorSubkey;
  if (delegated !== undefined) state.delegatedCredential = delegated;
  try {
    return { state, reply: mutual ? replyTo(verified, state) : undefined };
  } catch (error) {
    disposeContext(state);
    throw error;
  }
}

/**
 * The acceptor's subkey, in the enctype negotiated by RFC 4537.
 *
 * Tokens of RFC 1964 do not identify their key, so a context that uses them has no acceptor subkey
 * (MIT krb5, accept_sec_context.c). In DCE style every context has one.
 */
function makeSubkey(
  enctype: number,
  initiatorKey: EncryptionKey,
  dce: boolean,
  random: RandomSource,
): EncryptionKey | undefined {
  const key = EncryptionKey.generate(enctype, random, initiatorKey.crypto);
  const bothOld = initiatorKey.rfc1964 !== undefined && key.rfc1964 !== undefined;
  if (!bothOld || dce) return key;
  key.dispose();
  return undefined;
}

/** The name of a service, as in the keytab. All of its contexts share the object, which is immutable. */
function nameOfService(principal: Principal): GssName {
  let name = SERVICE_NAMES.get(principal);
  if (name === undefined) {
    const components = Object.freeze(principal.components.slice());
    name = Object.freeze(GssName.ofPrincipal(Object.freeze({ ...principal, components })));
    SERVICE_NAMES.set(principal, name);
  }
  return name;
}

/** The AP-REP (RFC 4120 §3.2.4); in DCE style without the header of RFC 2743 §3.1. */
function replyTo(verified: VerifiedApReq, state: ContextState): Uint8Array {
  const { authenticator, opened } = verified;
  const { sessionKey } = opened;
  const { acceptorSubkey, sendSequence, random, flags, mechanism } = state;
  // MIT krb5, mk_rep.c: an acceptor without a subkey of its own repeats the initiator's.
  const subkey = acceptorSubkey ?? verified.subkey;
  const part: Mutable<EncApRepPart> = {
    ctime: authenticator.ctime,
    cusec: authenticator.cusec,
    sequenceNumber: sendSequence.low,
  };
  if (subkey !== undefined) part.subkey = { enctype: subkey.enctype, value: subkey.bytes() };
  const sealer: PartSealer = {
    enctype: sessionKey.enctype,
    roomFor: (length) => sessionKey.roomFor(length),
    seal: (message) => sessionKey.seal(KeyUsage.apRepEncPart, message, random),
  };
  const encode = (room?: Room): Uint8Array => encodeSealedApRep(part, sealer, room);
  const dce = (flags & ContextFlag.dceStyle) !== 0;
  try {
    return dce ? encode() : encodeFramed(mechanism, TokenId.apRep, encode);
  } finally {
    part.subkey?.value.fill(0);
  }
}

function describeTicket({ service, ticket, sessionKey }: OpenedTicket, server: string): TicketInfo {
  const { startTime, renewTill } = ticket;
  const info: Mutable<TicketInfo> = {
    server,
    kvno: service.kvno,
    enctype: service.key.enctype,
    sessionEnctype: sessionKey.enctype,
    flags: ticket.flags,
    authTime: new Date(ticket.authTime * 1000),
    endTime: new Date(ticket.endTime * 1000),
  };
  if (startTime !== undefined) info.startTime = new Date(startTime * 1000);
  if (renewTill !== undefined) info.renewTill = new Date(renewTill * 1000);
  return info;
}

const SERVICE_NAMES = new WeakMap<Principal, GssName>();
let opener: typeof import('../context/open-delegation.ts') | undefined;
