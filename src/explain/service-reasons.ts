/** Reasons that the service itself gives: its files, its code, its ports. Types only; see reasons.ts. */
import type { NoDetail } from './client-reasons.ts';
import type { NameDetail, SilenceDetail } from './policy-reasons.ts';
import type { RealmDetail, UnreachableKdcDetail } from './relay-details.ts';

/** Faults of the application's own code, or of this package. */
export interface FaultDetails {
  /** The clock gives no time. */
  'fault.clock': NoDetail;
  /** The source of randomness gives no bytes. */
  'fault.random': NoDetail;
  /** A callback threw or gave an answer of the wrong type. */
  'fault.callback': CallbackDetail;
  /** A callback does not answer. */
  'fault.callback-silent': SilenceDetail;
  /** A part of this package, which is loaded when it is needed, does not load in time. */
  'fault.module-silent': SilenceDetail;
  /** A part of this package, which is loaded when it is needed, cannot be loaded. */
  'fault.module': NoDetail;
  /** The exchange was aborted. */
  'fault.aborted': NoDetail;
  /** An unexpected error. */
  'fault.program': NoDetail;
}

/** A callback of the application. */
export type CallbackDetail = {
  /** The name of the option. */
  readonly callback?: string;
  /** What it threw, or what is wrong with its answer. */
  readonly problem?: string;
};

/** Reasons in files. */
export interface FileDetails {
  /** There is no such keytab file. */
  'keytab.missing': PathDetail;
  /** The keytab cannot be read. */
  'keytab.unreadable': PathDetail;
  /** A directory above the keytab cannot be entered. */
  'keytab.directory-unreadable': DirectoryDetail;
  /** The keytab has no entries. */
  'keytab.empty': PathDetail;
  /** The file is not a keytab. */
  'keytab.not-a-keytab': FormatDetail;
  /** An entry of the keytab cannot be read. */
  'keytab.bad-entry': PathDetail;
  /** Others can read the keytab. */
  'keytab.too-open': PathDetail;
  /** The keytab is the public sample of this package. */
  'keytab.sample': PathDetail;
  /** The keytab has keys of one version, but older ones of another encryption type. */
  'keytab.kvno-behind': PathDetail;
  /** The keytab has different keys of one version and encryption type. */
  'keytab.conflict': PathDetail;
  /** A key of the keytab was written in the future: one of two clocks is wrong. */
  'keytab.dated-ahead': PathDetail;
  /** The keytab has the key of the realm itself. */
  'keytab.realm-key': PathDetail;
  /** The keytab has weak keys only. */
  'keytab.weak': PathDetail;
  /** No key for the service can be used, because of its encryption type. */
  'keytab.unusable': UnusableDetail;
  /** The newest keys for the service cannot be used, because of their encryption type; older ones can. */
  'keytab.newest-unusable': UnusableDetail;
  /** Some keys for the service are not used, because of their encryption type; others as new as they are. */
  'keytab.not-used': UnusableDetail;
  /** The keytab is being written all the time. */
  'keytab.changing': PathDetail;
  /** The keytab can no longer be read, and its last keys are too old. */
  'keytab.stale': PathDetail;
  /** The keytab provider failed, or returned no keytab. */
  'keytab.failed': PathDetail;
  /** The keytab provider does not answer. */
  'keytab.silent': SilenceDetail;
  /** The name of the keytab has an unknown type. */
  'keytab.unknown-type': NameDetail;
  /** The keytab has no key for the service. */
  'keytab.no-service': NoServiceDetail;
  /** There is no such krb5.conf. */
  'config.missing': PathDetail;
  /** A krb5.conf cannot be read. */
  'config.unreadable': PathDetail;
  /** A krb5.conf is malformed. */
  'config.syntax': PathDetail;
  /** A krb5.conf has a setting that nothing reads. */
  'config.unknown-setting': SettingDetail;
  /** A krb5.conf has a value that is ignored, or that MIT krb5 reads otherwise. */
  'config.bad-value': SettingDetail;
  /** A krb5.conf includes a file that cannot be read. */
  'config.include': PathDetail;
}

/** A file, if it came from one. */
export type PathDetail = {
  /** Its path. */
  readonly path?: string;
  /** The fault of the file. */
  readonly problem?: string;
};

/** Keys that cannot be used. */
export type UnusableDetail = {
  /** The principals, at most 8, then `'N more'`. */
  readonly principals: readonly string[];
  /** Their encryption types. */
  readonly enctypes: readonly string[];
};

