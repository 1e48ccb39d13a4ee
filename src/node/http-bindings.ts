/** Where the channel bindings of a request come from, and who hears that there are none. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { KerberosError } from '../errors.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import { GssError } from '../gss/status.ts';
import { explainNoEndPoint, tlsServerEndPoint } from '../gss/tls-bindings.ts';
import { dropPromise } from '../hooks.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { TlsBindingType } from './tls-bindings.ts';
import { findChannelBindings, isUnavailable, unavailableBindings } from './tls-bindings.ts';

/** What a caller chooses. */
export interface BindingChoice<R> {
  readonly channelBindings?:
    | TlsBindingType
    | 'none'
    | ((request: R) => HandshakeOptions['channelBindings']);
  readonly certificate?: Certificate | readonly Certificate[];
}

/** PEM text, of which the first certificate counts, or the bytes of DER or PEM. */
export type Certificate = string | Uint8Array;

/** What one request has. */
export interface RequestBindings {
  readonly channelBindings?: ChannelBindings | readonly ChannelBindings[];
  readonly channelBindingsUnavailable?: string;
  /** Nobody can be let in: the caller has asked for what the runtime cannot do. */
  readonly refusal?: GssError;
}

/**
 * @param warn - Told each reason once for which connections over TLS have no bindings.
 * @throws TypeError, RangeError for a choice that makes no sense.
 */
export function requestBindings<R extends { readonly socket: Socket }>(
  { channelBindings = 'tls-server-end-point', certificate }: BindingChoice<R>,
  warn: (message: string) => void,
): (request: R) => RequestBindings {
  if (certificate !== undefined) {
    if (channelBindings !== 'tls-server-end-point') {
      throw new TypeError('certificate: expected with tls-server-end-point only');
    }
    const all = [certificate].flat().map((one) => endPointOf(one as Certificate));
    if (all.length === 0) throw new RangeError('certificate: expected at least one');
    return () => ({ channelBindings: all });
  }
  if (channelBindings === 'none') return () => ({});
  if (typeof channelBindings === 'function') {
    return (request) => askForBindings(() => channelBindings(request));
  }
  const warned = new Set<string>();
  return ({ socket }) => {
    const found = findChannelBindings(socket, channelBindings);
    if (found === undefined) return {};
    if (!isUnavailable(found)) return { channelBindings: found };
    const { unavailable, remedy } = found;
    // `tls-exporter` is used by those who have asked for it: to go on without would be no answer.
    if (remedy !== undefined && channelBindings === 'tls-exporter') {
      return { refusal: unavailableBindings(found) };
    }
    if (!warned.has(unavailable)) {
      warned.add(unavailable);
      const advice = remedy ?? "channelBindings: 'none' says that this is meant";
      warn(`requests over TLS are not bound to their connections: ${unavailable}; ${advice}`);
    }
    return { channelBindingsUnavailable: unavailable };
  };
}

/** The application's own answer; one that is none refuses, and does not leave the client waiting. */
function askForBindings(ask: () => HandshakeOptions['channelBindings']): RequestBindings {
  let given: HandshakeOptions['channelBindings'];
  try {
    given = ask();
    if (given === undefined) return {};
    bindingsOf(given);
    return { channelBindings: given };
  } catch (cause) {
    dropPromise(given);
    const minor = new KerberosError('KRB_ERR_GENERIC', {
      message: 'There are no channel bindings',
      cause,
      hint: 'the option channelBindings threw, or returned what are none',
    });
    return { refusal: new GssError('GSS_S_FAILURE', { minor }) };
  }
}

function endPointOf(certificate: Certificate): ChannelBindings {
  if (typeof certificate !== 'string' && !(certificate instanceof Uint8Array)) {
    throw new TypeError(`certificate: expected PEM or DER, got ${typeof certificate}`);
  }
  const { raw } = parse(certificate);
  const bindings = tlsServerEndPoint(raw);
  if (bindings === undefined) throw new RangeError(`certificate: ${explainNoEndPoint(raw)}`);
  return bindings;
}

function parse(certificate: Certificate): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (cause) {
    throw new TypeError('certificate: expected PEM or DER', { cause });
  }
}
