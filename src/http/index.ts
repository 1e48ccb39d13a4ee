/** Entry `krb5-acceptor/http`: RFC 4559 on plain strings, for any HTTP server. */
export type { NegotiateHeaders, NegotiateOptions, NegotiateResult } from './negotiate.ts';
export { negotiate } from './negotiate.ts';