/** A file behind a directory. */
export type DirectoryDetail = PathDetail & {
  /** The directory that cannot be entered. */
  readonly directory?: string;
};

/** What a file is instead. */
export type FormatDetail = PathDetail & {
  /** Its format; absent if it is not recognised. */
  readonly looksLike?: Lookalike;
};

/** What is taken for a keytab, or what was done to one. */
export type Lookalike =
  | 'ccache'
  | 'base64'
  | 'hex'
  | 'hex-dump'
  | 'utf-16'
  | 'byte-order-mark'
  | 'text'
  | 'utf-8'
  | 'plain-text'
  | 'line-ends'
  | 'pem'
  | 'little-endian'
  | 'gzip'
  | 'klist'
  | 'krb5.conf'
  | 'web-page'
  | 'json'
  | 'zeros';

/** A service, and the names in a keytab. */
export type NoServiceDetail = {
  /** The service that is looked for. */
  readonly service?: string;
  /** The name in the keytab that is most like it. */
  readonly near?: string;
  /** In which way it differs, as in the names of the reasons: `'short-name'`. */
  readonly likeness?: string;
  /** At most 8, then `'N more'`. */
  readonly keytabPrincipals: readonly string[];
  /** The keytab file, if it came from one. */
  readonly path?: string;
};

/** A setting of krb5.conf. */
export type SettingDetail = PathDetail & {
  /** Its name. */
  readonly setting?: string;
};

/** Reasons of servers over TCP and HTTP, of programs, and of the clients of `./testing`. */
export interface ServerDetails {
  /** The client does not authenticate, and must. */
  'policy.unauthenticated': NoDetail;
  /** The client sent nothing for longer than the server waits. */
  'server.client-silent': SilentClientDetail;
  /** The client closed its connection in the middle. */
  'server.client-gone': GoneClientDetail;
  /** The server was full, and the client not authenticated. */
  'server.displaced': NoDetail;
  /** The server is stopping. */
  'server.stopping': NoDetail;
  /** The request's headers are longer than the server accepts. */
  'http.header-too-long': HeaderLengthDetail;
  /** The request's headers are malformed. */
  'http.header-malformed': HeaderDetail;
  /** The client authenticates with another scheme than Negotiate. */
  'http.other-scheme': SchemeDetail;
  /** The request came without TLS, which is required. */
  'http.plain-http': PlainHttpDetail;
  /** A page of another site made the request. */
  'http.other-origin': NoDetail;
  /** The session does not fit into a cookie. */
  'http.session-too-long': SessionLengthDetail;
  /** The session's cookie is for TLS, and the request came without. */
  'http.session-plain-http': CookieDetail;
  /** The store of sessions failed. */
  'http.session-store': NoDetail;
  /** Another process listens on the port. */
  'server.port-in-use': ListenDetail;
  /** The port is for privileged users. */
  'server.port-privileged': ListenDetail;
  /** The address does not belong to this machine. */
  'server.address': ListenDetail;
  /** The log file cannot be written. */
  'server.log-file': PathDetail;
  /** Options of a program that do not fit together. */
  'server.option': OptionDetail;
  /** The name of a host has no address in DNS. */
  'dns.no-address': HostDetail;
  /** The name of a host is an alias, and the name behind it has no key. */
  'dns.alias': HostDetail;
  /** The address of a host has another name, which has no key. */
  'dns.reverse': HostDetail;
  /** The name of a service has an address in place of a host's name. */
  'dns.address-as-name': HostDetail;
  /** The acceptor has no replay cache. */
  'server.no-replay-cache': NoDetail;
  /** No KDC of the realm is known. */
  'kdc.unknown': RealmDetail;
  /** No KDC of the realm answers. */
  'kdc.unreachable': UnreachableKdcDetail;
  /** The KDC does not know the service. */
  'kdc.no-service': NoDetail;
  /** Redis or PostgreSQL cannot be used. */
  'server.engine': EngineDetail;
  /** A server sent a client of `./testing` something else than the protocol says. */
  'testing.answer': NoDetail;
  /** A server refused a client of `./testing`. */
  'testing.refused': RefusedDetail;
}

/** The length of a request's headers. */
export type HeaderLengthDetail = {
  /** Bytes that came. */
  readonly bytes?: number;
  /** The limit. */
  readonly limit?: number;
};

/** How a request came without TLS. */
export type PlainHttpDetail = {
  /** A header that reveals a proxy, if nothing trusted says whether the client used TLS. */
  readonly proxyHeader?: string;
};

