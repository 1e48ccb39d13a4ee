/** krb5-acceptor: a Kerberos V5 GSS-API acceptor. Everything here runs in any JavaScript runtime. */

export type { Acceptor, Handshake } from './acceptor.ts';
export { createAcceptor } from './acceptor.ts';
export type { ClientRealms, TransitedCheck } from './ap/client-policy.ts';
export type { StopSignal } from './ap/patience.ts';
export type { MemoryReplayCacheOptions, ReplayCache, ReplayRecord } from './ap/replay-cache.ts';
export { MemoryReplayCache } from './ap/replay-cache.ts';
export type { PacPolicy } from './ap/vouched-data.ts';
export type { LocalNameConfig, LocalNameMappings } from './config/local-name.ts';
export { localName } from './config/local-name.ts';
export type { ConfigProblem, Profile, ProfileSource } from './config/profile.ts';
export type { ConfiguredPolicy, KerberosConfig } from './config/settings.ts';
export { acceptorPolicy, parseKerberosConfig, realmOfHost } from './config/settings.ts';
export type { RealmPaths } from './config/transited.ts';
export type {
  MicStatus,
  PrfKey,
  SecurityContext,
  UnwrappedMessage,
  WrapOptions,
} from './context/context.ts';
export type { WeakEnctypeReport } from './context/context-facts.ts';
export { nameAttributes } from './context/context-facts.ts';
export { formatCredentialCache } from './context/credential-cache.ts';
export type { DelegatedCredential, DelegatedTicket } from './context/delegated-credential.ts';
export type { ImportOptions } from './context/import.ts';
export { importSecurityContext } from './context/import.ts';
export type { ContextNote } from './context/notes.ts';
export { contextNotes } from './context/notes.ts';
export type { TicketInfo } from './context/state.ts';
export type { BlockCipher, CryptoBackend, HashName, Mac } from './crypto/backend.ts';
export { defaultCrypto, EncryptionKey, nobleCrypto } from './crypto/default-crypto.ts';
export type { PasswordOptions } from './crypto/key.ts';
export { Enctype, enctypeName, isWeakEnctype, parseEnctype } from './crypto/numbers.ts';
export type {
  EncryptionProfile,
  KeyedProfile,
  MessagePieces,
  Sealer,
  Segment,
} from './crypto/profile.ts';
export type { CryptoProvider, KeyedChecksum } from './crypto/provider.ts';
export type {
  DecodeErrorOptions,
  ErrorDetail,
  KerberosErrorName,
  KerberosErrorOptions,
} from './errors.ts';
export { DecodeError, explain, isRefusal, KerberosError, ReasonedError } from './errors.ts';
export type {
  AddressesDetail,
  AuthorizationDataDetail,
  Base64Detail,
  ChecksumTypeDetail,
  ClientsDetail,
  ClockDetail,
  EnctypeDetail,
  EnctypePolicyDetail,
  KeyDetails,
  KeySizeDetail,
  KrbErrorDetail,
  LengthDetail,
  LooksDetail,
  MalformedDetail,
  MechanismOffDetail,
  MessageDetail,
  NoDetail,
  NoKeyDetail,
  OfferDetail,
  PreferenceDetail,
  SubkeyDetail,
  TicketDetails,
  TicketTimesDetail,
  TokenDetails,
  VersionDetail,
} from './explain/client-reasons.ts';
export type {
  AgeDetail,
  AnswerDetail,
  ClientDetail,
  ClientRealmDetail,
  DelegationDetail,
  IndicatorsDetail,
  MessageDetails,
  MissingBindingsDetail,
  MissingFlagsDetail,
  NameDetail,
  NameMechanismDetail,
  NameTypeDetail,
  PacAccountDetail,
  PacClientDetail,
  PathOfRealmsDetail,
  PolicyDetails,
  ProblemDetail,
  RepeatDetail,
  RoomDetail,
  SequenceDetail,
  SignatureDetail,
  SilenceDetail,
  TwoRealmsDetail,
  WhyDetail,
} from './explain/policy-reasons.ts';
export type {
  ProxyAddressDetail,
  ProxyClientDetail,
  ProxyDetails,
  ProxyHeaderDetail,
  ProxyRuleDetail,
} from './explain/proxy-reasons.ts';
export type { DetailOf, Reason, ReasonDetails, Refusal, RefusalInit } from './explain/reasons.ts';
export type {
  RealmDetail,
  RelayBoundDetail,
  RelayedRealmDetail,
  TranscriptDetail,
  UnreachableKdcDetail,
} from './explain/relay-details.ts';
export type {
  CallbackDetail,
  CookieDetail,
  DirectoryDetail,
  EngineDetail,
  FactsDetail,
  FaultDetails,
  FileDetails,
  FormatDetail,
  GoneClientDetail,
  HeaderDetail,
  HeaderLengthDetail,
  HostDetail,
  ListenDetail,
  Lookalike,
  NoServiceDetail,
  OptionDetail,
  PathDetail,
  PlainHttpDetail,
  RefusedDetail,
  SaslDetails,
  SchemeDetail,
  ServerDetails,
  SessionLengthDetail,
  SettingDetail,
  SilentClientDetail,
  UnusableDetail,
} from './explain/service-reasons.ts';
export type {
  ChannelAddress,
  ChannelBindingPolicy,
  ChannelBindings,
} from './gss/channel-bindings.ts';
export { Mechanism, mechanismName, parseMechanism } from './gss/mechanism.ts';
export type { NameOptions } from './gss/name.ts';
export {
  canonicalizeName,
  compareNames,
  displayName,
  exportName,
  exportNameComposite,
  GssName,
  GssNameType,
  importName,
} from './gss/name.ts';
export type { Oid, OidStyle } from './gss/oid.ts';
export { formatOid, parseOid } from './gss/oid.ts';
export type { GssErrorCode, GssErrorOptions } from './gss/status.ts';
export { ContextFlag, displayMajor, displayStatus, GssError } from './gss/status.ts';
export { tlsExporter, tlsServerEndPoint } from './gss/tls-bindings.ts';
export type { KeytabProvider } from './keytab/key-source.ts';
export type { Keytab, KeytabEntry, ParseKeytabOptions } from './keytab/keytab.ts';
export { formatKeytab, parseKeytab } from './keytab/keytab.ts';
export type { CredentialWarning } from './keytab/warning.ts';
export type { AcceptorCredential, AcquireCredentialOptions } from './krb5/credential.ts';
export { acquireCredential } from './krb5/credential.ts';
export type { AskKdc, IakerbOptions, RelaySignal } from './krb5/relay-settings.ts';
export type {
  AcceptOptions,
  AcceptorOptions,
  AcceptResult,
  HandshakeOptions,
} from './krb5/settings.ts';
export type { AuthorizationData, AuthorizationDataElement } from './messages/authorization-data.ts';
export type { HostAddress } from './messages/primitives.ts';
export { AddressType } from './messages/primitives.ts';
export type { Principal, PrincipalName } from './messages/principal.ts';
export { formatPrincipal, NameType, parsePrincipal } from './messages/principal.ts';
export { TicketFlag } from './messages/ticket.ts';
export type { DiagnosticAttributes, DiagnosticMessage } from './observe/attributes.ts';
export { ChannelName } from './observe/channels.ts';
export type { RequestFacts } from './observe/observer.ts';
export type {
  AcceptorReport,
  ClientReport,
  ForeignOfferReport,
  KeyReport,
  ServiceReport,
} from './observe/report.ts';
export type {
  AcceptorStatistics,
  BindingsStatistics,
  EnctypeStatistics,
  ServiceStatistics,
} from './observe/statistics.ts';
export type { ClientInfo, DelegationInfo, PacAttributes, UpnDnsInfo } from './pac/buffers.ts';
export type { BooleanClaim, Claim, ClaimOf } from './pac/claims.ts';
export type { DeviceInfo } from './pac/device-info.ts';
export type { GroupMembership, SidAndAttributes } from './pac/groups.ts';
export { GroupAttribute } from './pac/groups.ts';
export type { LogonInfo } from './pac/logon-info.ts';
export { UserFlag } from './pac/logon-info.ts';
export type { MalformedBuffer, Pac, PacSignatures, SignatureState } from './pac/pac.ts';
export type { RandomSource } from './random.ts';
export { systemRandom } from './random.ts';
export type { Clock, KerberosTime, Timer } from './time.ts';
export { systemClock } from './time.ts';
export type { IovBuffer, IovBufferType, IovLengths } from './tokens/iov.ts';
export type { SequenceStatus } from './tokens/sequence.ts';
