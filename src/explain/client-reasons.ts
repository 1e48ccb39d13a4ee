/** Reasons that a client, its ticket or its messages give. Types only; see reasons.ts. */

import type {
  RelayBoundDetail,
  RelayedRealmDetail,
  TranscriptDetail,
  UnreachableKdcDetail,
} from './relay-details.ts';

/** Nothing beyond the reason itself. */
export type NoDetail = Record<never, never>;

/** Reasons in a token, before the Kerberos message in it is read. */
export interface TokenDetails {
  /** The client sent no token. */
  'token.empty': NoDetail;
  /** The text of an `Authorization` header is not base64. */
  'token.not-base64': Base64Detail;
  /** The token ends before its own lengths say that it does. */
  'token.truncated': LengthDetail;
  /** The token is not what the RFC of its mechanism describes. */
  'token.malformed': MalformedDetail;
  /** The token does not begin like the first token of a GSS-API exchange. */
  'token.no-gss-header': LooksDetail;
  /** A Kerberos AP-REQ without the GSS-API header before it. */
  'token.bare-ap-req': NoDetail;
  /** The client sent an error message of Kerberos. */
  'token.krb-error': KrbErrorDetail;
  /** The peer sent the answer of a server: the roles are exchanged. */
  'token.ap-rep': NoDetail;
  /** Another message of Kerberos than the expected one. */
  'token.wrong-message': MessageDetail;
  /** Another version of Kerberos than 5. */
  'token.wrong-version': VersionDetail;
  /** A later token of an exchange that began elsewhere, or in the wrong place. */
  'token.out-of-order': LooksDetail;
  /** The token is longer than the limit. */
  'token.too-long': LengthDetail;
  /** The client sent NTLM instead of Kerberos. */
  'negotiate.ntlm': OfferDetail;
  /** The client sent NegoEx instead of Kerberos. */
  'negotiate.negoex': OfferDetail;
  /** The client offers IAKERB only. */
  'negotiate.iakerb-only': OfferDetail;
  /** The client offers IAKERB, NTLM or NegoEx beside it, and no Kerberos V5. */
  'negotiate.iakerb-or-ntlm': OfferDetail;
  /** The client offers user-to-user Kerberos only. */
  'negotiate.user-to-user-only': OfferDetail;
  /** The client offers no mechanism that this acceptor has. */
  'negotiate.no-common-mechanism': OfferDetail;
  /** The client uses a mechanism that the acceptor is not configured for. */
  'negotiate.mechanism-off': MechanismOffDetail;
  /** The list of offered mechanisms was altered on its way. */
  'negotiate.list-altered': NoDetail;
  /** The client rejected the negotiation. */
  'negotiate.rejected': NoDetail;
  /** The client was asked for Kerberos and did not come back. */
  'negotiate.abandoned': OfferDetail;
  /** The client needs several requests, and the next one may come on another connection. */
  'negotiate.other-connection': PreferenceDetail;
  /** The client uses IAKERB, which this acceptor does not offer. */
  'iakerb.off': MechanismOffDetail;
  /** The client asks for a realm that is not relayed for it. */
  'iakerb.realm-not-relayed': RelayedRealmDetail;
  /** No KDC of the realm answers. */
  'iakerb.kdc-unreachable': UnreachableKdcDetail;
  /** More messages for KDCs than a bound of the acceptor allows. */
  'iakerb.too-many': RelayBoundDetail;
  /** The checksum over the relayed messages does not verify. */
  'iakerb.transcript': TranscriptDetail;
  /** The client did not send the third leg of DCE style. */
  'dce.third-leg-missing': NoDetail;
  /** The third leg of DCE style does not verify. */
  'dce.third-leg-wrong': NoDetail;
  /** DCE style is asked for in a token with a GSS-API header. */
  'dce.framed': NoDetail;
}

/** What is wrong with a text that should be base64. */
export type Base64Detail = {
  /** Number of characters. */
  readonly length: number;
  /** The kind of mistake. */
  readonly problem?: string;
  /** Index of the first character that is not base64. */
  readonly at?: number;
  /** What helps against this. */
  readonly remedy?: string;
};

/** What is wrong with bytes. */
export type MalformedDetail = {
  /** Which bytes, and how. */
  readonly problem?: string;
};

/** Numbers of bytes. */
export type LengthDetail = {
  /** Bytes that are announced. */
  readonly wanted?: number;
  /** Bytes that are there. */
  readonly left?: number;
};

/** What bytes look like. */
export type LooksDetail = {
  /** `'NTLM'`, `'base64 text'`, … */
  readonly looksLike?: string;
};

/** A KRB-ERROR. */
export type KrbErrorDetail = {
  /** The number of RFC 4120 §7.5.9. */
  readonly errorCode?: number;
  /** Its name. */
  readonly errorName?: string;
  /** The peer's own text. */
  readonly text?: string;
};

/** A message of Kerberos. */
export type MessageDetail = {
  /** `'AP-REP'`, for example. */
  readonly message?: string;
};

/** A protocol version. */
export type VersionDetail = {
  /** The version of the message. */
  readonly version: number;
};

