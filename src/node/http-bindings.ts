/** Finds the channel bindings of a request, and warns if there are none. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { KerberosError } from '../errors.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import { GssError } from '../gss/status.ts';
import { explainNoEndPoint, tlsServerEndPoint } from '../gss/tls-bindings.ts';
import { dropPromise } from '../hooks.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import { describeThrown } from '../text.ts';
import type { TlsBindingType } from './tls-bindings.ts';
import { findChannelBindings, isUnavailable, unavailableBindings } from './tls-bindings.ts';

/** The options about channel bindings; see HttpAuthenticatorOptions. */
export interface BindingChoice<R> {
  readonly channelBindings?:
    | TlsBindingType
    | 'none'
    | ((request: R) => HandshakeOptions['channelBindings']);
  readonly certificate?: Certificate | readonly Certificate[];
}

/** PEM text, or the bytes of DER or PEM. Of a PEM chain the first certificate is used. */
export type Certificate = string | Uint8Array;

/** The channel bindings of one request. */
export interface RequestBindings {
  /** The permitted bindings; absent if there are none. */
  readonly channelBindings?: ChannelBindings | readonly ChannelBindings[];
  /** Why a TLS connection has no bindings. */
  readonly channelBindingsUnavailable?: string;
  /** Every request is refused: the caller requires bindings that the runtime cannot provide. */
  readonly refusal?: GssError;
}

/**
 * @param warn - Called once for each reason why connections over TLS have no bindings.
 * @throws TypeError, RangeError for an invalid option.
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
    // A caller that asks for `tls-exporter` relies on it: continuing without it would be unsafe.
    if (remedy !== undefined && channelBindings === 'tls-exporter') {
      return { refusal: unavailableBindings(found) };
    }
    if (!warned.has(unavailable)) {
      warned.add(unavailable);
      const advice = remedy ?? "set channelBindings: 'none' if this is intended";
      warn(`requests over TLS are not bound to their connections: ${unavailable}; ${advice}`);
    }
    return { channelBindingsUnavailable: unavailable };
  };
}

/** Asks the application; an invalid answer refuses the request. */
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
      reason: 'fault.callback',
      detail: { callback: 'channelBindings', problem: describeThrown(cause) },
      message: 'There are no channel bindings',
      cause,
      hint: 'the option channelBindings threw, or did not return channel bindings',
    });
    return { refusal: new GssError('GSS_S_FAILURE', { minor }) };
  }
}

function endPointOf(certificate: Certificate): ChannelBindings {
  if (typeof certificate !== 'string' && !(certificate instanceof Uint8Array)) {
    throw new TypeError(`certificate: expected ${EXPECTED}, got ${typeof certificate}`);
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
    throw new TypeError(`certificate: expected ${EXPECTED}`, { cause });
  }
}

const EXPECTED = 'the contents of a file with a certificate, in PEM or DER, and not its name';
