/** The way to a KDC through a proxy over HTTPS (MS-KKDCP), for acceptors that relay (IAKERB). */
import { concatBytes } from '../bytes.ts';
import { KerberosError } from '../errors.ts';
import type { AskKdc, RelaySignal } from '../krb5/relay-settings.ts';
import {
  decodeKdcProxyMessage,
  encodeKdcProxyMessage,
  withLength,
} from '../messages/kdc/kdc-proxy.ts';
import { callback, checkOptions, describe } from '../options.ts';

/** Options of {@link kdcProxy}. */
export interface KdcProxyOptions {
  /** Sends the requests; the runtime's `fetch` if absent. */
  readonly fetch?: (url: string, init: KdcProxyRequest) => Promise<KdcProxyResponse>;
}

/** The request that is passed to `fetch`. */
export interface KdcProxyRequest {
  /** `POST`. */
  readonly method: 'POST';
  /** Its content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** KDC-PROXY-MESSAGE in DER. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Redirects are not followed: the operator has named the proxy. */
  readonly redirect: 'error';
  /** Aborted when the answer is of no use any longer. */
  readonly signal: RelaySignal;
}

/** What is used of a `Response`. */
export interface KdcProxyResponse {
  /** The status of HTTP. */
  readonly status: number;
  /** Its body in pieces; null if it has none. */
  readonly body: AsyncIterable<Uint8Array> | { getReader(): PieceReader } | null;
}

/** What is used of a `ReadableStreamDefaultReader`. */
export interface PieceReader {
  /** The next piece. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Ends the reading. */
  cancel(): Promise<void>;
}

/**
 * Makes a function that asks KDCs through a proxy (KKDCP): MIT krb5 and Windows have it, it is part of
 * Microsoft's Remote Desktop Gateway and of FreeIPA. It works in every runtime with `fetch`.
 *
 * @param url - Of the proxy, with https: `https://gateway.example.com/KdcProxy`.
 * @throws TypeError, RangeError for invalid arguments.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { createAcceptor } from 'krb5-acceptor';
 * import { kdcProxy } from 'krb5-acceptor/http';
 *
 * export function relayingAcceptor(credential: AcceptorCredential) {
 *   const kdc = kdcProxy('https://gateway.example.com/KdcProxy');
 *   return createAcceptor({ credential, iakerb: { kdc, realms: ['EXAMPLE.COM'] } });
 * }
 * ```
 */
export function kdcProxy(url: string, options: KdcProxyOptions = {}): AskKdc {
  checkUrl(url);
  checkOptions('kdcProxy', options, { fetch: callback });
  const { fetch = Reflect.get(globalThis, 'fetch') as NonNullable<KdcProxyOptions['fetch']> } =
    options;
  return async (realm, message, signal) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/kerberos' },
      body: encodeKdcProxyMessage({
        message: withLength(message),
        targetDomain: realm,
      }) as Uint8Array<ArrayBuffer>,
      redirect: 'error',
      signal,
    });
    if (response.status !== 200) throw noAnswer(`HTTP status ${response.status}`);
    const answer = decodeKdcProxyMessage(await readBody(response.body));
    return withoutLength(answer.message);
  };
}

/** The message does not repeat the URL, which may have a password. */
function checkUrl(url: unknown): void {
  if (typeof url !== 'string') {
    throw new TypeError(`url: expected a URL that begins with https://, got ${describe(url)}`);
  }
  if (!/^https:\/\/[^/]/.test(url)) {
    throw new RangeError('url: expected a URL that begins with https://, got other text');
  }
  if (/^https:\/\/[^/?#]*@/.test(url)) {
    throw new RangeError('url: expected no user and password in it, which fetch does not send');
  }
}

function withoutLength(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint32(0) !== bytes.length - 4) {
    throw noAnswer('an answer of a wrong length');
  }
  return bytes.slice(4);
}

async function readBody(body: KdcProxyResponse['body']): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const add = (piece: Uint8Array): void => {
    length += piece.length;
    if (length > MAX_ANSWER) throw noAnswer(`more than ${MAX_ANSWER} bytes`);
    pieces.push(piece);
  };
  if (body !== null && 'getReader' in body) {
    // Not every runtime can iterate over a ReadableStream.
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (value !== undefined) add(value);
        if (done) break;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  } else if (body !== null) {
    for await (const piece of body) add(piece);
  }
  return concatBytes(...pieces);
}

function noAnswer(problem: string): KerberosError {
  return new KerberosError('KRB5_KDC_UNREACH', {
    reason: 'iakerb.kdc-unreachable',
    message: `The proxy for KDCs gave no answer: ${problem}`,
    detail: { problem },
  });
}

// Bytes: an answer of a KDC, and what is around it.
const MAX_ANSWER = 131_072 + 64;