/** The mechanisms that a client offers. */
export type OfferDetail = {
  /** OIDs, if the client sent a list. */
  readonly offered?: readonly string[];
  /** The same by name, at most 8. */
  readonly names?: readonly string[];
  /** Whether the client offers Kerberos too, but prefers this. */
  readonly preferred?: boolean;
  /** Whether it went away in the middle of a login that was relayed (IAKERB). */
  readonly relayed?: boolean;
};

/** A mechanism and the accepted ones, by name. */
export type MechanismOffDetail = {
  /** The one that the client uses. */
  readonly mechanism: string;
  /** The accepted ones. */
  readonly accepted: readonly string[];
};

/** Why a client needs several requests, and why they cannot be kept together. */
export type PreferenceDetail = {
  /** What the client prefers to Kerberos: `'NTLM'` or `'NegoEx'`. */
  readonly prefers?: string;
  /** Why nothing keeps its requests together. */
  readonly problem?: string;
};

/** Reasons why no key of the keytab opens a ticket, and reasons in keys and encryption types. */
export interface KeyDetails {
  /** The client sent its ticket-granting ticket instead of a ticket for this service. */
  'spn.ticket-granting': NoKeyDetail;
  /** The ticket is for another service on the same host. */
  'spn.other-service': NoKeyDetail;
  /** The ticket is for the same service on another host, such as an alias. */
  'spn.other-host': NoKeyDetail;
  /** One name has the short host name, the other the full one. */
  'spn.short-name': NoKeyDetail;
  /** The ticket is for the same service in another realm. */
  'spn.other-realm': NoKeyDetail;
  /** Ticket and keytab name the service in different upper and lower case. */
  'spn.name-case': NoKeyDetail;
  /** The keytab has the name in one component: its slash was not taken as a separator. */
  'spn.unsplit-name': NoKeyDetail;
  /** The keytab has the ticket's service, but this acceptor accepts others only. */
  'spn.not-accepted': NoKeyDetail;
  /** The keytab has no key for the service of this acceptor. */
  'spn.no-service': NoKeyDetail;
  /** The realms of ticket and keytab differ in case only. */
  'spn.realm-case': NoKeyDetail;
  /** The keytab has no key for the server that the ticket names. */
  'spn.not-in-keytab': NoKeyDetail;
  /** The ticket is for an account and not for a service on a host. */
  'spn.account-name': NoKeyDetail;
  /** The account's key was changed after the keytab was written. */
  'key.stale-keytab': NoKeyDetail;
  /** The ticket was issued before the key was changed. */
  'key.stale-ticket': NoKeyDetail;
  /** The keytab has the key, but not of the ticket's encryption type. */
  'key.enctype-missing': NoKeyDetail;
  /** The key of the right version and encryption type does not open the ticket. */
  'key.wrong': NoKeyDetail;
  /** The keytab's key has kvno 0, which stands for any, and does not open the ticket. */
  'key.wrong-any-kvno': NoKeyDetail;
  /** Ticket or keytab has only the low 8 bits of a kvno above 255. */
  'key.wrapped-kvno': NoKeyDetail;
  /** The keytab's key is of an encryption type that this acceptor lacks. */
  'key.unusable': NoKeyDetail;
  /** The keytab's key is of a weak encryption type, which is off. */
  'key.weak': NoKeyDetail;
  /** A key does not have the length that its encryption type requires. */
  'key.size': KeySizeDetail;
  /** A checksum is of a type that the key cannot verify. */
  'key.checksum-type': ChecksumTypeDetail;
  /** A key does not decrypt what it should. */
  'key.integrity': NoDetail;
  /** The policy does not permit the encryption type of ticket, session key or subkey. */
  'enctype.not-permitted': EnctypePolicyDetail;
  /** The cryptography in use lacks the encryption type. */
  'enctype.unsupported': EnctypeDetail;
  /** The encryption type is weak and therefore off. */
  'enctype.weak-off': EnctypeDetail;
  /** The client offers no permitted encryption type for the acceptor's subkey. */
  'enctype.no-common-subkey': SubkeyDetail;
}

/** The facts about a ticket that no key opened. Lists have at most 8 items, then `'N more'`. */
export type NoKeyDetail = {
  /** The server that the ticket names. */
  readonly ticketServer: string;
  /** The ticket's kvno; 0 if it has none. */
  readonly kvno: number;
  /** The ticket's enctype. */
  readonly enctype: string;
  /** The names in the keytab, accepted ones first. */
  readonly keytabPrincipals: readonly string[];
  /** The kvnos of the entries in question. */
  readonly keytabKvnos: readonly string[];
  /** The enctypes of the entries in question. */
  readonly keytabEnctypes: readonly string[];
  /** The services that the acceptor accepts; absent if it accepts all of the keytab. */
  readonly service?: string;
  /** Whether the acceptor's service is one principal, so that only keys of the ticket's kvno are tried. */
  readonly explicit?: boolean;
  /** When the newest of the entries in question was written, in ISO 8601; absent if unknown. */
  readonly keyDate?: string;
  /** The name in the keytab that is most like the wanted one. */
  readonly near?: string;
  /** In which way it differs, as in the names of the reasons. */
  readonly likeness?: string;
  /** Number of keys of other names that were tried, if not all were. */
  readonly keysTried?: number;
  /** Number of keys of other names with the ticket's enctype, if not all were tried. */
  readonly keysOfEnctype?: number;
};

