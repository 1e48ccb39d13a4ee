/** The door of the protected page: authenticates a request, and reports the outcome. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Acceptor } from '../../acceptor.ts';
import type { GssError } from '../../gss/status.ts';
import type { AuthenticationRequest, HeaderField } from '../../http/authentication.ts';
import type { Authenticator } from '../../http/authenticator.ts';
import { createAuthenticator } from '../../http/authenticator.ts';
import type { AuthenticatorOptions } from '../../http/options.ts';
import { parseHostAddress } from '../../messages/host-address.ts';
import { requestBindings } from '../../node/http-bindings.ts';
import { explain } from './explain.ts';
import type { Report } from './report.ts';
import { describeClient } from './report.ts';

/** The door's answer: a report for the requesting client only. */
export interface DoorAnswer {
  /** The status of HTTP. */
  readonly status: number;
  /** To be added to the response. */
  readonly headers: readonly HeaderField[];
  readonly report: Report;
}

/** Options of {@link Door}. */
export interface DoorOptions extends Pick<AuthenticatorOptions, 'sessions' | 'localNames'> {
  readonly acceptor: Acceptor;
  /** Called with each warning. */
  readonly onWarning: (message: string) => void;
}

/** A door that explains itself. Each request gets the report of its own attempt. */
export class Door {
  readonly #authenticator: Authenticator;
  readonly #bindingsOf: ReturnType<typeof requestBindings<{ readonly socket: Socket }>>;

  constructor({ onWarning, ...options }: DoorOptions) {
    // Another challenge after a failure makes browsers ask for a password, where the page explains.
    this.#authenticator = createAuthenticator({ ...options, offerAgain: false, onWarning });
    this.#bindingsOf = requestBindings({}, onWarning);
  }

  /** Authenticates a request. */
  async knock(request: IncomingMessage): Promise<DoorAnswer> {
    const result = await this.#authenticator.authenticate(this.#read(request));
    const { outcome, headers } = result;
    switch (outcome) {
      case 'authenticated': {
        const { identity, context } = result;
        const report = describeClient(identity, {
          context,
          secure: isSecure(request),
          now: new Date(),
        });
        context?.delegatedCredential?.dispose();
        context?.dispose();
        return { status: 200, headers, report };
      }
      case 'guest':
        return { status: 204, headers, report: refused(request, 204) };
      case 'challenged':
        return { status: result.status, headers, report: refused(request, result.status) };
      default:
        return {
          status: result.status,
          headers,
          report: refused(request, result.status, result.error),
        };
    }
  }

  /** The headers that end the session of a request. */
  async leave(request: IncomingMessage): Promise<readonly HeaderField[]> {
    const { cookie, host } = request.headers;
    return await this.#authenticator.logout({ cookie, host, secure: isSecure(request) });
  }

  #read(request: IncomingMessage): AuthenticationRequest {
    const { socket, headers, method } = request;
    const { channelBindings, channelBindingsUnavailable, refusal } = this.#bindingsOf(request);
    const peerAddress = parseHostAddress(socket.remoteAddress);
    return {
      authorization: headers.authorization,
      connection: socket,
      secure: isSecure(request),
      ...(headers.cookie !== undefined && { cookie: headers.cookie }),
      ...(headers.host !== undefined && { host: headers.host }),
      ...(method !== undefined && { method }),
      ...(channelBindings && { channelBindings }),
      ...(channelBindingsUnavailable !== undefined && { channelBindingsUnavailable }),
      ...(refusal && { fault: refusal }),
      ...(peerAddress && { peerAddress }),
    };
  }
}

function isSecure({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket;
}

function refused(request: IncomingMessage, status: number, error?: GssError): Report {
  // The host without its port; an IPv6 address is in brackets.
  const host = /^(?:\[([^\]]*)\]|([^:]*))/.exec(request.headers.host ?? '')!;
  const byAddress = isIP(host[1] ?? host[2] ?? '') !== 0;
  return { outcome: 'refused', status, explanation: explain({ status, error, byAddress }) };
}
