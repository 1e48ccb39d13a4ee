/** Reasons that policies of the acceptor and the messages of a context give. Types only; see reasons.ts. */
import type { MalformedDetail, NoDetail } from './client-reasons.ts';

/** Reasons in the replay cache, in policies, in PACs and in delegation. */
export interface PolicyDetails {
  /** The same request came before. */
  'replay.repeated': RepeatDetail;
  /** The replay cache does not answer. */
  'replay.cache-silent': SilenceDetail;
  /** The replay cache reported an error. */
  'replay.cache-failed': ProblemDetail;
  /** The replay cache is full, or the client's share of it. */
  'replay.cache-full': RoomDetail;
  /** The replay cache answered neither true nor false. */
  'replay.cache-fault': AnswerDetail;
  /** The engine of the replay cache may have forgotten the request in a restart. */
  'replay.cache-restarted': AgeDetail;
  /** The clock was set back, so that the replay cache cannot answer. */
  'replay.clock-went-back': NoDetail;
  /** The name of a replay cache is unknown. */
  'replay.unknown-type': NameDetail;
  /** The ticket went through a realm that is not on the path. */
  'realm.transited': PathOfRealmsDetail;
  /** The ticket's list of realms is malformed. */
  'realm.transited-field': NoDetail;
  /** Clients of the realm are not accepted. */
  'realm.not-allowed': ClientRealmDetail;
  /** A KDC vouches for a client of a realm that has a key of its own here. */
  'realm.vouched-by-another': TwoRealmsDetail;
  /** The client sent no channel bindings, which are required. */
  'bindings.missing': MissingBindingsDetail;
  /** The client is bound to another channel. */
  'bindings.mismatch': NoDetail;
  /** The server has no channel bindings, which are required. */
  'bindings.not-available': WhyDetail;
  /** The ticket has no PAC, which is required. */
  'pac.missing': NoDetail;
  /** A signature of the PAC does not verify. */
  'pac.signature': SignatureDetail;
  /** The PAC is malformed. */
  'pac.malformed': NoDetail;
  /** The PAC is that of another client. */
  'pac.other-client': PacClientDetail;
  /** The PAC describes another account than the one that requested the ticket. */
  'pac.other-account': PacAccountDetail;
  /** The client did not ask for a required flag. */
  'policy.flags': MissingFlagsDetail;
  /** The client did not authenticate to its KDC in a required way. */
  'policy.indicator': IndicatorsDetail;
  /** The application does not admit the client. */
  'policy.authorize': ClientDetail;
  /** No credential was delegated: the ticket is not forwardable. */
  'delegation.not-forwardable': NoDetail;
  /** No credential was delegated: the KDC does not trust the service with delegation. */
  'delegation.not-trusted': NoDetail;
  /** No credential was delegated: the client did not ask for it. */
  'delegation.not-requested': NoDetail;
  /** The delegated credential cannot be read. */
  'delegation.malformed': NoDetail;
  /** The delegated credential belongs to another client. */
  'delegation.other-client': DelegationDetail;
}

/** A request that came before. */
export type RepeatDetail = {
  /** The client's principal. */
  readonly client: string;
  /** The service's principal. */
  readonly service: string;
  /** The time in the authenticator, in ISO 8601. */
  readonly clientTime: string;
  /** Its microseconds. */
  readonly clientMicroseconds: number;
  /** Seconds since then. */
  readonly age?: number;
  /** Whether it came from the address of the first one; absent if that is not known. */
  readonly samePeer?: boolean;
};

/** Waiting in vain. */
export type SilenceDetail = {
  /** What does not answer: `'function authorize'`. */
  readonly name?: string;
  /** Seconds without an answer. */
  readonly seconds?: number;
  /** Number of exchanges that wait. */
  readonly waiting?: number;
};

/** A file, and what is wrong with it. */
export type ProblemDetail = {
  /** The file or directory, if it is one. */
  readonly path?: string;
  /** The error behind it. */
  readonly problem?: string;
  /** What helps against this. */
  readonly remedy?: string;
};

/** The room of a replay cache. */
export type RoomDetail = {
  /** The client whose share is used up. */
  readonly client?: string;
  /** Number of its records. */
  readonly held?: number;
  /** Limit of all records. */
  readonly maxEntries?: number;
};

/** An answer of the application's code. */
export type AnswerDetail = {
  /** What it was: `'undefined'`, for example. */
  readonly answer?: string;
};

/** A time to wait. */
export type AgeDetail = {
  /** Seconds. */
  readonly seconds: number;
};

