/**
 * Reads the state of an exchange that `handshake-export.ts` wrote. Few exchanges have more than one
 * token, and fewer move: an acceptor loads this module for the first one that does.
 */
import { Reader } from './bytes.ts';
import type { DelegatedTicket } from './context/delegated-credential.ts';
import { DelegatedCredential } from './context/delegated-credential.ts';
import { readBytes, readFlag, readList, readOptional } from './context/export-format.ts';
import { readContext, readKey, readPrincipal } from './context/import.ts';
import type { ContextState } from './context/state.ts';
import { loadedProfiles } from './crypto/base-crypto.ts';
import { EncryptionKey } from './crypto/key.ts';
import { addMoreEnctypes } from './crypto/more-enctypes.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import { asReason, DecodeError } from './errors.ts';
import { decodeMechanism, isKrb5Mechanism, Mechanism } from './gss/mechanism.ts';
import type { Oid } from './gss/oid.ts';
import { gssErrorOf } from './gss/status.ts';
import { Kind, readAddress, TIMES } from './handshake-export.ts';
import type { ExportedState, NegotiatingState, ReadyState } from './handshake-state.ts';
import type { AcceptorSettings } from './krb5/settings.ts';
import { Limit } from './messages/limits.ts';

/**
 * Restores the state of an exchange.
 *
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN.
 */
export function importState({ bytes }: ExportedState, settings: AcceptorSettings): ReadyState {
  // Keys of any enctype are used synchronously later.
  addMoreEnctypes(loadedProfiles);
  try {
    return Reader.all(bytes, 'exported handshake', (reader) => readState(reader, settings));
  } catch (error) {
    throw gssErrorOf(asReason(error, { reason: 'export.malformed' }), 'GSS_S_DEFECTIVE_TOKEN');
  }
}

/** @param isInner - Whether the state is inside a negotiation, and so cannot be a negotiation. */
function readState(reader: Reader, settings: AcceptorSettings, isInner = false): ReadyState {
  const kind = reader.u8();
  switch (kind) {
    case Kind['first-token']:
      return { at: 'first-token', hinted: readFlag(reader) };
    case Kind.relaying:
      return {
        at: 'relaying',
        transcript: readList(reader, MAX_TRANSCRIPT, readBytes),
        hops: reader.u32(),
      };
    case Kind['dce-third-leg']: {
      const context = readPendingContext(reader, settings);
      return {
        at: 'dce-third-leg',
        context,
        sessionKey: readKey(reader, settings.credential.crypto),
      };
    }
    case isInner ? undefined : Kind.negotiating:
      return readNegotiating(reader, settings);
    case isInner || !settings.lateFallback ? undefined : Kind['late fallback']: {
      const left = readList(reader, MAX_LEFT, () => readOid(reader, settings));
      if (reader.u8() !== Kind.negotiating) throw unknownState(reader);
      return { ...readNegotiating(reader, settings), late: { left } };
    }
    case isInner ? undefined : Kind['mic-owed']: {
      const mechTypeList = readBytes(reader);
      return { at: 'mic-owed', mechTypeList, context: readPendingContext(reader, settings) };
    }
    default:
      throw unknownState(reader);
  }
}

function readNegotiating(reader: Reader, settings: AcceptorSettings): NegotiatingState {
  const oid = readOid(reader, settings);
  const mechTypeList = readBytes(reader);
  const micRequired = readFlag(reader);
  const inner = readState(reader, settings, true);
  return { at: 'negotiating', oid, mechTypeList, micRequired, inner };
}

function readOid(reader: Reader, { relay }: AcceptorSettings): Oid {
  const oid = decodeMechanism(readBytes(reader));
  if (isKrb5Mechanism(oid) || (oid === Mechanism.iakerb && relay !== undefined)) return oid;
  throw new DecodeError(`${reader.label} has a mechanism that this acceptor lacks`);
}

function unknownState({ label }: Reader): DecodeError {
  return new DecodeError(`${label} is in an unknown state`);
}

function readPendingContext(
  reader: Reader,
  { credential: { crypto }, randomOfContext }: AcceptorSettings,
): ContextState {
  const context = readContext(reader, { crypto, random: randomOfContext() });
  const tickets = readOptional(reader, () =>
    readList(reader, Limit.credentialTickets, () => readTicket(reader, crypto)),
  );
  if (tickets === undefined) return context;
  if (tickets.length === 0) throw new DecodeError(`${reader.label} delegates nothing`);
  return { ...context, delegatedCredential: new DelegatedCredential(tickets) };
}

function readTicket(reader: Reader, crypto: CryptoProvider): DelegatedTicket {
  const client = readPrincipal(reader);
  const server = readPrincipal(reader);
  const sessionKey = new EncryptionKey(reader.i32(), reader.take(reader.u32()), crypto);
  const flags = reader.u32();
  const [authTime, startTime, endTime, renewTill] = TIMES.map(() =>
    Number(BigInt.asIntN(64, reader.u64())),
  ) as [number, number, number, number];
  const addresses = readList(reader, Limit.hostAddresses, readAddress);
  const ticket = readBytes(reader);
  const times = { authTime, startTime, endTime, renewTill };
  return { client, server, sessionKey, flags, ...times, addresses, ticket };
}

// Tokens: two for each message that is relayed.
const MAX_TRANSCRIPT = 64;
// OIDs of the initiator's list, each as often as it repeats it.
const MAX_LEFT = 64;
