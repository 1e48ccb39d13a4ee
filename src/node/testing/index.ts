/**
 * Entry `krb5-acceptor/testing/node`: a test realm for programs, on a loopback port and with files. It is an
 * entry of its own, since `krb5-acceptor/testing` runs in any JavaScript runtime.
 */

export type { RunningRealm, StartRealmOptions } from './start-realm.ts';
export { startRealm } from './start-realm.ts';
