/** What a krb5.conf means to an acceptor's policy. */
import type { KerberosConfig } from './settings.ts';
import { checkTransited } from './transited.ts';

/** Options for `createAcceptor`. */
export interface ConfiguredPolicy {
  readonly maxSkew: number;
  readonly permittedEnctypes: readonly number[];
  readonly checkTransited: (
    contents: Uint8Array,
    clientRealm: string,
    serverRealm: string,
  ) => boolean;
}

/** `createAcceptor({ credential, ...acceptorPolicy(config) })`. */
export function acceptorPolicy(config: KerberosConfig): ConfiguredPolicy {
  return {
    maxSkew: config.clockSkew,
    permittedEnctypes: config.permittedEnctypes,
    checkTransited: (contents, clientRealm, serverRealm) => {
      checkTransited(contents, clientRealm, serverRealm, config);
      return true;
    },
  };
}