/** A fault of headers. */
export type HeaderDetail = {
  /** The problem. */
  readonly problem?: string;
};

/** A scheme of HTTP authentication. */
export type SchemeDetail = {
  /** Its name, if it is a known one. */
  readonly scheme: string;
};

/** The length of a session's cookie. */
export type SessionLengthDetail = {
  /** Bytes. */
  readonly length: number;
  /** Number of groups in it. */
  readonly groups: number;
};

/** A cookie. */
export type CookieDetail = {
  /** Its name. */
  readonly cookie: string;
};

/** A host. */
export type HostDetail = {
  /** Its name. */
  readonly host?: string;
  /** The other name. */
  readonly other?: string;
};

/** Where a server listens. */
export type ListenDetail = {
  /** The address. */
  readonly address?: string;
  /** The port. */
  readonly port?: number;
  /** The option by which the operator chose them: `-port`. */
  readonly option?: string;
};

/** An option of a program. */
export type OptionDetail = {
  /** As it is written. */
  readonly option?: string;
};

/** An engine of shared caches. */
export type EngineDetail = {
  /** Its URL without secrets. */
  readonly engine?: string;
};

/** A refusal by a server. */
export type RefusedDetail = {
  /** The number of the KRB-ERROR. */
  readonly errorCode?: number;
};

/** Reasons of SASL exchanges (RFC 4752). */
export interface SaslDetails {
  /** The client chose a SASL mechanism that is not offered. */
  'sasl.unknown-mechanism': FactsDetail;
  /** The token is not one of Kerberos, which this SASL mechanism needs. */
  'sasl.other-mechanism': FactsDetail;
  /** The client sent an empty response instead of a token. */
  'sasl.empty-response': FactsDetail;
  /** The client sent data where it had to send an empty response. */
  'sasl.early-data': FactsDetail;
  /** The response of the client is too long. */
  'sasl.too-long': FactsDetail;
  /** The client did not ask for flags that this SASL mechanism needs. */
  'sasl.flags': FactsDetail;
  /** The client can use no security layer that the server permits. */
  'sasl.layer-unavailable': FactsDetail;
  /** The client wants a security layer that the server does not permit. */
  'sasl.layer-not-permitted': FactsDetail;
  /** The client chose a security layer that was not offered. */
  'sasl.layer-not-offered': FactsDetail;
  /** The buffer of the client is too small for any frame of the security layer. */
  'sasl.client-buffer': FactsDetail;
  /** The choice of the security layer is malformed. */
  'sasl.malformed-choice': FactsDetail;
  /** A token of the client is repeated, missing or out of order. */
  'sasl.out-of-order': FactsDetail;
  /** The authorization identity is malformed. */
  'sasl.malformed-name': FactsDetail;
  /** The client may not act as the identity that it asked for. */
  'sasl.not-authorized': FactsDetail;
  /** The ticket is for another service. */
  'sasl.other-service': FactsDetail;
  /** The header of GS2 is malformed. */
  'sasl.gs2-header': FactsDetail;
  /** The client uses channel bindings where its mechanism has none, or none where it needs them. */
  'sasl.binding-flag': FactsDetail;
  /** The client saw no mechanism with channel bindings, although the server offers one. */
  'sasl.downgrade': FactsDetail;
  /** The client does not use channel bindings, which are required. */
  'sasl.bindings-required': FactsDetail;
  /** The client uses channel bindings of a type that the server has not. */
  'sasl.binding-type': FactsDetail;
  /** The token is not bound to the header of GS2. */
  'sasl.unbound-header': FactsDetail;
  /** A frame of the security layer is empty. */
  'sasl.frame-empty': FactsDetail;
  /** A frame of the security layer is longer than the server permits. */
  'sasl.frame-too-long': FactsDetail;
  /** The connection ended within a frame of the security layer. */
  'sasl.frame-truncated': FactsDetail;
  /** A frame is not encrypted, although confidentiality was agreed on. */
  'sasl.frame-not-encrypted': FactsDetail;
}

/** What was expected, and what came. */
export type FactsDetail = {
  /** In words. */
  readonly facts?: string;
};

/** A client that was too slow. */
export type SilentClientDetail = {
  /** The limit that it exceeded. */
  readonly limit?: string;
};

/** A client that went away. */
export type GoneClientDetail = {
  /** How far it had come, or the error of the system. */
  readonly problem?: string;
};
