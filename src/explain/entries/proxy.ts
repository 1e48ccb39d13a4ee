/** What there is to say about the proxy that asks krb5-forward-auth, and about the rules of its site. */
import type { ProxyDetails } from '../proxy-reasons.ts';
import type { Explanations } from '../reasons.ts';

/** Of the area `proxy`. */
export const PROXY: Explanations<keyof ProxyDetails> = {
  'proxy.not-trusted': {
    text: ({ address = 'who asks' }) => `${address} is no trusted proxy`,
    remedies: ({ address }) => [
      `if it is the proxy, name it: -trust${address === undefined ? '' : ` ${address}`}`,
      'otherwise keep others from this port: they could try identities',
    ],
  },
  'proxy.forged-header': {
    text: ({ header = 'of the identity' }) =>
      `a request has the header ${header}: a client sent it, and the proxy did not remove it`,
    remedies: ({ header = 'the header' }) => [
      `have the proxy remove ${header}, in all spellings, before it asks (docs/forward-auth.md)`,
    ],
  },
  'proxy.no-request': {
    text: ({ header = 'that describes the request', problem = 'cannot be used' }) =>
      `the header ${header} ${problem}`,
    remedies: ({ header = 'the header' }) => [
      `have the proxy set ${header} itself, in place of what the client sent (docs/forward-auth.md)`,
      'if the proxy has another name for it: -method-header, -uri-header, -host-header',
    ],
  },
  'proxy.unsuitable-name': {
    text: ({ client = 'the client' }) => `a header cannot carry the names of ${client}`,
    remedies: () => ['choose other fields of the identity: -headers'],
  },
  'proxy.rules': {
    text: ({ client = 'the client', request = 'enter', problem = 'the rules do not permit it' }) =>
      `${client} may not ${request}: ${problem}`,
    remedies: ({ rule }) => [
      `if the client should enter, add a line for ${rule ?? 'the path'} to the file of -rules`,
    ],
  },
};
