/** What there is to say about requests over HTTP. */
import type { Explanations } from '../reasons.ts';
import type { ServerDetails } from '../service-reasons.ts';

/** Of the area `http`. */
export const HTTP: Explanations<Extract<keyof ServerDetails, `http.${string}`>> = {
  'http.header-too-long': {
    text: ({ bytes, limit }) =>
      `the headers of the request are longer than ${limit === undefined ? 'the server accepts' : `${limit} bytes`}` +
      (bytes === undefined ? '' : ` (${bytes} came)`),
    remedies: ({ limit }) => [
      // Windows' MaxTokenSize, 48000, in base64 is below that: the ticket is not all of it.
      limit !== undefined && limit >= 81_920
        ? 'look for what is long beside the ticket, cookies for example: a ticket of 48000 bytes (MaxTokenSize ' +
          'of Windows) is within 81920; longer ones need a larger maxHeaderSize'
        : 'pass { maxHeaderSize: 81920 } to createServer, or start node with --max-http-header-size=81920: ' +
          'tickets of users in many groups are long',
      'make tickets smaller: take users out of groups, or set NA-Service (TicketFlags) on the account of a ' +
        'service that needs no PAC',
      'raise the limits of proxies in front (large_client_header_buffers of nginx)',
    ],
  },
  'http.header-malformed': {
    text: ({ problem }) =>
      `the headers of the request are malformed${problem === undefined ? '' : `: ${problem}`}`,
    remedies: () => ['look for a proxy or a client that cuts, folds or rewrites headers'],
  },
  'http.other-scheme': {
    text: ({ scheme }) => `the client authenticates with ${scheme}`,
    remedies: ({ scheme }) =>
      scheme === 'Kerberos'
        ? ['have the client send its GSS-API token as Authorization: Negotiate (RFC 4559)']
        : [
            'only Negotiate is accepted here: let the client use it (curl --negotiate -u :; a browser needs ' +
              'the site in its list)',
            'let requests with other schemes through to the application, if it knows them',
          ],
  },
  'http.plain-http': {
    text: ({ proxyHeader }) =>
      proxyHeader === undefined
        ? 'the request came over plain HTTP, and TLS is required'
        : `the request came through a proxy (it has the header ${proxyHeader}), no trusted X-Forwarded-Proto says that its client used TLS, and TLS is required`,
    remedies: ({ proxyHeader }) =>
      proxyHeader === undefined
        ? [
            'have clients use https',
            'behind a proxy that ends TLS: let it set X-Forwarded-Proto, and name it in trustProxy',
          ]
        : [
            'name the address from which the proxy connects in trustProxy: on this machine it may be 127.0.0.1 or ' +
              '::1, in a container it is one of the network of containers',
            'have the proxy set X-Forwarded-Proto',
          ],
  },
  'http.other-origin': {
    text: () => 'a page of another site made the request',
    remedies: () => [
      'if that site may do so, or a proxy changes Host, name its origin in allowedOrigins',
    ],
  },
  'http.session-too-long': {
    text: ({ length, groups }) =>
      `the session does not fit into a cookie: ${length} bytes with ${groups} groups`,
    remedies: () => [
      'list the groups that the application needs in sessions.groups',
      'use a store',
    ],
  },
  'http.session-plain-http': {
    text: ({ cookie }) => `the cookie ${cookie} is for TLS, and a request came without it`,
    remedies: () => [
      'serve HTTPS',
      'behind a proxy that ends TLS: let it set X-Forwarded-Proto, and see trustProxy',
    ],
  },
  'http.session-store': {
    text: () => 'the store of sessions failed',
    remedies: () => [
      'look at the store; clients without a session send a ticket with each request',
    ],
  },
};
