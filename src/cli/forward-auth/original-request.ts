/** The request that the client sent to the proxy, as the proxy describes it. */
import type { IncomingMessage } from 'node:http';
import { GssError } from '../../gss/status.ts';

/** Names of the headers that describe the client's request, in lower case. */
export interface OriginalHeaders {
  readonly method: string;
  readonly uri: string;
  readonly host: string;
}

/** The client's request. */
export interface OriginalRequest {
  readonly method: string;
  /** The request target, as sent: a path and perhaps a query. */
  readonly uri: string;
  readonly host: string;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

/**
 * Reads the headers of a proxy. Each must be there once: a proxy that does not set one may pass on what
 * the client sent.
 *
 * @throws {@link GssError} `proxy.no-request`.
 */
export function readOriginal(
  { headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>,
  names: OriginalHeaders,
): OriginalRequest {
  const read = (name: string, form: RegExp): string => {
    const [value, ...more] = headersDistinct[name] ?? [];
    if (value === undefined) throw noRequest(name, 'is missing: the proxy must set it');
    if (more.length > 0) throw noRequest(name, 'comes twice: the proxy must replace it');
    if (!form.test(value)) throw noRequest(name, 'is malformed');
    return value;
  };
  return {
    method: read(names.method, /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/),
    uri: read(names.uri, /^\/[^\s]*$/),
    host: read(names.host, /^[A-Za-z0-9._~:[\]-]{1,261}$/),
    secure: read('x-forwarded-proto', /^(?:https?|wss?)$/i)
      .toLowerCase()
      .endsWith('s'),
  };
}

function noRequest(header: string, problem: string): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'proxy.no-request',
    message: `the header ${header} ${problem}`,
    detail: { header, problem },
  });
}

/** Makes a proxy's request the one that the client sent, for what reads it next. */
export function restore(
  request: IncomingMessage,
  { method, uri, host, secure }: OriginalRequest,
): void {
  request.method = method;
  request.url = uri;
  request.headers.host = host;
  request.headers['x-forwarded-proto'] = secure ? 'https' : 'http';
  // Proxies do not all pass it on, so the application must look at the origins of WebSockets itself.
  delete request.headers.upgrade;
}
