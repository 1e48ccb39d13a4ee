/** Entry `krb5-acceptor/node`: the parts that need Node's own modules. */

export type { CheckAcceptorOptions } from './check/check-acceptor.ts';
export { checkAcceptor } from './check/check-acceptor.ts';
export type { Finding, FindingSubject } from './check/finding.ts';
export { nodeCrypto } from './crypto.ts';
export type { KeytabFile, KeytabFileOptions } from './files/keytab-file.ts';
export { keytabFile, loadKeytab } from './files/keytab-file.ts';
export type { KeytabNameOptions } from './files/keytab-name.ts';
export type { KeytabWarning } from './files/keytab-warning.ts';
export { loadKerberosConfig } from './files/krb5-conf-file.ts';
export type { HttpAuthenticate, HttpAuthenticatorOptions } from './http.ts';
export { httpAuthenticator } from './http.ts';
export type { Certificate } from './http-bindings.ts';
export type {
  HttpRequest,
  HttpResponse,
  NodeAuthenticationRequest,
  RequestReaderOptions,
} from './http-request.ts';
export type { Krb5ConfKdcOptions } from './kdc/krb5-conf-kdc.ts';
export { krb5ConfKdc } from './kdc/krb5-conf-kdc.ts';
export type { DenialPage, Kerberos, KerberosOptions } from './kerberos.ts';
export { kerberos } from './kerberos.ts';
export type { TraceFile } from './observe/trace-file.ts';
export { traceToFile } from './observe/trace-file.ts';
export type { FileReplayCacheOptions } from './replay-cache/file.ts';
export { FileReplayCache } from './replay-cache/file.ts';
export type { ReplayCacheNameOptions } from './replay-cache/name.ts';
export { openReplayCache } from './replay-cache/name.ts';
export type { SaslSocketOptions } from './sasl-socket.ts';
export { saslSocket } from './sasl-socket.ts';
export type {
  ConnectionEvent,
  ConnectionInfo,
  GssServerEvent,
  GssStage,
} from './server/events.ts';
export type { GssServer, GssServerLimits, GssServerOptions } from './server/gss-server.ts';
export { createGssServer } from './server/gss-server.ts';
export type { ChannelFailure } from './server/token-channel.ts';
export type { Framing, Truncation } from './server/token-frame.ts';
export { TokenFlag } from './server/token-frame.ts';
export type { WorkerEnd, Workers, WorkersOptions } from './server/workers.ts';
export { serveAsWorker, startWorkers, WorkerStartError } from './server/workers.ts';
export type { NodeSignOnOptions } from './site.ts';
export type { TlsBindingType } from './tls-bindings.ts';
export { channelBindingsOf } from './tls-bindings.ts';
