/** Users with tickets of a realm that exists in this process only, and what their browsers send. */
import assert from 'node:assert/strict';
import { encodeUtf8 } from '../../src/bytes.ts';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { ChannelBindings, Keytab, SecurityContext } from '../../src/index.ts';
import { EncryptionKey, Mechanism, parsePrincipal, systemRandom } from '../../src/index.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
} from '../../src/spnego/neg-token.ts';
import type { Initiator, MintedTicket } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { Answer } from './connection.ts';

/** The service's name in the keytab of {@link makeServiceKeytab}. */
export const SERVICE = 'HTTP@localhost';
/** SID of the domain to which the groups of users belong. */
export const DOMAIN = 'S-1-5-21-1111111111-2222222222-3333333333';
/** Relative ID of the group that may use `/admins`. */
export const ADMINS = 512;

/** A keytab with a fresh key for HTTP/localhost@EXAMPLE.TEST. */
export function makeServiceKeytab(): Keytab {
  const principal = parsePrincipal('HTTP/localhost@EXAMPLE.TEST');
  const key = EncryptionKey.generate(18, systemRandom);
  return { version: 2, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
}

/** A user with a ticket for the service. */
export class User {
  /** `alice@EXAMPLE.TEST`. */
  readonly principal: string;
  readonly #ticket: MintedTicket;

  /** @param groups - Relative IDs of groups of {@link DOMAIN}; no PAC if absent. */
  constructor(keytab: Keytab, name: string, groups?: readonly number[]) {
    this.principal = `${name}@EXAMPLE.TEST`;
    this.#ticket = mintTicket({
      keytab,
      client: this.principal,
      ...(groups !== undefined && {
        pac: {
          logonInfo: {
            effectiveName: name,
            logonDomainId: DOMAIN,
            userId: 1105,
            primaryGroupId: 513,
            groupIds: groups.map((relativeId) => ({ relativeId, attributes: 7 })),
          },
        },
      }),
    });
  }

  /** A fresh exchange. */
  signOn(options: SignOnOptions = {}): SignOn {
    const { channelBindings, ...rest } = options;
    const initiator = createInitiator({
      ticket: this.#ticket,
      ...(channelBindings && { channelBindings }),
    });
    return new SignOn(initiator, rest);
  }
}

export interface SignOnOptions {
  readonly channelBindings?: ChannelBindings;
  /** `bare`: the token of Kerberos without SPNEGO. `ntlm-first`: SPNEGO that prefers NTLM. */
  readonly as?: 'spnego' | 'bare' | 'ntlm-first';
}

/** One exchange of a user: what goes into `Authorization`, and what must come back. */
export class SignOn {
  readonly #initiator: Initiator;
  readonly #as: 'spnego' | 'bare' | 'ntlm-first';
  readonly #kerberosToken: Uint8Array;
  #context: SecurityContext | undefined;

  constructor(initiator: Initiator, { as = 'spnego' }: SignOnOptions) {
    this.#initiator = initiator;
    this.#as = as;
    this.#kerberosToken = initiator.begin();
  }

  /** The header of the first request. */
  get authorization(): string {
    return negotiateHeader(this.#firstToken());
  }

  /** The header of the request that follows an answer; undefined after the last. */
  next(answer: Answer): string | undefined {
    const token = tokenOf(answer);
    assert.ok(token, `no token in an answer with status ${answer.status}`);
    const reply = decodeNegToken(token);
    assert.ok(reply.kind === 'resp');
    if (reply.responseToken === undefined) {
      assert.equal(reply.supportedMech, Mechanism.krb5);
      return negotiateHeader(encodeNegTokenResp({ responseToken: this.#kerberosToken }));
    }
    this.#context = this.#initiator.finish(reply.responseToken);
    if (this.#as !== 'ntlm-first') return undefined;
    // RFC 4178 §5: the mechanism is not the preferred one, so both sides sign the list.
    const init = decodeNegToken(this.#firstToken());
    assert.ok(init.kind === 'init');
    this.#context.verifyMic(init.mechTypeList, reply.mechListMic!);
    const mechListMic = this.#context.getMic(init.mechTypeList);
    return negotiateHeader(encodeNegTokenResp({ mechListMic }));
  }

  /**
   * Verifies the proof of the server's identity in an answer.
   *
   * @returns The user's side of the context.
   */
  verify(answer: Answer): SecurityContext {
    if (this.#context !== undefined) return this.#context;
    const token = tokenOf(answer);
    assert.ok(token, `no proof of the server's identity; status ${answer.status}`);
    if (this.#as === 'bare') return this.#initiator.finish(token);
    const reply = decodeNegToken(token);
    assert.ok(reply.kind === 'resp');
    return this.#initiator.finish(reply.responseToken);
  }

  #firstToken(): Uint8Array {
    switch (this.#as) {
      case 'bare':
        return this.#kerberosToken;
      case 'spnego':
        return encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: this.#kerberosToken });
      case 'ntlm-first':
        return encodeNegTokenInit({
          mechTypes: [Mechanism.ntlmssp, Mechanism.krb5],
          mechToken: NTLM_TOKEN,
        });
    }
  }
}

/** `Negotiate` and the token in base64. */
export function negotiateHeader(token: Uint8Array): string {
  return `Negotiate ${encodeBase64(token)}`;
}

/** The token in `WWW-Authenticate: Negotiate`; undefined if there is none. */
export function tokenOf({ headers }: Answer): Uint8Array | undefined {
  const field = headers.get('www-authenticate')?.find((one) => one.startsWith('Negotiate '));
  return field === undefined ? undefined : decodeBase64(field.slice('Negotiate '.length));
}

/** The first message of NTLM, as browsers without a ticket send it. */
export const NTLM_TOKEN: Uint8Array = encodeUtf8(
  'NTLMSSP\0\u0001\0\0\0\u0007\u0082\u0008\u00a2',
).subarray(0, 16);
