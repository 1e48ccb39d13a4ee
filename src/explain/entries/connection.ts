/** Explanations of connections to a server that end without an answer to a token. */
import type { Explanations } from '../reasons.ts';

/** Connections of a server that end without an answer to a token. */
export const CONNECTION_ENDS: Explanations<
  | 'policy.unauthenticated'
  | 'server.client-silent'
  | 'server.client-gone'
  | 'server.displaced'
  | 'server.stopping'
> = {
  'policy.unauthenticated': {
    text: () =>
      'the client does not authenticate, which the server, or what it asked for, requires',
    remedies: () => ['let the client authenticate: gss-client without -na', 'omit -authenticated'],
  },
  'server.client-silent': {
    text: ({ limit }) => `the client was too slow${limit === undefined ? '' : `: ${limit}`}`,
    remedies: () => [
      'look whether the client waits for something, or is gone without closing its connection',
      'raise the limit: -timeout, -handshake (idleTimeout, handshakeTimeout of createGssServer)',
    ],
  },
  'server.client-gone': {
    text: ({ problem }) =>
      `the client closed its connection in the middle${problem === undefined ? '' : `: ${problem}`}`,
    remedies: () => ["look at the client's own messages: it has given up, or was stopped"],
  },
  'server.displaced': {
    text: () => 'the client was not authenticated, and another one needed its place',
    remedies: () => ['raise -maxconn, -maxsource or look who opens so many connections'],
  },
  'server.stopping': {
    text: () => 'the server is stopping',
    remedies: () => ['none is needed: the client may come again'],
  },
};
