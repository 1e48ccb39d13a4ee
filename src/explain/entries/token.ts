/** What there is to say about tokens whose Kerberos message could not be read. */
import type { TokenDetails } from '../client-reasons.ts';
import type { Explanations } from '../reasons.ts';
import { entry, present, sentence } from './entry.ts';

const USE_GSS =
  'have the client make its tokens with GSS-API (gss_init_sec_context, SSPI) and send them unchanged';
const CUT =
  'look for a limit on the way that cuts requests: header size of a proxy (large_client_header_buffers, ' +
  'LimitRequestFieldSize), length of a field in the application';

/** The area `token`. */
export const TOKEN: Explanations<Extract<keyof TokenDetails, `token.${string}`>> = {
  'token.empty': entry(
    'the client sent an empty token: it has no ticket for this service',
    'have the user get a ticket (kinit; Windows: log on to the domain), and see with klist that there is one',
    'in a browser, put the site into the list of trusted sites (Firefox: network.negotiate-auth.trusted-uris; Chrome: AuthServerAllowlist)',
  ),
  'token.not-base64': {
    text: ({ length, problem, at }) =>
      `the text after Negotiate is not base64 (${length} characters)` +
      (problem === undefined ? '' : `: ${problem}`) +
      (at === undefined ? '' : ` at character ${at + 1}`),
    remedies: ({ remedy }) =>
      present(
        remedy,
        'have the client send one base64 text without blanks, quotes or line ends after Negotiate',
        'look for a proxy or a client that cuts, joins or rewrites Authorization headers',
      ),
  },
  'token.truncated': {
    text: ({ wanted, left }) =>
      sentence(
        'the token was cut off on its way',
        wanted !== undefined && `${wanted} bytes are announced at one place, ${left} are left`,
      ),
    remedies: () => [
      CUT,
      'have the client make the ticket smaller: fewer groups, or NO_AUTH_DATA_REQUIRED on the account of the service',
    ],
  },
  'token.malformed': {
    text: ({ problem }) =>
      `the token is not what its mechanism describes${problem === undefined ? '' : ` (${problem})`}: it was altered on its way, or its sender is faulty or hostile`,
    remedies: () => [
      'see that what passes the token on (a proxy, a gateway, an application) leaves its bytes unchanged; gss-inspect shows what is in it',
      'otherwise find out who sends it',
    ],
  },
  'token.no-gss-header': {
    text: ({ looksLike }) => NO_HEADER[looksLike ?? ''] ?? NO_HEADER['']!,
    remedies: ({ looksLike }) =>
      present(
        looksLike === undefined ? USE_GSS : DECODE[looksLike],
        looksLike === undefined && 'show what it is: gss-inspect',
      ),
  },
  'token.bare-ap-req': entry(
    'the client sent a bare AP-REQ: the header of RFC 2743 §3.1 (0x60, mechanism, 01 00) is missing, which GSS-API puts before it and krb5_mk_req does not',
    'have the client use gss_init_sec_context instead of krb5_mk_req',
    'if it is to use DCE style, have it set GSS_C_DCE_STYLE',
  ),
  'token.krb-error': {
    text: ({ errorCode, errorName, text }) =>
      sentence(
        errorCode === undefined
          ? 'the peer sent a KRB-ERROR instead of a request'
          : `the peer sent KRB-ERROR ${errorCode}${errorName === undefined ? '' : ` (${errorName})`} instead of a request`,
        text !== undefined && `its text is: ${text}`,
      ),
    remedies: () => [
      'look at the log of the peer: it refuses something itself',
      'see that both sides are not acceptors, and that nothing sends answers back (a proxy, an echo)',
    ],
  },
  'token.ap-rep': entry(
    'the peer sent an AP-REP, which is the answer of a server: client and server roles are exchanged',
    'have one side initiate (gss_init_sec_context) and the other accept',
    'see that nothing sends answers back (a proxy, an echo)',
  ),
  'token.wrong-message': {
    text: ({ message }) =>
      `the token holds another message than an AP-REQ${message === undefined ? '' : `: ${message}`}`,
    remedies: () => [USE_GSS, 'show what is in it: gss-inspect'],
  },
  'token.wrong-version': {
    text: ({ version }) => `the message is of Kerberos version ${version}; only 5 is in use`,
    remedies: () => ['find out who sends it: Kerberos 4 has been unsafe for decades'],
  },
  'token.out-of-order': entry(
    'the token belongs to an exchange that began on another connection or server, or is one of an established context',
    'have the proxy or load balancer keep a client on one connection and server (sticky sessions)',
    'keep unfinished exchanges where all servers find them (exchanges: redisExchanges or postgresExchanges)',
    'let clients prefer Kerberos, which needs one token',
  ),
  'token.too-long': {
    text: ({ wanted, left }) =>
      `the token is too long${wanted === undefined ? '' : `: ${wanted} bytes`}${left === undefined ? '' : `, at most ${left}`}`,
    remedies: () => ['find out who sends it: no Kerberos token is that long'],
  },
};

/** The area `dce`. */
export const DCE: Explanations<Extract<keyof TokenDetails, `dce.${string}`>> = {
  'dce.third-leg-missing': entry(
    'the client asked for DCE style and did not send its own AP-REP, the third leg',
    'have the client send the token that gss_init_sec_context returns after the answer',
    'have the client leave GSS_C_DCE_STYLE out if it is not for DCE RPC',
  ),
  'dce.third-leg-wrong': entry(
    'the third leg of DCE style does not verify: it is not the AP-REP of the client that began the exchange',
    'if a client of your own makes it, have it repeat the sequence number of the AP-REP, without a subkey (MS-KILE §3.4.5.2)',
  ),
  'dce.framed': entry(
    'the client asked for DCE style, whose AP-REQ has no header of RFC 2743 §3.1, and sent one with it',
    'have the client leave GSS_C_DCE_STYLE out, or send the AP-REQ without the header',
  ),
};

const NO_HEADER: Readonly<Record<string, string>> = {
  '': 'the token does not begin as a first token of GSS-API does, with 0x60 and a mechanism (RFC 2743 §3.1)',
  TLS: 'the client starts TLS, which this connection does not use',
  base64: 'the token is base64 text: it was not decoded, or encoded twice',
  hexadecimal: 'the token is hexadecimal text and not the bytes',
  header: 'the token is the whole header with its scheme, not the token in it',
  'mangled text':
    'the token went through a conversion of text (ef bf bd replaces bytes), and is lost',
};

const DECODE: Readonly<Record<string, string>> = {
  TLS: 'have the client connect without TLS, or end TLS in front of this server (stunnel, a proxy)',
  base64:
    'decode the base64 once before the token is passed to accept; have a client encode once only',
  hexadecimal: 'turn the hexadecimal text into bytes before the token is passed to accept',
  header: 'pass the decoded text after Negotiate to accept, or the whole header to negotiate()',
  'mangled text':
    'handle the token as bytes all the way: never as a string in UTF-8 (Buffer, latin1 or base64 instead)',
};