/** The length of a key. */
export type KeySizeDetail = {
  /** Name of the enctype. */
  readonly enctype?: string;
  /** In bytes. */
  readonly length?: number;
  /** In bytes. */
  readonly expected?: number;
};

/** A type of checksum, and the key that should verify it. */
export type ChecksumTypeDetail = {
  /** Name of the key's enctype. */
  readonly enctype: string;
  /** RFC 3961 §8. */
  readonly checksumType: number;
};

/** An encryption type. */
export type EnctypeDetail = {
  /** Its name. */
  readonly enctype: string;
  /** Whose it is: `'ticket'`, `'session key'`, `'subkey'`. */
  readonly of?: string;
};

/** An encryption type, and the permitted ones. */
export type EnctypePolicyDetail = {
  /** Its name. */
  readonly enctype: string;
  /** Whose it is: `'ticket'`, `'session key'`, `'subkey'`. */
  readonly of: string;
  /** Names of the permitted ones. */
  readonly permitted: readonly string[];
};

/** Encryption types of the client, and the permitted ones. */
export type SubkeyDetail = {
  /** Names of those that the client offers or uses. */
  readonly offered: readonly string[];
  /** Names of the permitted ones. */
  readonly permitted: readonly string[];
};

/** Reasons in an opened ticket and its authenticator. */
export interface TicketDetails {
  /** The client's clock is ahead. */
  'clock.client-ahead': ClockDetail;
  /** The client's clock is behind. */
  'clock.client-behind': ClockDetail;
  /** This machine's clock is ahead of both client and KDC. */
  'clock.server-ahead': ClockDetail;
  /** This machine's clock is behind both client and KDC. */
  'clock.server-behind': ClockDetail;
  /** The ticket has expired. */
  'ticket.expired': TicketTimesDetail;
  /** The ticket is not valid yet. */
  'ticket.not-yet-valid': TicketTimesDetail;
  /** The ticket is postdated and not valid yet. */
  'ticket.postdated': TicketTimesDetail;
  /** The KDC must validate the ticket first. */
  'ticket.invalid-flag': NoDetail;
  /** The ticket was altered: its key has opened other tickets. */
  'ticket.altered': NoKeyDetail;
  /** The ticket is bound to other addresses than the client's. */
  'ticket.addresses': AddressesDetail;
  /** The ticket is bound to addresses, and the client's is not known. */
  'ticket.no-peer-address': AddressesDetail;
  /** The client asks for user-to-user authentication. */
  'ticket.user-to-user': NoDetail;
  /** The client is anonymous. */
  'ticket.anonymous': NoDetail;
  /** A ticket that claims to be anonymous names a client. */
  'ticket.anonymous-name': NoDetail;
  /** The ticket opens, its authenticator does not. */
  'authenticator.altered': NoDetail;
  /** Ticket and authenticator name different clients. */
  'authenticator.other-client': ClientsDetail;
  /** The authenticator was not made for GSS-API. */
  'authenticator.no-checksum': NoDetail;
  /** The authenticator's options are malformed. */
  'authenticator.options': NoDetail;
  /** Critical authorization data that is not understood. */
  'authdata.critical': AuthorizationDataDetail;
}

/** The clocks of client and server, in ISO 8601. */
export type ClockDetail = {
  /** The time by the client's clock. */
  readonly clientTime: string;
  /** The time by this machine's clock. */
  readonly now: string;
  /** When the ticket begins, by the KDC's clock: usually when it was issued. */
  readonly startTime: string;
  /** When the ticket ends. */
  readonly endTime: string;
  /** Seconds by which the client's clock is ahead of this machine's; negative if behind. */
  readonly offset: number;
  /** Allowed seconds. */
  readonly maxSkew: number;
  /** What the difference looks like, if it is a whole number of half hours. */
  readonly looksLike?: 'time-zone' | 'daylight-saving';
};

/** The times of a ticket, in ISO 8601. */
export type TicketTimesDetail = {
  /** The time by this machine's clock. */
  readonly now: string;
  /** When the ticket begins. */
  readonly startTime: string;
  /** When the ticket ends. */
  readonly endTime: string;
};

/** Network addresses. */
export type AddressesDetail = {
  /** The client's. */
  readonly peerAddress?: string;
  /** Those in the ticket. */
  readonly ticketAddresses?: readonly string[];
};

/** Two names of a client. */
export type ClientsDetail = {
  /** In the ticket. */
  readonly ticketClient: string;
  /** In the authenticator. */
  readonly authenticator: string;
};

/** An element of authorization data. */
export type AuthorizationDataDetail = {
  /** RFC 4120 §7.5.4. */
  readonly authorizationDataType: number;
};