/** A name in the configuration. */
export type NameDetail = {
  /** As it was written, without what may be a password. */
  readonly name?: string;
};

/** The realms of a ticket. */
export type PathOfRealmsDetail = {
  /** Those that it went through. */
  readonly transited: readonly string[];
  /** Those of the path. */
  readonly path: readonly string[];
};

/** A client's realm. */
export type ClientRealmDetail = {
  /** Its name. */
  readonly clientRealm: string;
};

/** The realms of client and service. */
export type TwoRealmsDetail = {
  /** The client's. */
  readonly clientRealm: string;
  /** The service's. */
  readonly serviceRealm: string;
};

/** Missing channel bindings. */
export type MissingBindingsDetail = {
  /** Whether the client says that it supports them (KERB_AP_OPTIONS_CBT, MS-KILE §2.2.6). */
  readonly supported?: boolean;
};

/** Why something is missing. */
export type WhyDetail = {
  /** The cause. */
  readonly why?: string;
};

/** A signature of a PAC. */
export type SignatureDetail = {
  /** `'server'`, `'KDC'`, `'ticket'`, … */
  readonly signature?: string;
  /** Number of the read-only domain controller that made it. */
  readonly readOnlyController?: number;
};

/** The clients of PAC and ticket. */
export type PacClientDetail = {
  /** The name in the PAC. */
  readonly pacClient?: string;
  /** The name in the ticket. */
  readonly ticketClient?: string;
  /** The time in the PAC, in ISO 8601. */
  readonly pacAuthTime?: string;
  /** The time in the ticket, in ISO 8601. */
  readonly ticketAuthTime?: string;
};

/** Two accounts in a PAC that should be one, by their SIDs. */
export type PacAccountDetail = {
  /** The account that requested the ticket. */
  readonly requestorSid: string;
  /** The account that the PAC describes. */
  readonly userSid: string;
};

/** Flags that a client did not ask for. */
export type MissingFlagsDetail = {
  /** Their names. */
  readonly missing: readonly string[];
};

/** Authentication indicators (RFC 8129). */
export type IndicatorsDetail = {
  /** One of these is required. */
  readonly required: readonly string[];
  /** Those of the ticket. */
  readonly indicators: readonly string[];
};

/** A client that the application does not admit. */
export type ClientDetail = {
  /** Its principal. */
  readonly client?: string;
  /** What `authorize` returned. */
  readonly answer?: string;
};

/** The clients of a delegated credential and of its context. */
export type DelegationDetail = {
  /** The client in the credential. */
  readonly delegated: string;
  /** The client of the context. */
  readonly initiator: string;
};

/** Reasons in messages of an established context, in exports and in names. */
export interface MessageDetails {
  /** The message was altered, or made by another context. */
  'message.altered': NoDetail;
  /** The bytes are not a token of the expected kind. */
  'message.malformed': MalformedDetail;
  /** The message was made by another context. */
  'message.other-context': NoDetail;
  /** The message was sent in the other direction: it was reflected. */
  'message.wrong-direction': NoDetail;
  /** The message is cut off. */
  'message.truncated': NoDetail;
  /** The message came before. */
  'message.duplicate': SequenceDetail;
  /** The message is too old to tell whether it came before. */
  'message.old': SequenceDetail;
  /** A later message came before this one. */
  'message.unsequenced': SequenceDetail;
  /** A message before this one is missing. */
  'message.gap': SequenceDetail;
  /** The context cannot protect messages in this way. */
  'message.not-offered': NoDetail;
  /** The context was disposed of, or exported. */
  'message.no-context': NoDetail;
  /** The bytes are no export of this package, or were altered. */
  'export.malformed': NoDetail;
  /** A name is malformed. */
  'name.malformed': NoDetail;
  /** Names of this type are not supported. */
  'name.type': NameTypeDetail;
  /** The name is of another mechanism. */
  'name.mechanism': NameMechanismDetail;
  /** The name is not one of a mechanism. */
  'name.not-of-mechanism': NoDetail;
}

/** Sequence numbers as text, since they may need 64 bits. */
export type SequenceDetail = {
  /** The next number. */
  readonly expected?: string;
  /** The message's number. */
  readonly received?: string;
};

/** A type of names. */
export type NameTypeDetail = {
  /** Its OID. */
  readonly type?: string;
};

/** A mechanism of names. */
export type NameMechanismDetail = {
  /** Its name or OID. */
  readonly mechanism: string;
};
